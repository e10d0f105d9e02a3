# SPDX-License-Identifier: MIT
"""The sampler with a regex, stop strings and a length: what is sampled, and where samples end."""

import re

import numpy as np
import pytest
from sampling_reference import LENGTH, NONE, REGEX, STOP, Reference, regex_tables, stop_tables

from gru_ext.core.sampler import ENDINGS, Sampler

A, B, C = range(3)
# (ab|c)*a?bb: the symbol read last, and 4 after ab, 5 after abb, 6 after bb
PATTERN = re.compile("(?:01|2)*0?11")
TRANSITIONS = {
    0: {A: 1, B: 2, C: 3},
    1: {B: 4},
    2: {B: 6},
    3: {A: 1, B: 2, C: 3},
    4: {A: 1, B: 5, C: 3},
    5: {B: 6},
    6: {},
}


def text_of(symbols):
    return "".join(str(v) for v in symbols if v >= 0)


def check(V, n, streams, dtype, scale=1.0, **settings):
    """The symbols and endings are those of the definitions; return them."""
    rng = np.random.default_rng(3)
    logits = (scale * rng.standard_normal((n, streams, V))).astype(dtype)
    uniforms = rng.random((n, streams))
    symbols, ended = Sampler(V, streams, dtype, **settings).choose(logits, uniforms)
    for b in range(streams):
        reference = Reference(V, dtype, **settings)
        want, why = reference.choose(logits[:, b], uniforms[:, b])
        np.testing.assert_array_equal(symbols[:, b], want)
        assert ended[b] == why
    return symbols, ended


def test_codes_of_endings():
    assert [ENDINGS[code] for code in (NONE, STOP, REGEX, LENGTH)] == [
        None,
        "stop",
        "regex",
        "length",
    ]


@pytest.mark.parametrize("length", [2, 3, 5, 8, 40])
@pytest.mark.parametrize(
    "settings", [{}, {"top_k": 1}, {"top_p": 0.6}, {"temperature": 0}], ids=str
)
def test_each_sample_matches(length, settings, isa, dtype):
    """The pattern allows no symbol after a match; V is larger than its alphabet."""
    pattern = re.compile("(?:01|2)*11")
    transitions = {0: {A: 1, B: 2, C: 0}, 1: {B: 0}, 2: {B: 3}, 3: {}}
    tables = regex_tables(transitions, [3], 5)
    symbols, ended = check(5, 40, 20, dtype, regex=tables, length=length, **settings)
    texts = [text_of(column) for column in symbols.T]
    assert all(pattern.fullmatch(text) and len(text) <= length for text in texts)
    assert set(ended) <= {REGEX, LENGTH}
    if length == 8 and not settings:
        assert len(set(texts)) > 5


@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_complete_match_ends_at_a_forbidden_symbol(length, isa, dtype):
    """a(ba)*, sampled with p = 1/4 for each of four symbols: a match ends with 3/4."""
    tables = regex_tables({0: {A: 1}, 1: {B: 2}, 2: {A: 1}}, [1], 4)
    streams = 4000
    logits = np.zeros((8, streams, 4), dtype)
    uniforms = np.random.default_rng(0).random((8, streams))
    sampler = Sampler(4, streams, dtype, regex=tables, length=length)
    symbols, ended = sampler.choose(logits, uniforms)
    texts = [text_of(column) for column in symbols.T]
    assert all(re.fullmatch("0(10)*", text) and len(text) <= length for text in texts)
    assert all(why == (LENGTH if len(text) == length else REGEX)
               for text, why in zip(texts, ended, strict=True))  # fmt: skip
    # where another "ba" fits
    if length == 7:
        assert abs(np.mean([len(text) == 1 for text in texts]) - 3 / 4) < 0.03
    check(4, 10, 5, dtype, regex=tables, length=length)


def test_a_match_may_have_no_symbols(dtype):
    """a*: the first symbol chosen ends the match, unless it is an a."""
    tables = regex_tables({0: {A: 0}}, [0], 2)
    logits = np.zeros((3, 2, 2), dtype)
    uniforms = np.array([[0.9, 0.1], [0.9, 0.9], [0, 0]])
    sampler = Sampler(2, 2, dtype, regex=tables, length=5)
    symbols, ended = sampler.choose(logits, uniforms)
    assert symbols.tolist() == [[-1, A], [-1, -1], [-1, -1]]
    assert ended.tolist() == [REGEX, REGEX]
    # where all symbols are allowed, the length alone ends it
    tables = regex_tables({0: {A: 0, B: 0}}, [0], 2)
    symbols, ended = Sampler(2, 2, dtype, regex=tables, length=3).choose(logits, uniforms)
    assert symbols.min() >= 0
    assert ended.tolist() == [LENGTH, LENGTH]


def test_a_match_ends_where_no_symbol_fits(dtype):
    """(aaa)*: after one a of 4, three more fit; after three, none do, although a is allowed."""
    tables = regex_tables({0: {A: 1}, 1: {A: 2}, 2: {A: 0}}, [0], 1)
    logits, uniforms = np.zeros((9, 1, 1), dtype), np.zeros((9, 1))
    sampler = Sampler(1, 1, dtype, regex=tables, length=5)
    symbols, ended = sampler.choose(logits, uniforms)
    assert symbols[:, 0].tolist() == [A] * 3 + [-1] * 6
    assert ended[0] == REGEX


def test_states_without_a_way_out_are_avoided(dtype):
    tables = regex_tables({0: {A: 1, B: 2}, 1: {A: 1}, 2: {}}, [2], 2)
    assert tables[2][1] == 2**31 - 1
    symbols, ended = check(2, 3, 30, dtype, regex=tables, length=9)
    assert (symbols[0] == B).all()
    assert (ended == REGEX).all()


def test_nothing_is_sampled_where_all_symbols_are_banned(dtype):
    """The caller promises that this does not occur; the sample ends."""
    tables = regex_tables({0: {A: 1}, 1: {}}, [1], 2)
    sampler = Sampler(2, 1, dtype, regex=tables, length=9, bias=np.array([-np.inf, 0]))
    symbols, ended = sampler.choose(np.zeros((2, 1, 2), dtype), np.zeros((2, 1)))
    assert symbols.ravel().tolist() == [-1, -1]
    assert ended[0] == REGEX


def test_logits_that_are_not_numbers(isa, dtype):
    """Nothing outside the tables is read."""
    tables = regex_tables({0: {A: 1}, 1: {B: 0}}, [1], 33)
    logits = np.full((20, 3, 33), np.nan, dtype)
    logits[::2, 1] = 0
    sampler = Sampler(33, 3, dtype, regex=tables, length=9)
    symbols, ended = sampler.choose(logits, np.full((20, 3), 0.5))
    assert symbols.max() < 33
    assert ended.all()


@pytest.mark.parametrize("settings", [{}, {"length": 20}, {"top_k": 2}], ids=str)
def test_stop_strings(settings, isa, dtype):
    strings = [(A, B, A, C), (C, C), (B, A, B)]
    tables = stop_tables(strings, 3)
    symbols, ended = check(3, 60, 20, dtype, stop=tables, **settings)
    texts = [text_of(column) for column in symbols.T]
    found = [min((t.find(s) + len(s) for s in ("0102", "22", "101") if s in t), default=None)
             for t in texts]  # fmt: skip
    assert all(at == (len(text) if why == STOP else None)
               for at, text, why in zip(found, texts, ended, strict=True))  # fmt: skip
    assert STOP in ended
    assert len(set(texts)) > 5


def test_a_stop_string_in_a_match(isa, dtype):
    regex = regex_tables(TRANSITIONS, [5, 6], 3)
    symbols, ended = check(
        3, 30, 40, dtype, regex=regex, length=20, stop=stop_tables([(C, C)], 3), dry=1.0,
        dry_length=2, dry_range=10, min_p=0.05)  # fmt: skip
    for column, why in zip(symbols.T, ended, strict=True):
        text = text_of(column)
        assert text.endswith("22") if why == STOP else PATTERN.fullmatch(text)
    assert set(ended) >= {STOP, REGEX}


@pytest.mark.parametrize("length", [1, 2, 30])
def test_length(length, dtype):
    symbols, ended = check(9, 30, 2, dtype, length=length)
    np.testing.assert_array_equal((symbols >= 0).sum(axis=0), length)
    assert (ended == LENGTH).all()
    if length == 30:
        _, ended = check(9, 29, 2, dtype, length=length)
        assert not ended.any()


def test_read_is_no_part_of_the_sample(dtype):
    """The length, the regex and the stop strings begin after what was read."""
    logits, uniforms = np.zeros((4, 1, 2), dtype), np.full((4, 1), 0.6)
    sampler = Sampler(2, 1, dtype, length=2, stop=stop_tables([(A, B)], 2))
    sampler.read([[B], [A], [A]])
    symbols, ended = sampler.choose(logits, uniforms)
    assert symbols.ravel().tolist() == [B, B, -1, -1]
    assert ended[0] == LENGTH
