# SPDX-License-Identifier: MIT
"""The automaton of a regular expression accepts what re matches from end to end."""

import itertools
import random
import re
import warnings

import numpy as np
import pytest

from gru_ext import Vocabulary
from gru_ext.model import regex_parts
from gru_ext.model.regex import regex_automaton
from gru_ext.model.utf8_ranges import CODE_POINTS, utf8_nodes

BYTES = Vocabulary.from_text("a", "bytes")
CHARACTERS = "ab1 \n"
WIDE = "a1Kk\u212aé\u00c9\u0663\u2003\u017f_\u4e00\U0001f642\n"

PATTERNS = [
    "",
    "a",
    "ab",
    "a|b",
    "a|",
    "|",
    "a|ab|b1",
    "(a)(b)",
    "(?:a)b",
    "(?P<name>a)b|b",
    "a*",
    "a+",
    "a?",
    "a*?b",
    "a+?",
    "a??b",
    "a{2}",
    "a{2,}",
    "a{,2}",
    "a{,}",
    "a{1,3}?",
    "a{0}b",
    "(ab|1)*",
    "(a*)*",
    "(a*b*)*",
    "(a?){3}",
    "(a|b?)+1",
    "((a|b)*1)*",
    "(?:a|b)*a(?:a|b)",
    ".",
    ".*",
    "(?s).*",
    "(?s:.)a|.b",
    "(.{1,2}\n)*",
    "[ab]",
    "[^ab]+",
    "[a-b]1*",
    "[]a]",
    "[^]a]",
    "[a-]b",
    r"[\]a]b",
    r"[^\s\d]+",
    r"[\w-]+",
    r"\d+",
    r"\D\s",
    r"\w\W",
    r"\S*",
    r"\x61\u0062\U00000031",
    r"\N{DIGIT ONE}a",
    r"\141\012",
    r"\n\x20",
    r"\ a",
    "{a|b",
    "a{b|a",
    "a{}|b",
    "a{ 1}|b",
    "(?i)A|B1",
    "(?i:A)b",
    "(?i)a(?-i:B)|b",
    "(?x) a b  # a comment ) (\n 1 ",
    "(?x: a [ ] b) |b",
    r"(?x) a \  b",
    "(?x) a (?-x: b) * 1",
    "a(?#a comment)b",
    "a(?#a comment)*",
    "^a$",
    r"\Aab\Z",
    "^(^a|b$)$",
    "^|a$",
    "(?a)\\w",
    "(?m)^a$",
]

UNICODE = [
    ".",
    r"\w",
    r"\W",
    r"\d",
    r"\D",
    r"\s",
    r"\S",
    "é",
    r"\u00e9|\N{KELVIN SIGN}",
    "(?i)k",
    "(?i)é",
    "(?i)[s-t]",
    "(?i)[^k]",
    "(?ia)k",
    r"(?a)\w",
    r"(?a:\d)|\d(?u:\d)",
    r"(?a)\w|(?u:\d)\d",
    r"[^\W\d_]",
    "[\u4e00-\u9fff]",
    "[^é]",
    "🙂|一",
    "(?s:.)(?i:\u212a)",
]


def accepts(automaton, symbols):
    state = 0
    for symbol in symbols:
        state = automaton.next[state, symbol]
        if state < 0:
            return False
    return bool(automaton.accepting[state])


def texts(characters, length):
    for n in range(length + 1):
        yield from map("".join, itertools.product(characters, repeat=n))


def automaton_or_message(pattern, vocabulary):
    try:
        return regex_automaton(pattern, vocabulary), ""
    except ValueError as error:
        return None, str(error)


def check_against_re(pattern, vocabulary, characters, length):
    """Compare all texts up to a length; a pattern that matches none of any length is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a later Python may read in another way
        matches = re.compile(pattern).fullmatch
    automaton, message = automaton_or_message(pattern, vocabulary)
    if automaton is None:
        assert "matches no text" in message
        assert not any(matches(text) for text in texts(characters, length)), pattern
        return None
    for text in texts(characters, length):
        found = accepts(automaton, vocabulary.encode(text))
        assert found == bool(matches(text)), (pattern, text)
    return automaton


def check_states(automaton):
    """Every state is reached from the first one and leads to an accepting one."""
    n_states = len(automaton.next)
    assert set(automaton.next.ravel().tolist()) - {-1} >= set(range(1, n_states))
    expected = np.where(automaton.accepting, 0, n_states)
    changed = True
    while changed:
        after = np.where(automaton.next >= 0, expected[automaton.next], n_states)
        before, expected = expected, np.minimum(expected, after.min(axis=1) + 1)
        changed = (before != expected).any()
    assert expected.max() < n_states
    assert automaton.to_accept.tolist() == expected.tolist()
    assert automaton.next.flags.c_contiguous
    assert automaton.next.dtype == automaton.to_accept.dtype == np.int32


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_accepts_what_re_matches(pattern):
    characters = CHARACTERS + "{}"
    for vocabulary in (Vocabulary(characters), BYTES):
        automaton = check_against_re(pattern, vocabulary, characters, 3)
        check_states(automaton)


@pytest.mark.parametrize("pattern", UNICODE)
def test_classes_and_flags_are_those_of_re(pattern):
    for vocabulary in (Vocabulary(WIDE), BYTES):
        automaton = check_against_re(pattern, vocabulary, WIDE, 2)
        check_states(automaton)


def random_pattern(draw, depth):
    kind = draw.randrange(8 if depth else 2)
    if kind < 2:
        return draw.choice(["a", "b", "1", ".", "[ab]", "[^a]", r"\d", r"\w", r"\s", "", "é"])
    if kind == 2:
        return f"(?:{random_pattern(draw, depth - 1)}|{random_pattern(draw, depth - 1)})"
    if kind == 3:
        group = draw.choice(["(", "(?:", "(?i:", "(?s:", "(?x:", "(?-i:"])
        return f"{group}{random_pattern(draw, depth - 1)})"
    if kind == 4:
        quantifier = draw.choice(["*", "+", "?", "*?", "{2}", "{1,2}", "{,2}", "{1,}", "{0,2}?"])
        return f"(?:{random_pattern(draw, depth - 1)}){quantifier}"
    return random_pattern(draw, depth - 1) + random_pattern(draw, depth - 1)


@pytest.mark.parametrize("seed", range(4))
def test_random_patterns(seed):
    draw = random.Random(seed)
    characters = "ab1\né"
    for _ in range(60):
        pattern = random_pattern(draw, 5)
        for vocabulary in (Vocabulary(characters), BYTES):
            automaton = check_against_re(pattern, vocabulary, characters, 3)
            if automaton:
                check_states(automaton)


@pytest.mark.parametrize("seed", range(2))
def test_nothing_but_a_value_error_comes_of_garbage(seed):
    draw = random.Random(seed)
    tokens = [*"ab1\n é\\[](){}|*+?^$.,-:<>=!#&~\0\ud800", "(?", "(?P<", "(?i", "{1,", "\\x4", "[^"]
    accepted = 0
    for _ in range(1500):
        pattern = "".join(draw.choices(tokens, k=draw.randrange(1, 9)))
        automaton, message = automaton_or_message(pattern, Vocabulary(CHARACTERS))
        if automaton is None:
            assert "`pattern`" in message
        else:
            accepted += 1
            check_against_re(pattern, Vocabulary(CHARACTERS), CHARACTERS, 3)
    assert accepted > 50


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"(a)\1", r"a back-reference, '\\\\1' at position 3"),
        ("(?P<x>a)b(?P=x)", r"a back-reference, '\(\?P' at position 9"),
        ("ab(?=c)", "a look-ahead, .* at position 2"),
        ("(?!c)a", "a look-ahead, .* at position 0"),
        ("a(?<=c)", "a look-behind, .* at position 1"),
        ("a(?<!c)", "a look-behind, .* at position 1"),
        (r"(?x) a \b", "a word boundary, .* at position 7"),
        (r"[\b]a\B", "a word boundary, .* at position 5"),
        ("(a)?(?(1)b|a)", "a conditional, .* at position 4"),
        ("a(?>b)", "an atomic group, .* at position 1"),
        ("ab*+", "a possessive repetition, .* at position 2"),
        ("[a]{1,2}+", "a possessive repetition, .* at position 3"),
        ("a^b", "anchor at its beginning alone, not at position 1"),
        ("(a|b$)1", "anchor at its end alone, not at position 4"),
        ("(^a)*", "anchor at its beginning alone, not at position 1"),
        ("a(b", r"must be a regular expression: .* at position 1"),
        ("a**", r"multiple repeat at position 2"),
        (r"\q", r"bad escape .* at position 0"),
        ("a" * 70_000, "at most 65,536 characters, not 70,000"),
        ("a{99999999999}", "the repetition number is too large"),
        ("(?L)a", "LOCALE|'L' flag"),
        ("(" * 3000 + ")" * 3000, "nested less deeply|must be a regular expression"),
    ],
)
def test_what_no_automaton_matches_is_refused_with_its_position(pattern, message):
    with pytest.raises(ValueError, match=message) as caught:
        regex_automaton(pattern, Vocabulary(CHARACTERS))
    assert "`pattern`" in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a|b)*a(a|b){20}", "needs more than 65,536 states"),
        ("(a{0,100}){0,100}", "too much work"),
        ("((a{1,100}){1,100}){1,100}", "2,030,30. parts, and may have 131,072"),
    ],
)
def test_large_automata_are_refused(pattern, message):
    for vocabulary in (Vocabulary(CHARACTERS), BYTES):
        with pytest.raises(ValueError, match=f"`pattern` must be simpler.*{message}"):
            regex_automaton(pattern, vocabulary)


def test_the_elements_of_the_table_are_bounded():
    wide = Vocabulary("".join(map(chr, range(0x4E00, 0x4E00 + 20_000))))
    assert regex_automaton(".{3000}", wide).next.shape == (3001, 20_000)
    with pytest.raises(ValueError, match=r"3,356 states or more for 20,000 .* most 3,355 states"):
        regex_automaton(".{3400}", wide)


def test_many_different_classes_are_refused(monkeypatch):
    monkeypatch.setattr(regex_parts, "_MOST_SEARCHED", 1 << 23)
    pattern = "".join(f"[a{chr(c)}]" for c in range(0x100, 0x108))
    with pytest.raises(ValueError, match=r"fewer different characters and classes: .* than 7"):
        regex_automaton(pattern, BYTES)


def test_what_may_not_be_used_is_left_out():
    vocabulary = Vocabulary("ab\ufffdc", unknown=True)
    allowed = np.array([True, True, True, False])
    automaton = regex_automaton(".*", vocabulary, allowed)
    assert automaton.next.tolist() == [[0, 0, -1, -1]]
    assert allowed.tolist() == [True, True, True, False]  # the argument is not changed
    # a state from which only a banned symbol leads to a match is not there
    assert len(regex_automaton("abc|a", vocabulary, allowed).next) == 2
    without = np.array(range(256)) != 0xA9
    letter = regex_automaton(r"\w", BYTES, without)
    assert accepts(letter, BYTES.encode("è"))
    assert not accepts(letter, BYTES.encode("é"))


@pytest.mark.parametrize(
    ("pattern", "missing"),
    [("é1", "'é', '1'"), ("(a[0-9]|é)+", r"\[0-9\], 'é'"), (r"a[^\s\S]", r"\[\^\\s\\S\]")],
)
def test_a_pattern_that_nothing_matches(pattern, missing):
    with pytest.raises(ValueError, match=f"matches no text .* none for {missing}$"):
        regex_automaton(pattern, Vocabulary("abc"))
    only = np.isin(np.arange(256), list(b"abc"))
    with pytest.raises(ValueError, match=f"matches no text .* none for {missing}$"):
        regex_automaton(pattern, BYTES, only)


def test_the_shortest_match_may_be_too_long():
    assert regex_automaton("a{3,}", Vocabulary("a"), length=3).to_accept[0] == 3
    with pytest.raises(ValueError, match=r"`length` must be 3 or more .*, not 2: .* 3 symbols"):
        regex_automaton("a{3,}", Vocabulary("a"), length=2)
    with pytest.raises(ValueError, match="`length` must be 2 or more"):
        regex_automaton("é", BYTES, length=1)


def test_arguments_of_a_wrong_kind():
    vocabulary = Vocabulary("ab")
    with pytest.raises(TypeError, match="`pattern` must be a str"):
        regex_automaton(b"a", vocabulary)
    with pytest.raises(TypeError, match="`allowed` must be an array of bool"):
        regex_automaton("a", vocabulary, np.ones(2))
    with pytest.raises(ValueError, match=r"`allowed` must have the shape \(2,\)"):
        regex_automaton("a", vocabulary, np.ones(3, bool))
    with pytest.raises(TypeError, match="`length` must be a whole number"):
        regex_automaton("a", vocabulary, length=1.5)


def test_halves_of_surrogate_pairs():
    assert accepts(regex_automaton(r"\ud800.", Vocabulary("a\ud800")), [1, 0])
    with pytest.raises(ValueError, match="matches no text"):
        regex_automaton("\ud800", BYTES)


@pytest.mark.parametrize("pattern", [".", r"\w", "(?i)[^k]", "[\u0700-\U00010800]"])
def test_bytes_are_the_utf_8_of_all_characters_and_nothing_else(pattern):
    every = "".join(chr(c) for c in range(CODE_POINTS) if not 0xD800 <= c < 0xE000)
    members = re.findall(pattern, every)
    automaton = regex_automaton(pattern, BYTES)
    for length in range(1, 5):
        encoded = "".join(c for c in members if len(c.encode()) == length).encode()
        states = np.zeros(len(encoded) // length, np.int32)
        for values in np.frombuffer(encoded, np.uint8).reshape(-1, length).T:
            states = automaton.next[states, values]
            assert (states >= 0).all()
        assert automaton.accepting[states].all()
    # there are no other paths to an accepting state
    paths = np.zeros(len(automaton.next), np.int64)
    paths[0] = 1
    accepted = 0
    for _ in range(4):
        following = np.zeros_like(paths)
        for state in np.flatnonzero(paths):
            targets = automaton.next[state][automaton.next[state] >= 0]
            np.add.at(following, targets, paths[state])
        paths = following
        accepted += paths[automaton.accepting].sum()
    assert accepted == len(members)


def test_characters_that_end_alike_share_nodes():
    every = np.ones(CODE_POINTS, bool)
    # the end, one to three more bytes, those after E0, ED, F0 and F4, the beginning
    assert len(utf8_nodes(every, np.ones(256, bool))) == 1 + 3 + 4 + 1
