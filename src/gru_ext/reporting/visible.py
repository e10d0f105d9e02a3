# SPDX-License-Identifier: MIT
"""Characters of any text as a page shows them: none of them hides, and none changes another."""

from __future__ import annotations

import unicodedata

from gru_ext.arguments.messages import is_mark

_PICTURES = {"\n": "↵", "\t": "⇥", "\x7f": "␡"}
# letters by their category, but drawn as nothing
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_PLAIN, _WIDE, _ESCAPED = "1", "2", "e"


def visible(c: str, byte: bool = False) -> tuple[str, str]:
    """What stands for a character on the page, and its kind.

    Control characters, marks of direction and all other characters that are drawn as nothing, or
    that change how others are drawn, are escaped: ``↵``, ``␀``, ``U+202E``. A combining mark stands
    on a dotted circle. A byte above 0x7E is two hexadecimal digits.

    Parameters
    ----------
    c : str
        One character.
    byte : bool
        Whether it stands for the byte of its value.

    Returns
    -------
    shown : str
    kind : {"1", "2", "e"}
        ``"1"`` for a character that is shown as itself in one column, ``"2"`` in two columns,
        ``"e"`` for one that is escaped.
    """
    if c in _PICTURES:
        return _PICTURES[c], _ESCAPED
    if c < " ":
        return chr(0x2400 + ord(c)), _ESCAPED
    if byte and c > "~":
        return f"{ord(c):02X}", _ESCAPED
    if not c.isprintable() or c in _BLANK or _selects(c):
        return f"U+{ord(c):04X}", _ESCAPED
    if is_mark(c):
        return f"◌{c}", _PLAIN
    return c, _WIDE if unicodedata.east_asian_width(c) in "WF" else _PLAIN


def visible_text(text: str) -> str:
    """A text of somebody else, such as a file name, with :func:`visible` characters alone."""
    return "".join(visible(c)[0] for c in text)


def _selects(c: str) -> bool:
    """Whether it is a variation selector, which changes how the character before it is drawn."""
    return "\ufe00" <= c <= "\ufe0f" or "\U000e0100" <= c <= "\U000e01ef"
