# SPDX-License-Identifier: MIT
"""Text in the columns of a terminal."""

from __future__ import annotations

import shutil
import sys
import unicodedata

from gru_ext.arguments.messages import is_mark


def output_width() -> int | None:
    """The columns of the terminal to which standard output goes, or None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def columns(character: str) -> int:
    """How many columns a printable character takes."""
    if character.isascii():
        return 1
    if is_mark(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shortened(text: str, width: int | None) -> str:
    """A line of printable characters that takes no more than so many columns."""
    if width is None or sum(map(columns, text)) <= width:
        return text
    used = 0
    for i, character in enumerate(text):
        used += columns(character)
        if used > width - 1:
            return text[:i] + "…" * (width > 0)
    return text
