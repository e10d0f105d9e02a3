# SPDX-License-Identifier: MIT
"""Statistics of the bits of each character: by class, by position, by line."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

Symbols = NDArray[np.integer]
Bits = NDArray[np.float64]


def count_by(
    groups: NDArray[np.integer], bits: Bits, count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The number of predicted characters in each group, and the sum of their bits.

    Parameters
    ----------
    groups : ndarray of integers, shape (n,)
        The group of each character, from 0 to count - 1; others are left out.
    bits : ndarray, shape (n,)
        NaN where nothing was predicted.

    Returns
    -------
    numbers, sums : ndarrays, shape (count,)
    """
    used = np.isfinite(bits) & (groups >= 0) & (groups < count)
    numbers = np.bincount(groups[used], minlength=count)
    return numbers, np.bincount(groups[used], bits[used], count).astype(np.float64)


def places_after(marks: NDArray[np.bool_], first: bool = True) -> NDArray[np.int64]:
    """How many places ago the last mark was, shape (n,): 1 just after it.

    Parameters
    ----------
    marks : ndarray of bool, shape (n,)
    first : bool
        Whether the sequence begins as after a mark. Otherwise places before the first mark are -1.
    """
    places = np.arange(len(marks))
    last = np.maximum.accumulate(np.where(marks, places, -1))
    before = np.concatenate([[-1], last[:-1]])
    after: NDArray[np.int64] = places - before
    return after if first else np.where(before < 0, -1, after)


def places_in_words(letters: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The place of each character in its word, from 1 on; 0 outside words, shape (n,)."""
    return np.where(letters, places_after(~letters), 0)


def entropies(symbols: Symbols, V: int) -> tuple[float, float]:
    """The bits per character of two simple models that count on this same text.

    Returns
    -------
    single : float
        The entropy of the characters: -sum p(c) log2 p(c).
    pair : float
        The entropy of a character given the one before it.
    """
    single = np.bincount(symbols[1:], minlength=V)
    contexts = np.bincount(symbols[:-1], minlength=V)
    pairs = np.unique(symbols[:-1].astype(np.int64) * V + symbols[1:], return_counts=True)[1]
    return _total_bits(single) / single.sum(), (
        _total_bits(pairs) - _total_bits(contexts)
    ) / contexts.sum()


def _total_bits(counts: NDArray[np.integer]) -> float:
    """N times the entropy of counts that add up to N."""
    counts = counts[counts > 0]
    total = counts.sum()
    return float(np.sum(counts * (np.log2(total) - np.log2(counts))))


def lines_of(newlines: NDArray[np.bool_], longest: int) -> NDArray[np.int64]:
    """Start and end of each line, shape (k, 2); a line ends after its newline or after so many."""
    ends = np.flatnonzero(newlines) + 1
    edges = np.unique(np.concatenate([[0], ends, [len(newlines)]]))
    starts = np.concatenate(
        [np.arange(a, b, longest) for a, b in itertools.pairwise(edges)] or [np.empty(0, np.int64)]
    )
    return np.stack([starts, np.append(starts[1:], len(newlines))[: len(starts)]], axis=1)


def extreme_lines(
    lines: NDArray[np.int64], bits: Bits, count: int, shortest: int
) -> tuple[list[tuple[int, int, float]], list[tuple[int, int, float]]]:
    """The lines with the highest and those with the lowest mean of bits.

    Parameters
    ----------
    lines : ndarray, shape (k, 2)
        Start and end of each line.
    bits : ndarray, shape (n,)
    count : int
        How many of each.
    shortest : int
        Lines with fewer predicted characters are left out.

    Returns
    -------
    worst, best : lists of (start, end, mean)
        The most extreme first. No line is in both.
    """
    predicted = np.concatenate([[0], np.cumsum(np.isfinite(bits))])
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(bits))])
    numbers = predicted[lines[:, 1]] - predicted[lines[:, 0]]
    lines, numbers = lines[numbers >= shortest], numbers[numbers >= shortest]
    means = (total[lines[:, 1]] - total[lines[:, 0]]) / numbers
    order = np.argsort(means, kind="stable")
    count = min(count, len(lines) // 2)
    found = [(int(lines[i, 0]), int(lines[i, 1]), float(means[i])) for i in order]
    return found[::-1][:count], found[:count]


def block_means(bits: Bits, blocks: int) -> NDArray[np.float64]:
    """The mean of the bits in each of up to so many blocks of equal length, without NaN."""
    edges = np.linspace(0, len(bits), min(blocks, len(bits)) + 1).astype(np.int64)
    numbers = np.add.reduceat(np.isfinite(bits).astype(np.int64), edges[:-1])
    sums = np.add.reduceat(np.nan_to_num(bits), edges[:-1])
    means: NDArray[np.float64] = sums / np.maximum(numbers, 1)
    return means
