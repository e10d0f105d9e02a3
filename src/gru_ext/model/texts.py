# SPDX-License-Identifier: MIT
"""Arguments that are one text or several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Texts = list[str] | list[bytes] | tuple[str | bytes, ...]


def as_texts(name: str, text: str | bytes | Texts) -> tuple[Sequence[str | bytes], bool]:
    """Texts as a list, and whether one alone was given."""
    if isinstance(text, str | bytes):
        return [text], True
    texts = list(text) if isinstance(text, Iterable) else [text]
    for each in texts:
        if not isinstance(each, str | bytes):
            raise TypeError(
                f"`{name}` must be a str, bytes or a list of them, not {type(text).__name__}"
                + (f" of {type(each).__name__}" if isinstance(text, Iterable) else "")
            )
    return texts, False
