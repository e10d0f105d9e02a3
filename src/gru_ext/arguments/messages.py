# SPDX-License-Identifier: MIT
"""Values and lists as messages show them.

A message names a keyword argument in backquotes. The command line shows its own name for it instead
(``gru_ext.cli.messages``).
"""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 80


def shown(value: object) -> str:
    """The value's ``repr``, printable and cut to a length that a message can hold."""
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python prints, perhaps within a list
        text = f"{type(value).__name__} with a number of too many digits"
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…"
    return printable(text)


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
