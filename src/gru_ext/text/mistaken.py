# SPDX-License-Identifier: MIT
"""A path that was given where a text belongs: a str is the text itself, not the name of a file."""

from __future__ import annotations

import os
import re

from gru_ext.arguments.messages import shown

_SUFFIX = re.compile(r"\S\.\w{1,8}\Z")
_SEPARATORS = {"/", os.sep}
_LONGEST_NAME = 255  # of a file or folder, in characters, on all systems


def check_text_is_no_path(text: str | bytes) -> None:
    """Raise a ValueError where a text names a file that exists, or looks like a path.

    A path is one line without spaces at its ends, and has a suffix or a separator.
    """
    line = text if isinstance(text, str) else text.decode("utf-8", "replace")
    if "\n" in line or "\r" in line or "\0" in line:
        return
    if max(map(len, re.split(r"[/\\]", line))) > _LONGEST_NAME:
        return
    named = "names a file" if os.path.exists(line) else ""
    if not named and line == line.strip() and _looks_like_a_path(line):
        named = "looks like a path"
    if named:
        right = '["-"]' if line == "-" else f"pathlib.Path({shown(line)})"
        raise ValueError(
            f"a {type(text).__name__} is the text itself, but {shown(text)} {named}: to read the "
            f"file, give {right}; a text of one line may end with a line break"
        )


def _looks_like_a_path(line: str) -> bool:
    return line == "-" or bool(_SUFFIX.search(line)) or any(c in line for c in _SEPARATORS)
