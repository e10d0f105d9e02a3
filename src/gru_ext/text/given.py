# SPDX-License-Identifier: MIT
"""What is given as a text: the text itself, documents, or files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from gru_ext.arguments.messages import shown
from gru_ext.files import StrPath
from gru_ext.text.mistaken import check_text_is_no_path, is_like_a_path
from gru_ext.text.units import utf8

Text = str | bytes | os.PathLike[str] | Iterable[str] | Iterable[bytes] | Iterable[os.PathLike[str]]
"""What functions take as a text."""

GIVEN_TEXT = "a str, bytes, a path, or a list of documents or of paths"
# A list of so few documents, each of which looks like a path, is taken for a list of files.
_FEW = 20


@dataclass(frozen=True)
class Documents:
    """Documents that are trained on, or evaluated, as one text.

    Attributes
    ----------
    texts : list of str, or list of bytes
        The documents; none of them is empty.
    """

    texts: list[str] | list[bytes]

    def separator(self) -> str:
        """Choose a separator that none of the documents has, except at its end.

        Raises
        ------
        ValueError
            The documents have both separators that are tried.
        """
        for separator in ("\n", "\0"):
            if not any(_has_inside(text, separator) for text in self.texts):
                return separator
        raise ValueError(
            r"the documents have both \n and \0 in them: give a `document_separator` that none has"
        )

    def joined(self, separator: str) -> str | bytes:
        """Join the documents to one text, in which each of them ends with the separator."""
        texts: Any = self.texts
        end: Any = separator
        if isinstance(texts[0], bytes):
            end = utf8(separator, name="document separator")
        joined: str | bytes = end[:0].join(t if t.endswith(end) else t + end for t in texts)
        return joined


Given = str | bytes | Documents | list[StrPath]
"""A text as :func:`given_text` returns it. The list is of files."""


def _has_inside(text: str | bytes, separator: str) -> bool:
    if isinstance(text, bytes):
        return text.find(separator.encode(), 0, -1) >= 0
    return text.find(separator, 0, -1) >= 0


def given_text(text: object, name: str = "text") -> Given:
    """Say what is given as a text.

    Parameters
    ----------
    text : str, bytes, path-like, or iterable of str, of bytes or of paths
        A str or bytes is the text itself. Several of them are documents, of which empty ones are
        left out. Several paths are files, and ``-`` alone or among paths is standard input.
    name : str
        The name of the argument, for messages.

    Raises
    ------
    TypeError, ValueError
        It is none of these, there is no document, or it is a list of names of files.
    """
    if isinstance(text, str | bytes | Documents):
        return text
    if isinstance(text, os.PathLike):
        return [text]
    ordered = isinstance(text, Iterable) and not isinstance(text, Mapping | AbstractSet)
    if not ordered or hasattr(text, "read"):  # an open file gives lines: its path is clearer
        raise TypeError(f"`{name}` must be {GIVEN_TEXT}, not {shown(text)}")
    parts: list[Any] = list(text)  # type: ignore[call-overload]
    if not parts:
        raise ValueError(f"`{name}` must have a document or a path, not {shown(text)}")
    if all(isinstance(part, os.PathLike) or _is_standard_input(part) for part in parts):
        return parts
    kind = bytes if isinstance(parts[0], bytes) else str
    for place, part in enumerate(parts):
        if not isinstance(part, kind):
            raise TypeError(
                f"`{name}` must be a list of documents, each a {kind.__name__}, or of files, each "
                f"a path: element {place} is {_a(type(part).__name__)}"
                + (" among documents" if isinstance(part, os.PathLike) else "")
            )
    documents = list(filter(len, parts))
    if not documents:
        raise ValueError(f"`{name}` has only empty documents")
    if len(documents) <= _FEW and all(map(is_like_a_path, documents)):
        check_text_is_no_path(documents[0])
    return Documents(documents)


def _is_standard_input(part: object) -> bool:
    return isinstance(part, str) and part == "-"


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
