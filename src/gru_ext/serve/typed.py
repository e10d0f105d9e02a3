# SPDX-License-Identifier: MIT
"""Texts between the page and a model: characters there, symbols here."""

from __future__ import annotations

import codecs
import re

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.messages import is_mark
from gru_ext.reporting.visible import visible
from gru_ext.text.unknown import encode_known
from gru_ext.text.vocabulary import UNKNOWN, Vocabulary

# Halves of surrogate pairs. To a model of bytes some of them are the bytes that are not UTF-8.
_HALF, _HALF_NO_BYTE = re.compile("[\ud800-\udfff]"), re.compile("[\ud800-\udc7f\udd00-\udfff]")
_FIRST_BYTE = 0xDC00  # of Python's surrogateescape


class TypedText:
    """A text of the page, as a model reads it.

    Characters that the model does not know are left out. A model of bytes reads UTF-8; what is not
    UTF-8 stands in the text as halves of surrogate pairs, U+DC80 to U+DCFF.

    Parameters
    ----------
    vocabulary : Vocabulary
    text : str
        m characters.

    Attributes
    ----------
    symbols : ndarray of int32, shape (n,)
    ends : ndarray of int64, shape (m + 1,)
        The number of symbols of the first 0 to m characters.
    """

    def __init__(self, vocabulary: Vocabulary, text: str) -> None:
        as_bytes = vocabulary.units == "bytes"
        text = (_HALF_NO_BYTE if as_bytes else _HALF).sub(UNKNOWN, text)
        encoded = encode_known(vocabulary, text, "skip")
        widths = _utf8_widths(text) if as_bytes else np.ones(len(text), np.int64)
        before = np.concatenate([[0], np.cumsum(encoded.known)])
        self.symbols = encoded.symbols.astype(np.int32)
        self.ends: NDArray[np.int64] = before[np.concatenate([[0], np.cumsum(widths)])]

    def unknown(self) -> list[int]:
        """The places of the characters that are left out."""
        places: list[int] = np.flatnonzero(np.diff(self.ends) == 0).tolist()
        return places

    def by_character(self, bits: NDArray[np.float64]) -> list[float | None]:
        """The bits of each character, from those of each symbol, shape (n,).

        None where a symbol has NaN: nothing predicted it.
        """
        sums = np.concatenate([[0.0], np.cumsum(np.nan_to_num(bits))])
        missing = np.concatenate([[0], np.cumsum(np.isnan(bits))])
        costs = np.diff(sums[self.ends]).round(3).tolist()
        gaps = np.diff(missing[self.ends]).tolist()
        return [None if gap else cost for cost, gap in zip(costs, gaps, strict=True)]


def _utf8_widths(text: str) -> NDArray[np.int64]:
    """The bytes of each character, shape (m,)."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    widths = 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)
    return np.where(points >> 11 == 0xD800 >> 11, 1, widths)


def typed(text: str | bytes) -> str:
    """What a model generated as a text of the page, without half a character at its end."""
    if isinstance(text, str):  # two halves of a pair side by side are one character to the page
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(text)


def typed_symbol(vocabulary: Vocabulary, symbol: int) -> str:
    """One symbol as a character of the page."""
    if vocabulary.units == "bytes":
        return vocabulary.to_bytes(np.array([symbol])).decode("utf-8", "surrogateescape")
    return vocabulary.characters[symbol]


def shown(c: str, as_bytes: bool) -> tuple[str, bool]:
    """What stands for a character by itself, and whether that is an escape."""
    if as_bytes and "\udc80" <= c <= "\udcff":
        return f"{ord(c) - _FIRST_BYTE:02X}", True
    text, kind = visible(c)
    return text, kind == "e"


def escapes(text: str, as_bytes: bool) -> dict[int, str]:
    """What stands for the characters, by their places, that are not shown as they are."""
    found = {}
    for i, c in enumerate(text):
        symbol, escaped = shown(c, as_bytes)
        if escaped or (is_mark(c) and (i == 0 or i - 1 in found or text[i - 1].isspace())):
            found[i] = symbol
    return found
