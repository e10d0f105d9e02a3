# SPDX-License-Identifier: MIT
"""A path that was given where a text belongs: a str is the text itself, not the name of a file."""

from __future__ import annotations

import os
import re

from gru_ext.arguments.messages import shown

_SUFFIX = re.compile(r"\S\.[^\W\d]\w{0,7}\Z")  # 3.14 ends in none
_SEPARATORS = {"/", os.sep}
_LONGEST_PATH = 4096  # that a system opens
_USUAL_PATH = 260


def check_text_is_no_path(text: str | bytes) -> None:
    """Raise a ValueError where a text names a file that exists, or looks like a path.

    A path is one line without spaces at its ends, and has a suffix or a separator.
    """
    named = _likeness(text)
    if named:
        line = _line(text)
        right = '["-"]' if line == "-" else f"pathlib.Path({shown(line)})"
        raise ValueError(
            f"a {type(text).__name__} is the text itself, but {shown(text)} {named}: to read the "
            f"file, give {right}; a text of one line may end with a line break"
        )


def is_like_a_path(text: str | bytes) -> bool:
    """Whether :func:`check_text_is_no_path` refuses the text."""
    return bool(_likeness(text))


def _line(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def _likeness(text: str | bytes) -> str:
    """What the text has of a path, as a predicate; empty where it has nothing."""
    if len(text) > 4 * _LONGEST_PATH:  # no path is longer, in bytes either
        return ""
    line = _line(text)
    if "\n" in line or "\r" in line or "\0" in line:
        return ""
    if len(line) <= _LONGEST_PATH and os.path.exists(line):
        return "names a file"
    if len(line) <= _USUAL_PATH and line == line.strip() and _looks_like_a_path(line):
        return "looks like a path"
    return ""


def _looks_like_a_path(line: str) -> bool:
    if line == "-":
        return True
    return line.isprintable() and (
        bool(_SUFFIX.search(line)) or any(c in line for c in _SEPARATORS)
    )
