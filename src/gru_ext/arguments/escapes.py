# SPDX-License-Identifier: MIT
"""Escapes in words of the command line, where a text is given: one table for all of them."""

from __future__ import annotations

import re

from gru_ext.arguments.messages import either, printable

ESCAPES = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "f": "\f",
    "v": "\v",
    "a": "\a",
    "b": "\b",
    "0": "\0",
    "\\": "\\",
}
"""The character for each letter after a backslash."""
_ESCAPE = re.compile(
    r"\\(?:(0)(?![0-9])|([nrtfvab\\])"
    r"|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|.?)",
    re.S,
)


def unescaped(text: str) -> str:
    r"""The text with escapes as in a Python string: ``\n``, ``\0``, ``\\``, ``\u2028`` and so on.

    Raises
    ------
    ValueError
        A backslash begins no known escape. The message names it.
    """
    return _ESCAPE.sub(_character, as_utf8(text))


def _character(found: re.Match[str]) -> str:
    letter = found[1] or found[2]
    if letter:
        return ESCAPES[letter]
    digits = found[3] or found[4] or found[5]
    if digits and int(digits, 16) <= 0x10FFFF:
        return chr(int(digits, 16))
    known = either([*(f"\\{name}" for name in ESCAPES), "\\xHH", "\\uHHHH", "\\UHHHHHHHH"])
    raise ValueError(
        f"{printable(found[0])} is not an escape: it must be {known} (\\\\ is a backslash, and "
        f"\\0 before a digit is \\x00)"
    )


def as_utf8(word: str) -> str:
    """A word of the command line that is UTF-8, although the locale has another encoding."""
    try:
        return word.encode("ascii", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return word
