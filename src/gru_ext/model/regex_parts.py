# SPDX-License-Identifier: MIT
"""From the structure of a regular expression to an automaton that is not yet deterministic."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.messages import brief, character, listed
from gru_ext.model.regex_syntax import (
    Anchor,
    Atom,
    Choice,
    Concatenation,
    Node,
    Repeat,
    compiled,
)
from gru_ext.model.utf8_ranges import CODE_POINTS, Edges, one_character_nodes, utf8_nodes
from gru_ext.text.vocabulary import Vocabulary

_MOST_PARTS = 1 << 17  # states before they are made deterministic
_MOST_SEARCHED = 1 << 27  # characters searched for those of classes: seconds


class Characters:
    """Which symbols, one after the other, make a character of a literal or class.

    Parameters
    ----------
    vocabulary : Vocabulary
    usable : ndarray of bool, shape (V,)
    """

    def __init__(self, vocabulary: Vocabulary, usable: NDArray[np.bool_]) -> None:
        self.usable = usable
        self.values: NDArray[np.uint8] | None = None
        self.characters = vocabulary.characters
        if vocabulary.units == "bytes":
            self.values = np.frombuffer(vocabulary.characters.encode("latin-1"), np.uint8)
            self.characters = _all_characters()
        self._known: dict[Atom, list[Edges]] = {}
        self._searched = 0

    def nodes(self, atom: Atom) -> list[Edges]:
        """The automaton of an atom; the first node is its end, the last its beginning.

        An edge is a mask of symbols, shape (V,), and a node.
        """
        if atom not in self._known:
            if self.values is None:
                members = self._search(atom) & self.usable
                self._known[atom] = [[], [(members, 0)] if members.any() else []]
            else:
                self._known[atom] = self._in_bytes(atom, self.values)
        return self._known[atom]

    def _search(self, atom: Atom) -> NDArray[np.bool_]:
        """Which of the characters an atom matches."""
        self._searched += len(self.characters)
        if self._searched > _MOST_SEARCHED:
            raise ValueError(
                f"`pattern` must have fewer different characters and classes: it has more than "
                f"{len(self._known):,}"
            )
        members = np.zeros(len(self.characters), np.bool_)
        if atom.character is not None:
            place = self.characters.find(atom.character)
            members[place : place + 1] = place >= 0
        else:
            for run in compiled(f"(?:{atom.text})+", atom.flags).finditer(self.characters):
                members[run.start() : run.end()] = True
        return members

    def _in_bytes(self, atom: Atom, values: NDArray[np.uint8]) -> list[Edges]:
        available = np.zeros(256, np.bool_)
        available[values[self.usable]] = True
        if atom.character is None:
            nodes = utf8_nodes(self._search(atom), available)
        else:
            nodes = one_character_nodes(atom.character, available)
        return [[(mask[values], node) for mask, node in edges] for edges in nodes]

    def missing(self) -> list[str]:
        """The literals and classes of which no character can be made."""
        return [
            character(atom.character) if atom.character is not None else brief(atom.text)
            for atom, nodes in self._known.items()
            if not nodes[-1]
        ]


@cache
def _all_characters() -> str:
    return "".join(map(chr, range(CODE_POINTS)))


class Parts:
    """The automaton of Thompson: its states have edges with masks, and edges without a symbol.

    K. Thompson, "Regular expression search algorithm", Communications of the ACM 11(6), 1968.

    Attributes
    ----------
    edges : list of list of (int, int)
        For each state the masks of its edges, as their numbers, and where these lead. Edges that
        cannot lead to the final state are left out.
    masks : list of ndarray of bool, shape (V,)
    final : int
    visited : int
        How many states :meth:`reached` has seen.
    """

    def __init__(self, characters: Characters, tree: Node) -> None:
        self._characters = characters
        self._numbers: dict[bytes, int] = {}
        self.masks: list[NDArray[np.bool_]] = []
        parts = self._count(tree)
        if parts > _MOST_PARTS:
            raise ValueError(
                f"`pattern` must be simpler: with all repetitions written out it has {parts:,} "
                f"parts, and may have {_MOST_PARTS:,}"
            )
        self.edges: list[list[tuple[int, int]]] = [[]]
        self._free: list[list[int]] = [[]]  # edges without a symbol
        self.final = self._add(tree, 0)
        self._trim()
        self.visited = 0

    def _count(self, node: Node) -> int:
        """How many states a node needs, or more."""
        if isinstance(node, Atom):
            return len(self._characters.nodes(node))
        if isinstance(node, Concatenation):
            return 1 + sum(map(self._count, node.items))
        if isinstance(node, Choice):
            return 1 + sum(map(self._count, node.options))
        if isinstance(node, Repeat):
            times = node.low + 1 if node.high is None else node.high
            return 2 + times * self._count(node.item)
        return 0

    def _state(self) -> int:
        self.edges.append([])
        self._free.append([])
        return len(self.edges) - 1

    def _add(self, node: Node, start: int) -> int:
        """Add the states of a node that begins in the state ``start``; return where it ends."""
        if isinstance(node, Atom):
            return self._add_atom(node, start)
        if isinstance(node, Concatenation):
            for item in node.items:
                start = self._add(item, start)
            return start
        if isinstance(node, Anchor):
            return start
        if isinstance(node, Repeat):
            return self._add_repeat(node, start)
        end = self._state()
        for option in node.options:
            self._free[self._add(option, start)].append(end)
        return end

    def _add_atom(self, atom: Atom, start: int) -> int:
        nodes = self._characters.nodes(atom)
        states = [self._state() for _ in nodes[:-1]] + [start]
        for state, edges in zip(states, nodes, strict=True):
            for mask, node in edges:
                self.edges[state].append((self._number(mask), states[node]))
        return states[0]

    def _add_repeat(self, node: Repeat, start: int) -> int:
        for _ in range(node.low):
            start = self._add(node.item, start)
        end = self._state()
        self._free[start].append(end)
        if node.high is None:
            self._free[self._add(node.item, end)].append(end)
            return end
        for _ in range(node.high - node.low):
            start = self._add(node.item, start)
            self._free[start].append(end)
        return end

    def _number(self, mask: NDArray[np.bool_]) -> int:
        number = self._numbers.setdefault(mask.tobytes(), len(self.masks))
        if number == len(self.masks):
            self.masks.append(mask)
        return number

    def _trim(self) -> None:
        """Leave out the edges that cannot lead to the final state."""
        before: list[list[int]] = [[] for _ in self.edges]
        for state, (edges, free) in enumerate(zip(self.edges, self._free, strict=True)):
            for following in [*free, *(following for _, following in edges)]:
                before[following].append(state)
        live, stack = {self.final}, [self.final]
        while stack:
            new = set(before[stack.pop()]) - live
            live |= new
            stack += new
        if 0 not in live:
            raise ValueError(
                "`pattern` matches no text of the symbols that may be used: there are none for "
                f"{listed(self._characters.missing())}"
            )
        self.edges = [[edge for edge in edges if edge[1] in live] for edges in self.edges]

    def reached(self, states: Iterable[int]) -> frozenset[int]:
        """The states with edges, and the final one, that states lead to without a symbol."""
        stack = list(states)
        seen = set(stack)
        while stack:
            new = set(self._free[stack.pop()]) - seen
            seen |= new
            stack += new
        self.visited += len(seen)
        return frozenset(s for s in seen if self.edges[s] or s == self.final)
