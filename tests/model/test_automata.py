# SPDX-License-Identifier: MIT
"""The automaton of stop strings finds the end of each of them."""

import random

import numpy as np
import pytest

from gru_ext import Vocabulary
from gru_ext.model.automata import fewest_symbols, stop_automaton

VOCABULARY = Vocabulary("abc\n")


def stops(strings, vocabulary=VOCABULARY):
    return stop_automaton([vocabulary.encode(s) for s in strings], len(vocabulary))


def check(strings, text):
    automaton = stops(strings)
    state = 0
    for end, symbol in enumerate(VOCABULARY.encode(text), 1):
        state = automaton.next[state, symbol]
        ended = [len(s) for s in strings if text.find(s, end - len(s), end) == end - len(s) >= 0]
        assert automaton.accepting[state] == bool(ended), (strings, text[:end])
        assert automaton.longest[state] == max(ended, default=0)
        assert automaton.shortest[state] == min(ended, default=0)


@pytest.mark.parametrize(
    "strings",
    [
        ["a"],
        ["ab", "abc"],  # a prefix
        ["abc", "bc", "c"],  # suffixes
        ["abcab", "bca"],  # within another
        ["aa", "aaaa"],
        ["\n\n", "a\n"],
        ["ab", "ab"],
        ["abab", "babb", "bb"],
    ],
)
def test_stop_strings_of_each_kind(strings):
    draw = random.Random(0)
    for _ in range(20):
        check(strings, "".join(draw.choices("abc\n", k=60)))
        check(strings, "".join(draw.choices([*strings, "a", "b"], k=20)))


def test_random_stop_strings():
    draw = random.Random(1)
    for _ in range(100):
        strings = ["".join(draw.choices("abc", k=draw.randint(1, 4))) for _ in range(3)]
        check(strings, "".join(draw.choices("abc", k=60)))


def test_the_table():
    automaton = stops(["ab"])
    assert automaton.next.tolist() == [[1, 0, 0, 0], [1, 2, 0, 0], [1, 0, 0, 0]]
    assert automaton.next.dtype == np.int32
    assert automaton.next.flags.c_contiguous
    assert automaton.accepting.tolist() == [False, False, True]
    assert automaton.to_accept.tolist() == [2, 1, 0]
    assert automaton.longest.tolist() == automaton.shortest.tolist() == [0, 0, 2]


def test_the_last_symbol_of_a_large_vocabulary():
    automaton = stop_automaton([np.array([19_999, 3])], 20_000)
    assert automaton.next.shape == (3, 20_000)
    assert automaton.next[0].nonzero()[0].tolist() == [19_999]
    assert automaton.next[1, [3, 19_999]].tolist() == [2, 1]


def test_states_that_lead_nowhere():
    rows = np.array([[1, 2], [1, -1], [-1, -1]], np.int32)
    assert fewest_symbols(rows, np.array([False, False, True])).tolist() == [1, -1, 0]


@pytest.mark.parametrize(
    ("strings", "error", "message"),
    [
        ([], ValueError, "`strings` must have at least one string"),
        ([[]], ValueError, r"`strings` must .* n at least 1"),
        ([[[0]]], ValueError, r"`strings` must .* not of shape \(1, 1\)"),
        ([[0.5]], TypeError, "`strings` must be integer symbols, not float64"),
        ([[0], [-1]], ValueError, "`strings` must have symbols from 0 to 9"),
        ([[10]], ValueError, "`strings` must have symbols from 0 to 9, not 10 to 10"),
        ([np.zeros(2**23, int)], ValueError, "8,388,609 states .* 67,108,864 elements"),
    ],
)
def test_strings_that_are_refused(strings, error, message):
    with pytest.raises(error, match=message):
        stop_automaton([np.asarray(s) for s in strings], 10)
