# SPDX-License-Identifier: MIT
"""From a regular expression to a deterministic automaton over the symbols of a vocabulary.

The public ``re`` checks the syntax and tells which characters a literal or class matches, so that
flags and Unicode are exactly those of the Python that runs. The packages interegular and greenery
know no Unicode classes and set no limit to the states, and the parser inside ``re`` is private and
gives no positions.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.kinds import Whole
from gru_ext.arguments.messages import counted, shown
from gru_ext.model.automata import Automaton, check_size, fewest_symbols
from gru_ext.model.regex_parts import Characters, Parts
from gru_ext.model.regex_syntax import read_pattern
from gru_ext.text.vocabulary import UNKNOWN, Vocabulary

MOST_STATES = 1 << 16
_MOST_WORK = 1 << 23  # elements of sets: seconds


def regex_automaton(
    pattern: str,
    vocabulary: Vocabulary,
    allowed: NDArray[np.bool_] | None = None,
    length: int | None = None,
) -> Automaton:
    """Return the automaton of the texts that a regular expression matches from end to end.

    Parameters
    ----------
    pattern : str
        A regular expression of ``re``, without what is not regular: no back-references,
        look-around, word boundaries, conditionals, atomic groups and possessive repetitions. ``^``
        and ``$`` may be at the beginning and at the end, where they change nothing. Repetitions
        may be lazy, which changes nothing either.
    vocabulary : Vocabulary
        The symbols. For a vocabulary of bytes the pattern is about characters all the same, and
        the automaton accepts the UTF-8 of the texts; ``\\w`` then takes some 300 states each time.
        The unknown token matches nothing.
    allowed : ndarray of bool, shape (V,), optional
        The symbols that may be used; all where this is None.
    length : int, optional
        The most symbols that a match may need.

    Returns
    -------
    Automaton
        Every state leads to a match.

    Raises
    ------
    TypeError, ValueError
        The pattern is not a regular expression, has something that no automaton can match, or
        needs an automaton of more than 65,536 states, of more than 2**26 elements or of too much
        work; or no text of the vocabulary matches it, or none of at most ``length`` symbols.
    """
    if not isinstance(pattern, str):
        raise TypeError(f"`pattern` must be a str, not {shown(pattern)}")
    usable = _usable(vocabulary, allowed)
    if length is not None:
        length = Whole(least=0).check("length", length)
    try:
        parts = Parts(Characters(vocabulary, usable), read_pattern(pattern))
    except RecursionError:
        raise ValueError("`pattern` must have groups that are nested less deeply") from None
    classes, of_symbol = _classes(parts.masks, len(vocabulary))
    rows, accepting = _deterministic(parts, classes, of_symbol)
    to_accept = fewest_symbols(rows, accepting)
    if length is not None and to_accept[0] > length:
        raise ValueError(
            f"`length` must be {to_accept[0]} or more for this `pattern`, not {length}: its "
            f"shortest match has {counted(int(to_accept[0]), 'symbol')}"
        )
    return Automaton(np.take(rows, of_symbol, axis=1), accepting, to_accept)


def _usable(vocabulary: Vocabulary, allowed: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """The symbols that may be used, shape (V,)."""
    usable = np.ones(len(vocabulary), np.bool_) if allowed is None else np.array(allowed)
    if usable.dtype != np.bool_:
        raise TypeError(f"`allowed` must be an array of bool, not of {usable.dtype}")
    if usable.shape != (len(vocabulary),):
        raise ValueError(
            f"`allowed` must have the shape ({len(vocabulary)},), one element for each symbol, "
            f"not {usable.shape}"
        )
    if vocabulary.unknown:
        usable[vocabulary.characters.index(UNKNOWN)] = False
    return usable


def _classes(
    masks: list[NDArray[np.bool_]], symbols: int
) -> tuple[list[list[int]], NDArray[np.intp]]:
    """Group the symbols that are in the same masks.

    Returns
    -------
    classes : list of list of int
        For each mask the classes that are in it.
    of_symbol : ndarray of int, shape (V,)
        The class of each symbol.
    """
    if not masks:
        return [], np.zeros(symbols, np.intp)
    bits = np.packbits(np.array(masks), axis=0).T  # (V, M / 8)
    _, first, of_symbol = np.unique(bits, axis=0, return_index=True, return_inverse=True)
    return [np.flatnonzero(mask[first]).tolist() for mask in masks], of_symbol.reshape(-1)


def _deterministic(
    parts: Parts, classes: list[list[int]], of_symbol: NDArray[np.intp]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Make an automaton deterministic: each state of the result is a set of its states.

    Returns
    -------
    rows : ndarray of int32, shape (S, C)
        The state after each class of symbols; -1 where there is none.
    accepting : ndarray of bool, shape (S,)
    """
    columns = int(of_symbol.max()) + 1
    initial = parts.reached([0])
    numbers, sets = {initial: 0}, [initial]
    rows = []
    work = 0
    for states in sets:  # which grows
        following: defaultdict[int, set[int]] = defaultdict(set)  # by class
        for state in states:
            for mask, target in parts.edges[state]:
                work += len(classes[mask])
                if work + parts.visited > _MOST_WORK:
                    raise ValueError(
                        "`pattern` must be simpler: its automaton takes too much work, at "
                        f"{len(sets):,} states already"
                    )
                for each in classes[mask]:
                    following[each].add(target)
        row = np.full(columns, -1, np.int32)
        known: dict[frozenset[int], int] = {}
        for each, targets in following.items():
            key = frozenset(targets)
            if key not in known:
                reached = parts.reached(targets)
                known[key] = numbers.setdefault(reached, len(sets))
                if known[key] == len(sets):
                    sets.append(reached)
            row[each] = known[key]
        rows.append(row)
        if len(sets) > MOST_STATES:
            raise ValueError(
                f"`pattern` must be simpler: its automaton needs more than {MOST_STATES:,} states"
            )
        check_size(len(sets), len(of_symbol), "`pattern`")
    accepting = np.array([parts.final in states for states in sets], np.bool_)
    return np.array(rows), accepting
