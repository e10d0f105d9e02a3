# SPDX-License-Identifier: MIT
"""Values and lists as messages show them.

What comes from a file or an argument enters a message through :func:`shown` or :func:`brief`: so
the message is short, and no control character reaches a terminal.

A message names a keyword argument in backquotes. The command line shows its own name for it instead
(``gru_ext.cli.messages``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_LONGEST = 80
# What moves the cursor, starts an escape sequence, rings, breaks a line or turns its direction; and
# half characters, which no terminal can be sent.
_COMMANDS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def shown(value: object) -> str:
    """The value's ``repr``, printable and cut to a length that a message can hold."""
    if isinstance(value, str | bytes):
        value = value[: _LONGEST + 1]  # enough for what is shown
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python prints, perhaps within a list
        text = f"{type(value).__name__} with a number of too many digits"
    except RecursionError:
        text = f"{type(value).__name__} that is nested too deeply"
    return brief(text)


def brief(text: object, longest: int = _LONGEST) -> str:
    """A text of somebody else, printable and cut to a length that a message can hold."""
    text = printable(str(text)[: longest + 1])
    return f"{text[:longest]}…" if len(text) > longest else text


def printable(text: str) -> str:
    """The text as one line of printable characters; all others are shown escaped.

    A combining mark is escaped too where it has no letter to stand on: it would change the
    character before it, such as a quotation mark.
    """
    return "".join(
        c
        if c.isprintable() and not (is_mark(c) and not _carries(text[i - 1 : i]))
        else ascii(c)[1:-1]
        for i, c in enumerate(text)
    )


def printable_lines(text: str) -> str:
    """The text without what a terminal would obey: line breaks, tabs and all writing stay."""
    return _COMMANDS.sub(lambda found: ascii(found[0])[1:-1], text)


def character(c: str) -> str:
    """One character in quotes; ``U+0301`` where it is not visible by itself."""
    if c.isprintable() and not is_mark(c):
        return repr(c)
    return repr(c) if c.isascii() else f"U+{ord(c):04X}"


def is_mark(c: str) -> bool:
    """Whether a character is drawn on the one before it: combining marks, variation selectors."""
    return not c.isascii() and unicodedata.category(c).startswith("M")


def _carries(before: str) -> bool:
    """Whether a mark may follow: after a letter or another mark, and after a symbol or emoji."""
    if before.isascii():
        return before.isalpha()
    return unicodedata.category(before)[0] in "LMS"


def counted(number: int, noun: str) -> str:
    """A number of things: ``1 character``, ``2,000 characters``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str], most: int = 10) -> str:
    """The names with commas, no more than so many of them: ``a, b and 290 more``."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def as_size(size: int) -> str:
    """A number of bytes with three digits and a unit: ``12.3 MB``."""
    number, unit = float(size), "bytes"
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if number < 999.5 or unit == "TB":
            break
        number /= 1000
    return f"{number:.3g} {unit}"


def either(names: Iterable[str]) -> str:
    """The names as a sentence lists them: ``a, b or c``."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
