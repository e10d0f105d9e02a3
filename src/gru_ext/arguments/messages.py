# SPDX-License-Identifier: MIT
"""Values and lists as messages show them.

What comes from a file or an argument enters a message through :func:`shown` or :func:`brief`: so
the message is short, and no control character reaches a terminal.

A message names a keyword argument in backquotes. The command line shows its own name for it instead
(``gru_ext.cli.messages``).
"""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 80


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
    """The text without line breaks and control characters, which are shown escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


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
