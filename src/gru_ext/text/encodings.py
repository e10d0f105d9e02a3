# SPDX-License-Identifier: MIT
"""Encodings: which are known, which a text's beginning names, and signs that it has another one."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable

from gru_ext.arguments.messages import shown

MARK = "\ufeff"
_MARKS = {  # the longer ones first: that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
FIRST = max(map(len, _MARKS))
"""The bytes of a file that :func:`marked_encoding` needs."""
_SAMPLE = 4096


def check_encoding(encoding: str) -> None:
    """Raise a TypeError or ValueError where Python knows no text encoding of this name."""
    if not isinstance(encoding, str):
        raise TypeError(f"`encoding` must be a str, not {shown(encoding)}")
    try:
        codecs.lookup(encoding)
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    except (LookupError, ValueError):
        raise ValueError(f"`encoding` is not known to Python: {shown(encoding)}") from None


def marked_encoding(first: bytes, encoding: str) -> str | None:
    """The encoding that a file's first bytes name, where it is not the one it is read in."""
    known = codecs.lookup(encoding).name
    for mark, marked in _MARKS.items():
        if first.startswith(mark):
            return None if known.startswith(marked) else marked
    return None


def never_halves(encoding: str) -> bool:
    """Whether the decoder of an encoding gives no half of a surrogate pair."""
    return codecs.lookup(encoding).name.startswith(("utf-8", "utf-16", "utf-32", "ascii"))


def suspicion(text: str) -> str:
    """What a text's beginning has that few texts have; empty where there is nothing."""
    begin = text[:_SAMPLE]
    nuls = begin.count("\0")
    if nuls * 4 <= len(begin):
        return ""
    odd = begin[1::2].count("\0")
    width = "utf-32" if nuls * 5 > len(begin) * 3 else "utf-16"
    order = "le" if odd * 2 >= nuls else "be"
    return (
        f"has {nuls:,} NUL characters among its first {len(begin):,}: if it is UTF-16 or UTF-32 "
        f"without a byte-order mark, give `encoding` {width}-{order}"
    )


def count_lines(parts: Iterable[bytes], encoding: str) -> int:
    """The line ends in the bytes of a file."""
    wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
    decoder = codecs.getincrementaldecoder(encoding if wide else "latin-1")("replace")
    return sum(decoder.decode(part).count("\n") for part in parts)
