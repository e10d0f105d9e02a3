# SPDX-License-Identifier: MIT
"""Samples with constraints: stop texts, allowed and banned characters, regular expressions."""

import math
import re

import numpy as np
import pytest
from enumeration import assert_sampled_from, outcomes, toy

import gru_ext
from gru_ext.core.sampler import ENDINGS
from gru_ext.core.sampling_loop import sample_symbols
from gru_ext.model import sampling
from gru_ext.model.sampling_options import SamplingOptions

BYTES = "".join(map(chr, range(256)))
STOPS = [
    ["b"],
    ["ab", "b"],
    ["aab", "ab", "ca"],
    ["abcabc", "bc"],
    ["aa", "aaa"],
    ["cccccccccccccccccccc"],
]


@pytest.fixture(scope="module")
def model():
    return toy(scale=0.7)


@pytest.mark.parametrize("name", ["stop", "allowed", "banned"])
def test_other_characters_are_never_the_unknown_token(name):
    model = gru_ext.Model.create(gru_ext.Vocabulary("ab\ufffd", unknown=True), 4)
    assert len(model.sample(9, "az", seed=1)) == 11
    with pytest.raises(ValueError, match=f"`{name}` has characters that .*: 'z'"):
        model.sample(9, "a", **{name: "z"})


def first_stop(text, stops):
    """The place where a stop text first ends, and the longest one that ends there."""
    ends = [
        (end, -len(stop))
        for stop in stops
        for end in range(len(stop), len(text) + 1)
        if text[:end].endswith(stop)
    ]
    return min(ends, default=None)


@pytest.mark.parametrize("stops", STOPS, ids=str)
@pytest.mark.parametrize("part", [1, 2, 7, 256])
def test_stop_texts(model, stops, part, monkeypatch):
    """A sample is the one without stop texts up to the first place where one ends."""
    monkeypatch.setattr(sampling, "_PART", part)
    endings = set()
    for seed in range(30):
        whole = model.sample(25, "a", seed=seed)[1:]
        found = first_stop(whole, stops)
        end, cut = found or (25, 0)
        kept, shown = whole[:end], whole[: end + cut]
        for keep_stop, expected in ((True, kept), (False, shown)):
            options = {"seed": seed, "stop": stops, "keep_stop": keep_stop}
            assert model.sample(25, "a", **options) == "a" + expected
            assert "".join(model.iter_sample(25, "a", **options)) == expected
            [sample] = model.generate(25, "a", **options)
            assert sample.stop == ("stop" if found else "length")
            assert sample.bits == pytest.approx(model.score(kept, "a").total_bits)
            stream = model.stream()
            stream.feed("a")
            assert stream.draw(25, **options) == expected
        endings.add(sample.stop)
    assert ("stop" in endings) == (stops != STOPS[-1])


def test_a_stop_text_of_the_prompt_ends_nothing(model):
    """What the model reads is not searched, not even for a beginning."""
    assert len(model.sample(25, "ab", seed=1, stop="ba", allowed="ac")) == 27


def test_one_stop_text_may_be_given_alone(model):
    for seed in range(5):
        alone = model.sample(25, seed=seed, stop="ab")
        assert alone == model.sample(25, seed=seed, stop=["ab"])
        assert alone == model.sample(25, seed=seed, stop=("ab", "ab"))


@pytest.mark.parametrize("part", [1, 256])
def test_a_stop_inside_a_character_of_several_bytes(part, monkeypatch):
    """What is left of the character is not UTF-8."""
    monkeypatch.setattr(sampling, "_PART", part)
    model = toy(BYTES, units="bytes")
    regex = {"regex": "☃{3}", "seed": 0}
    assert model.sample(9, b"a", **regex) == "a☃☃☃".encode()
    euro, cut = "☃".encode(), {"stop": "☃".encode()[1:2], **regex}
    assert model.sample(9, b"a", **cut) == b"a" + euro[:1]
    assert model.sample(9, "a", **cut) == "a\ufffd"
    assert list(model.iter_sample(9, "a", **cut)) == ["\ufffd"]
    assert model.sample(9, b"a", keep_stop=True, **cut) == b"a" + euro[:2]
    assert model.sample(9, "a", keep_stop=True, **cut) == "a\ufffd"
    [sample] = model.generate(9, "a", **cut)
    assert sample.bits == pytest.approx(model.score(euro[:2], b"a").total_bits)
    assert model.sample(9, "a", stop="☃", **regex) == "a"
    assert "".join(model.iter_sample(9, "a", stop="☃", keep_stop=True, **regex)) == "☃"


def test_allowed_and_banned_characters(model):
    assert set(model.sample(200, "b", seed=1, allowed="ac")[1:]) == {"a", "c"}
    for banned in ({"banned": "b"}, {"logit_bias": {"b": -math.inf}}):
        assert model.sample(200, "b", seed=1, **banned) == model.sample(
            200, "b", seed=1, allowed="ac"
        )
    assert model.sample(9, "b", allowed="ac", banned="a") == "b" + "c" * 9
    assert model.sample(9, "b", temperature=0, banned="ab") == "b" + "c" * 9


def test_the_distribution_with_a_bias(model):
    """exp(bias) multiplies the probabilities."""
    bias = {"a": 1.5, "c": -0.5}
    p = {c: q * math.exp(bias.get(c, 0)) for c, q in model.next_probabilities("ab").items()}
    drawn = model.sample(1, "ab", seed=0, n=4000, logit_bias=bias)
    counts = [sum(text[-1] == c for text in drawn) for c in p]
    total = sum(p.values())
    assert_sampled_from(counts, [q / total for q in p.values()])


REGEXES = ["[ab]*c", "a*", "(ab|c)*", "(a|bb?)?c?", "a{2}|b", "[^c]{1,3}", "(aa)*", "b?"]


@pytest.mark.parametrize("regex", REGEXES)
@pytest.mark.parametrize("length", [2, 5])
def test_samples_match(model, regex, length):
    for prompt in ("a", "cb"):
        for sample in model.generate(length, prompt, seed=0, n=50, regex=regex):
            assert re.fullmatch(regex, sample.continuation)
            assert len(sample.continuation) <= length
    stream = model.stream(20)
    stream.feed("a")
    assert all(re.fullmatch(regex, text) for text in stream.draw(length, seed=1, regex=regex))


@pytest.mark.parametrize("temperature", [0.0, 0.5, 2.0])
def test_samples_match_with_other_options(model, temperature):
    options = {"temperature": temperature, "top_p": 0.7, "dry": 2.0, "dry_length": 1}
    for text in model.sample(6, "a", seed=0, n=50, regex="(ab|c)*b?", **options):
        assert re.fullmatch("(ab|c)*b?", text[1:])


@pytest.mark.parametrize("regex", REGEXES)
@pytest.mark.parametrize("stop", [(), ("ab",)])
def test_the_distribution_of_matches(model, regex, stop):
    """The products of probabilities, of which those that are left in a step sum to 1."""
    expected = {
        (each.text, each.ending): each.sampled for each in outcomes(model, "b", 4, stop, regex)
    }
    assert sum(expected.values()) == pytest.approx(1)
    options = {"regex": regex, "stop": list(stop), "keep_stop": True}
    found = model.generate(4, "b", seed=0, n=3000, **options)
    counts = dict.fromkeys(expected, 0)
    for sample in found:
        counts[sample.continuation, sample.stop] += 1
    assert_sampled_from([*counts.values()], [*expected.values()])


@pytest.mark.parametrize("regex", ["[ab]*c", "(ab|c)*", "(a|bb?)?c?"])
def test_the_exact_probabilities_of_matches(model, regex):
    """Random numbers on a fine grid: the fraction of them that gives a text is its probability.

    Each text is the result of random numbers in a box, whose sides are probabilities.
    """
    length, grid = 2, 200
    options = SamplingOptions(regex=regex)
    plan = sampling.plan_of(model, options, length)
    u = (np.arange(grid) + 0.5) / grid
    uniforms = np.stack([np.repeat(u, grid), np.tile(u, grid)])
    B = uniforms.shape[1]
    stream, sampler = model.stream(B), plan.sampler(B)
    stream.feed("b")
    sampled = sample_symbols(stream, sampler, uniforms)
    ended = sampler.ended
    found = {}
    for b in range(B):
        symbols = sampled[:, b]
        key = model.vocabulary.decode(symbols[symbols >= 0]), ENDINGS[ended[b]]
        found[key] = found.get(key, 0) + 1 / B
    expected = {
        (each.text, each.ending): each.sampled
        for each in outcomes(model, "b", length, (), regex)
        if each.sampled
    }
    assert found.keys() <= expected.keys()
    for key, p in expected.items():
        assert found.get(key, 0) == pytest.approx(p, abs=3 / grid)
