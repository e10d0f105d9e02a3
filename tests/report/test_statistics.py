# SPDX-License-Identifier: MIT
"""The statistics of a report, by their definitions."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from gru_ext.report.calibration import BINS, calibration_counts, calibration_error
from gru_ext.report.surprise import (
    block_means,
    count_by,
    entropies,
    extreme_lines,
    lines_of,
    places_after,
    places_in_words,
)

NAN = math.nan


def test_bits_by_group():
    groups = np.array([0, 1, 1, 2, -1, 7, 1])
    bits = np.array([NAN, 1, 2, 4, 100, 100, NAN])
    numbers, sums = count_by(groups, bits, 4)
    assert numbers.tolist() == [0, 2, 1, 0]
    assert sums.tolist() == [0, 3, 4, 0]


@pytest.mark.parametrize(
    ("text", "first", "places"),
    [
        ("ab\ncd\n\ne", True, [1, 2, 3, 1, 2, 3, 1, 1]),
        ("ab\ncd", False, [-1, -1, -1, 1, 2]),
        ("abc", False, [-1, -1, -1]),
        ("\n", True, [1]),
    ],
)
def test_places_after_newlines(text, first, places):
    marks = np.array([c == "\n" for c in text])
    assert places_after(marks, first).tolist() == places


def test_places_in_words():
    letters = np.array([c.isalnum() for c in "to be, 42"])
    assert places_in_words(letters).tolist() == [1, 2, 0, 1, 2, 0, 0, 1, 2]


def test_entropies_of_counting_models():
    symbols = np.random.default_rng(0).choice(5, 400, p=[0.5, 0.2, 0.1, 0.1, 0.1])
    single, pair = entropies(symbols, 5)
    targets, n = Counter(symbols[1:].tolist()), len(symbols) - 1
    assert single == pytest.approx(-sum(c / n * math.log2(c / n) for c in targets.values()))
    pairs, contexts = Counter(pairwise(symbols)), Counter(symbols[:-1])
    expected = -sum(c / n * math.log2(c / contexts[a]) for (a, _), c in pairs.items())
    assert pair == pytest.approx(expected)
    assert entropies(np.zeros(9, int), 1) == (0, 0)


def test_lines():
    newlines = np.array([c == "\n" for c in "ab\n\n0123456789\nx"])
    assert lines_of(newlines, 4).tolist() == [
        *([0, 3], [3, 4], [4, 8], [8, 12], [12, 15]),
        [15, 16],
    ]
    assert lines_of(np.zeros(3, bool), 9).tolist() == [[0, 3]]


def test_the_extreme_lines():
    lines = np.array([[0, 3], [3, 5], [5, 8], [8, 9], [9, 12]])
    bits = np.array([NAN, 1, 2, 5, 5, 1, 1, 1, 9, 3, 3, 3])
    worst, best = extreme_lines(lines, bits, 6, shortest=2)
    assert worst == [(3, 5, 5), (9, 12, 3)]
    assert best == [(5, 8, 1), (0, 3, 1.5)]


def test_block_means():
    bits = np.array([NAN, 2, 4, 6, 1, 1])
    assert block_means(bits, 3).tolist() == [2, 5, 1]
    assert block_means(bits, 99).tolist() == [0, 2, 4, 6, 1, 1]


def test_calibration_counts():
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(4) / 2, 300)
    p[0] = [1, 0, 0, 0]
    targets = rng.integers(-1, 4, 300)
    counts = np.zeros((3, BINS))
    for row, target in zip(p, targets, strict=True):
        for event, probability in enumerate(row):
            at = min(int(probability * BINS), BINS - 1)
            counts[:, at] += 1, probability, event == target
    halves = calibration_counts(p[:99], targets[:99]) + calibration_counts(p[99:], targets[99:])
    np.testing.assert_allclose(halves, counts)


def test_calibration_error():
    counts = np.zeros((3, BINS))
    counts[:, 3] = 10, 1.75, 3.75
    counts[:, 8] = 30, 12.75, 9.75
    # |0.375 - 0.175| of 10 predictions, |0.325 - 0.425| of 30
    assert calibration_error(counts) == pytest.approx((10 * 0.2 + 30 * 0.1) / 40)
    assert calibration_error(np.zeros((3, BINS))) == 0
