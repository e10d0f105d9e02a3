# SPDX-License-Identifier: MIT
"""From a set of characters to an automaton over the bytes of their UTF-8."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CODE_POINTS = 0x110000
_CONTINUATION = slice(0x80, 0xC0)  # each holds 6 bits of the code point
_END, _NOTHING = 0, -1

Edges = list[tuple[NDArray[np.bool_], int]]
"""For each node that can follow: the bytes that lead to it, shape (256,), and its number."""


def utf8_nodes(members: NDArray[np.bool_], available: NDArray[np.bool_]) -> list[Edges]:
    """Return the smallest automaton of the UTF-8 of some characters.

    Parameters
    ----------
    members : ndarray of bool, shape (0x110000,)
        The characters, by code point. Halves of surrogate pairs have no UTF-8 and are ignored.
    available : ndarray of bool, shape (256,)
        The bytes that may be used. A character that needs another byte is left out.

    Returns
    -------
    list of list of (ndarray of bool, int)
        The nodes. The first is the end of a character, the last is the beginning. Characters that
        end in the same way share their nodes.
    """
    children = np.where(members, np.int8(_END), np.int8(_NOTHING))
    children[0xD800:0xE000] = _NOTHING
    lead = np.full(256, _NOTHING)
    lead[:0x80] = children[:0x80]
    children[:0x80] = _NOTHING

    nodes: list[Edges] = [[]]
    usable = available[_CONTINUATION]
    # Bytes E0 and F0 begin no character that a shorter sequence encodes.
    one = _shared(children, usable, nodes)  # (0x4400,): 64 characters each
    lead[0xC2:0xE0] = one[2:32]
    one[:32] = _NOTHING
    two = _shared(one, usable, nodes)  # (0x110,): 4,096 characters each
    lead[0xE0:0xF0] = two[:16]
    two[:16] = _NOTHING
    three = _shared(np.pad(two, (0, -len(two) % 64), constant_values=_NOTHING), usable, nodes)
    lead[0xF0:0xF5] = three  # (5,): 262,144 characters each
    lead[~available] = _NOTHING
    nodes.append(_edges(lead))
    return nodes


def one_character_nodes(character: str, available: NDArray[np.bool_]) -> list[Edges]:
    """Return what :func:`utf8_nodes` returns for one character."""
    values = character.encode("utf-8", "surrogatepass")
    if "\ud800" <= character <= "\udfff" or not available[list(values)].all():
        return [[], []]
    every = np.arange(256)
    return [[], *([(every == value, node)] for node, value in enumerate(reversed(values)))]


def _shared(
    children: NDArray[np.signedinteger], usable: NDArray[np.bool_], nodes: list[Edges]
) -> NDArray[np.intp]:
    """Append a node for each different group of 64 children; return the groups' nodes."""
    groups = children.reshape(-1, 64).copy()
    groups[:, ~usable] = _NOTHING
    numbers = np.full(len(groups), _NOTHING)
    known: dict[bytes, int] = {}
    for i in np.flatnonzero((groups != _NOTHING).any(axis=1)):
        key = groups[i].tobytes()
        if key not in known:
            known[key] = len(nodes)
            by_byte = np.full(256, _NOTHING)
            by_byte[_CONTINUATION] = groups[i]
            nodes.append(_edges(by_byte))
        numbers[i] = known[key]
    return numbers


def _edges(by_byte: NDArray[np.intp]) -> Edges:
    return [(by_byte == child, int(child)) for child in np.unique(by_byte) if child != _NOTHING]
