# SPDX-License-Identifier: MIT
"""Documents in a text: the separator between them, and where each of them starts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gru_ext.text.corpus import slices
from gru_ext.text.units import check_whole, utf8
from gru_ext.text.vocabulary import Vocabulary


def encode_separator(vocabulary: Vocabulary, separator: str) -> NDArray[np.integer]:
    """Encode a document separator as symbols of shape (k,).

    Raises
    ------
    TypeError, ValueError
        The separator is not a str, is empty, has half of a surrogate pair, or has characters that
        are not in the vocabulary.
    """
    if not isinstance(separator, str):
        raise TypeError(f"document separator must be a str, not {type(separator).__name__}")
    if not separator:
        raise ValueError("document separator must have at least one character")
    if vocabulary.units == "chars":
        check_whole(separator, name="document separator")
    else:
        utf8(separator, name="document separator")
    try:
        # without the unknown token, which would match characters that are not the separator's
        return Vocabulary(vocabulary.characters, vocabulary.units).encode(separator)
    except ValueError as error:
        raise ValueError(f"document separator has {error}") from None


def document_starts(
    symbols: NDArray[np.integer], separator: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Mark where documents start, shape (n,): at the last symbol of each separator.

    That symbol is the first that a document's state reads. So the state is zero where the
    document's first character is predicted, and nothing of the document before is known; and the
    place is known without looking ahead, so that sampling can do the same.
    """
    starts = np.zeros(len(symbols), bool)
    places = max(0, len(symbols) - len(separator) + 1)
    starts[len(separator) - 1 :] = True
    for i, symbol in enumerate(separator):
        starts[len(separator) - 1 :] &= symbols[i : i + places] == symbol
    return starts


def count_separators(symbols: NDArray[np.integer], separator: NDArray[np.integer]) -> int:
    """Count how often the separator occurs in the symbols."""
    return sum(
        int(np.count_nonzero(document_starts(part, separator)))
        for part in slices(symbols, overlap=len(separator) - 1)
    )


def document_ends(
    symbols: NDArray[np.integer], separator: NDArray[np.integer], most: int = 1 << 20
) -> NDArray[np.int64]:
    """Find the place after each document, with its separator; the last place is the text's end.

    An empty document belongs to the one before it. In a text of more symbols than ``most``, short
    neighbours count as one document, so that there are about ``most`` of them at most.

    Returns
    -------
    ndarray, int64, shape (documents,)
        The ends, in order.
    """
    width = max(1, len(symbols) // most)
    found: list[NDArray[np.int64]] = []
    last = -1
    for ends in _document_ends(symbols, separator):
        # of those in an interval of this width, the first; and the text's end
        kept = np.diff(ends // width, prepend=last) > 0
        found.append(ends[kept | (ends == len(symbols))])
        last = ends[-1] // width
    return np.concatenate(found)


def count_documents(symbols: NDArray[np.integer], separator: NDArray[np.integer]) -> int:
    """Count the documents of a text, without those that are empty."""
    return sum(map(len, _document_ends(symbols, separator)))


def _document_ends(
    symbols: NDArray[np.integer], separator: NDArray[np.integer]
) -> Iterator[NDArray[np.int64]]:
    """Yield the places after documents, some at a time, shape (n,), n >= 1."""
    k, n = len(separator), len(symbols)
    first, last = k - 1, np.empty(0, np.int64)
    for part in slices(symbols, overlap=k - 1):
        starts = document_starts(part, separator)[k - 1 :]
        # the places after separators; where the next one is too near, an empty document follows
        places = np.concatenate([last, np.flatnonzero(starts) + first + 1])
        ends = places[:-1][np.diff(places) > k]
        if len(ends):
            yield ends
        first, last = first + len(starts), places[-1:]
    yield np.append(last[last < n], n)
