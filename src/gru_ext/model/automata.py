# SPDX-License-Identifier: MIT
"""Deterministic automata over the symbols of a vocabulary, and the one that finds stop strings."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_ELEMENTS = 1 << 26
"""The most elements of :attr:`Automaton.next`: 256 MiB."""


@dataclass(frozen=True)
class Automaton:
    """A deterministic automaton with S states over V symbols; state 0 is the initial one.

    Attributes
    ----------
    next : ndarray of int32, shape (S, V), C-contiguous
        The state after each symbol; -1 where no match can follow.
    accepting : ndarray of bool, shape (S,)
        Whether what led to the state is a match.
    to_accept : ndarray of int32, shape (S,)
        The fewest symbols that lead from the state to an accepting one. Every state has such a
        path, and the initial state leads to every state.
    """

    next: NDArray[np.int32]
    accepting: NDArray[np.bool_]
    to_accept: NDArray[np.int32]


@dataclass(frozen=True)
class StopAutomaton(Automaton):
    """An automaton whose accepting states are those where a stop string has just ended.

    Attributes
    ----------
    longest, shortest : ndarray of int32, shape (S,)
        The number of symbols of the longest and of the shortest stop string that ends in the
        state; 0 where none does.
    """

    longest: NDArray[np.int32]
    shortest: NDArray[np.int32]


def stop_automaton(strings: Sequence[NDArray[np.integer]], vocabulary_size: int) -> StopAutomaton:
    """Return the automaton of Aho and Corasick, which finds the ends of some strings.

    Its state after a text is the longest end of the text that begins one of the strings.

    Parameters
    ----------
    strings : sequence of ndarray of int, shape (n,)
        The symbols of each string, as :meth:`Vocabulary.encode` returns them.
    vocabulary_size : int

    Returns
    -------
    StopAutomaton
        Its ``next`` has no -1: every symbol may follow.

    Raises
    ------
    TypeError, ValueError
        There is no string, one is empty, or one has other than symbols of the vocabulary; or the
        strings are so long that ``next`` would have more than 2**26 elements.

    References
    ----------
    A. V. Aho and M. J. Corasick, "Efficient string matching: an aid to bibliographic search",
    Communications of the ACM 18(6), 1975.
    """
    checked = [_checked(string, vocabulary_size) for string in strings]
    if not checked:
        raise ValueError("`strings` must have at least one string")
    check_size(1 + sum(map(len, checked)), vocabulary_size, "`strings`")
    # one column for each symbol of a string, and column 0 for all others
    alphabet = np.unique(np.concatenate(checked))
    columns = np.zeros(vocabulary_size, np.intp)
    columns[alphabet] = np.arange(1, len(alphabet) + 1)

    children: list[dict[int, int]] = [{}]
    length = [0]  # of the string that ends in a state
    for string in checked:
        state = 0
        for column in columns[string].tolist():
            if column not in children[state]:
                children[state][column] = len(children)
                children.append({})
                length.append(0)
            state = children[state][column]
        length[state] = len(string)

    rows = np.zeros((len(children), len(alphabet) + 1), np.int32)
    longest = np.array(length, np.int32)
    shortest = longest.copy()
    fallback = [0] * len(children)  # the state of the next shorter end of the text
    queue = deque([0])
    while queue:  # shorter states first
        state = queue.popleft()
        shorter = fallback[state]
        if state:
            rows[state] = rows[shorter]
            longest[state] = longest[state] or longest[shorter]
            shortest[state] = shortest[shorter] or shortest[state]
        for column, child in children[state].items():
            fallback[child] = int(rows[state, column])
            rows[state, column] = child
            queue.append(child)
    accepting = longest > 0
    return StopAutomaton(
        np.take(rows, columns, axis=1),
        accepting,
        fewest_symbols(rows, accepting),
        longest,
        shortest,
    )


def fewest_symbols(rows: NDArray[np.int32], accepting: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return how many symbols lead from each state to an accepting one at least.

    Parameters
    ----------
    rows : ndarray of int32, shape (S, C)
        The state after each symbol, or after each class of symbols; -1 where there is none.
    accepting : ndarray of bool, shape (S,)

    Returns
    -------
    ndarray of int32, shape (S,)
        -1 where no accepting state can be reached.
    """
    before: list[list[int]] = [[] for _ in accepting]
    for state, row in enumerate(rows):
        for following in set(row.tolist()) - {-1}:
            before[following].append(state)
    fewest = np.where(accepting, 0, -1).astype(np.int32)
    queue = deque(np.flatnonzero(accepting).tolist())
    while queue:
        state = queue.popleft()
        for earlier in before[state]:
            if fewest[earlier] < 0:
                fewest[earlier] = fewest[state] + 1
                queue.append(earlier)
    return fewest


def check_size(states: int, symbols: int, name: str) -> None:
    """Raise a ValueError where the automaton of an argument is too large."""
    if states * symbols > MOST_ELEMENTS:
        raise ValueError(
            f"{name} must be shorter: the automaton would have {states:,} states or more for "
            f"{symbols:,} symbols, and may have {MOST_ELEMENTS:,} elements, so at most "
            f"{MOST_ELEMENTS // symbols:,} states"
        )


def _checked(string: NDArray[np.integer], vocabulary_size: int) -> NDArray[np.intp]:
    symbols = np.array(string)
    if symbols.ndim != 1 or not len(symbols):
        raise ValueError(
            f"`strings` must be symbols of shape (n,), n at least 1, not of shape {symbols.shape}"
        )
    if not np.issubdtype(symbols.dtype, np.integer):
        raise TypeError(f"`strings` must be integer symbols, not {symbols.dtype}")
    if symbols.min() < 0 or symbols.max() >= vocabulary_size:
        raise ValueError(
            f"`strings` must have symbols from 0 to {vocabulary_size - 1}, not "
            f"{symbols.min()} to {symbols.max()}"
        )
    return symbols.astype(np.intp)
