# SPDX-License-Identifier: MIT
"""The structure of a regular expression, read from its text.

``re`` checks the syntax first and decides later which characters a literal or class matches. So
this module only finds where literals, classes, groups and repetitions begin and end.
"""

from __future__ import annotations

import re
import threading
import warnings
from dataclasses import dataclass

from gru_ext.arguments.messages import brief, shown

LONGEST_PATTERN = 1 << 16

# what decides which characters a literal or class matches
_CLASS_FLAGS = re.IGNORECASE | re.DOTALL | re.ASCII
_VERBOSE_SPACE = re.compile(r"(?:[ \t\n\r\v\f]+|#[^\n]*)+")
_COMMENT = re.compile(r"\(\?#[^)]*\)")
_SET = re.compile(r"\[\^?\]?(?:\\.|[^]\\])*\]", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|N\{[^}]*\}"
    r"|0[0-7]{0,2}|[1-3][0-7]{2}|(?P<reference>[1-9][0-9]?)|(?P<letter>[A-Za-z])|.)",
    re.DOTALL,
)
_QUANTIFIER = re.compile(
    r"(?:[*+?]|\{(?:(?P<exact>[0-9]+)|(?P<low>[0-9]*),(?P<high>[0-9]*))\})(?P<mode>[?+]?)"
)
_GROUP = re.compile(
    r"\((?:(?!\?)|\?(?:P<[^>]*>|(?P<on>[aiLmsux]*)(?:-(?P<off>[imsx]+))?(?P<end>[:)])))"
)
_FLAG = {"a": re.ASCII, "i": re.IGNORECASE, "s": re.DOTALL, "x": re.VERBOSE}
_EXTENSIONS = {
    "(?=": "a look-ahead",
    "(?!": "a look-ahead",
    "(?<": "a look-behind",
    "(?(": "a conditional",
    "(?>": "an atomic group",
    "(?P": "a back-reference",
}
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Atom:
    """One character: a literal, a class or ``.``, as ``re`` writes it, and its flags.

    ``character`` is the only character that it matches, where this is known.
    """

    text: str
    flags: int
    character: str | None = None


@dataclass(frozen=True)
class Anchor:
    """The beginning (``^``) or the end (``$``) of the text."""

    text: str
    position: int


@dataclass(frozen=True)
class Concatenation:
    """Items one after the other."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """One of the options."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """An item from ``low`` to ``high`` times; any number of times where ``high`` is None."""

    item: Node
    low: int
    high: int | None


Node = Atom | Anchor | Concatenation | Choice | Repeat


def compiled(text: str, flags: int = 0) -> re.Pattern[str]:
    """``re.compile`` without its warnings of what a later Python may read in another way."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.compile(text, flags)


def read_pattern(pattern: str) -> Node:
    """Read a regular expression.

    Raises
    ------
    ValueError
        The pattern is not a regular expression, is longer than 65,536 characters, or has something
        that no automaton can match; the message names it and its position, counted from 0.
    RecursionError
        The groups are nested too deeply.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(
            f"`pattern` must have at most {LONGEST_PATTERN:,} characters, not {len(pattern):,}"
        )
    try:
        flags = compiled(pattern).flags
    except re.error as error:
        where = "" if error.pos is None else f" at position {error.pos}"
        raise ValueError(
            f"`pattern` must be a regular expression: {brief(error.msg)}{where}"
        ) from None
    except (ValueError, OverflowError) as error:
        raise ValueError(f"`pattern` must be a regular expression: {brief(error)}") from None
    tree = _Reader(pattern).choice(flags)
    _check_anchors(tree, True, True)
    return tree


class _Reader:
    """Reads a pattern from left to right; ``at`` is the position of what comes next."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def choice(self, flags: int) -> Node:
        """Read to the end of the group or pattern."""
        options = [self.concatenation(flags)]
        while self.pattern.startswith("|", self.at):
            self.at += 1
            options.append(self.concatenation(flags))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def concatenation(self, flags: int) -> Node:
        """Read to the next ``|``, or to the end of the group or pattern."""
        items: list[Node] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            if self._take(_COMMENT) or (flags & re.VERBOSE and self._take(_VERBOSE_SPACE)):
                continue
            if quantifier := self._quantifier():
                items[-1] = Repeat(items[-1], *quantifier)
            elif (item := self._item(flags)) is not None:
                items.append(item)
        return Concatenation(tuple(items))

    def _take(self, token: re.Pattern[str]) -> re.Match[str] | None:
        found = token.match(self.pattern, self.at)
        if found:
            self.at = found.end()
        return found

    def _quantifier(self) -> tuple[int, int | None] | None:
        start = self.at
        found = self._take(_QUANTIFIER)
        if not found:
            return None
        if found["mode"] == "+":
            raise self._refusal("a possessive repetition", found[0], start)
        if found[0][0] != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[found[0][0]]
        low, high = (found["exact"],) * 2 if found["exact"] else (found["low"], found["high"])
        return int(low or 0), int(high) if high else None

    def _item(self, flags: int) -> Node | None:
        """Read an atom, anchor or group; None for flags such as ``(?i)``."""
        start = self.at
        first = self.pattern[start]
        if first == "(":
            return self._group(flags)
        if first == "\\":
            return self._escape(flags)
        if first == "[":
            found = self._take(_SET)
            assert found  # re has read it too
            return Atom(found[0], flags & _CLASS_FLAGS)
        self.at += 1
        if first in "^$":
            return Anchor(first, start)
        if first == ".":
            return Atom(first, flags & _CLASS_FLAGS)
        only = None if flags & re.IGNORECASE else first
        return Atom(re.escape(first), flags & _CLASS_FLAGS, only)

    def _escape(self, flags: int) -> Node:
        start = self.at
        found = self._take(_ESCAPE)
        assert found  # re has read it too
        if found["reference"]:
            raise self._refusal("a back-reference", found[0], start)
        letter = found["letter"] or ""
        if letter in ("A", "Z", "z"):
            return Anchor("^" if letter == "A" else "$", start)
        if letter in ("b", "B"):
            raise self._refusal("a word boundary", found[0], start)
        if letter not in "dDsSwWafnrtv":
            raise self._refusal("an unknown escape", found[0], start)
        return Atom(found[0], flags & _CLASS_FLAGS)

    def _group(self, flags: int) -> Node | None:
        start = self.at
        found = self._take(_GROUP)
        if not found:
            text = self.pattern[start : start + 3]
            raise self._refusal(_EXTENSIONS.get(text, "an unknown group"), text, start)
        if found["end"] == ")":
            return None  # the flags of the whole pattern, which re.compile has told
        on, off = found["on"] or "", found["off"] or ""
        if "u" in on:
            flags &= ~re.ASCII
        for letter, flag in _FLAG.items():
            flags = flags | flag if letter in on else flags & ~flag if letter in off else flags
        inner = self.choice(flags)
        self.at += 1  # the closing parenthesis
        return inner

    def _refusal(self, what: str, text: str, position: int) -> ValueError:
        return ValueError(
            f"`pattern` must be a regular expression without {what}, {shown(text)} at position "
            f"{position}: an automaton cannot match it"
        )


def _check_anchors(node: Node, first: bool, last: bool) -> None:
    """Raise a ValueError for an anchor with something before (``^``) or after it (``$``).

    ``first`` and ``last`` tell whether the node is at the beginning and at the end of the pattern.
    """
    if isinstance(node, Anchor) and not (first if node.text == "^" else last):
        place = "beginning" if node.text == "^" else "end"
        raise ValueError(
            f"`pattern` must have an anchor at its {place} alone, not at position {node.position}"
        )
    if isinstance(node, Choice):
        for option in node.options:
            _check_anchors(option, first, last)
    elif isinstance(node, Repeat):
        _check_anchors(node.item, False, False)
    elif isinstance(node, Concatenation):
        solid = [i for i, item in enumerate(node.items) if not isinstance(item, Anchor)]
        for i, item in enumerate(node.items):
            at_first = first and (not solid or i <= solid[0])
            at_last = last and (not solid or i >= solid[-1])
            _check_anchors(item, at_first, at_last)
