# SPDX-License-Identifier: MIT
"""A text as symbols: counted in one pass, encoded in another, in memory or in a mapped file."""

from __future__ import annotations

import mmap
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gru_ext.files.scratch import Scratch, fits_in_memory
from gru_ext.text.reader import TextReader
from gru_ext.text.vocabulary import Counts, Vocabulary

_PIECE = 1 << 20


class Corpus:
    """What was counted in a text, and its symbols.

    Parameters
    ----------
    reader : TextReader
        It is read once here, and once by each call of :meth:`encode`.

    Attributes
    ----------
    counts : Counts
    length : int
        Characters, or bytes.
    """

    def __init__(self, reader: TextReader) -> None:
        self.reader = reader
        self.counts = Counts(reader.units)
        for piece in reader.pieces():
            self.counts.add(piece)
        self.length = self.counts.total

    def encode(self, vocabulary: Vocabulary) -> NDArray[np.integer]:
        """Symbols of the text, shape (length,), in the vocabulary's dtype.

        Those of long files lie in a temporary file that is mapped into memory: the system reads
        the pages that are used, and deletes the file with the last array that looks into it,
        however the process ends.

        Raises
        ------
        ValueError
            Where the vocabulary lacks characters of the text, or it changed between the passes.
        OSError
            Where there is no room for the file.
        """
        vocabulary.check(np.flatnonzero(self.counts.counts))
        size = self.length * vocabulary.dtype.itemsize
        if not (self.reader.in_memory or fits_in_memory(size)):
            return self._encode_to_file(vocabulary)
        symbols = np.empty(self.length, vocabulary.dtype)
        end = 0
        for part in self._parts(vocabulary):
            symbols[end : end + len(part)] = part
            end += len(part)
        return symbols

    def _encode_to_file(self, vocabulary: Vocabulary) -> NDArray[np.integer]:
        with Scratch("the text's symbols", self.reader.folder) as scratch:
            for part in self._parts(vocabulary):
                scratch.write(part.data)
            mapping = mmap.mmap(scratch.file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(mapping, vocabulary.dtype)

    def _parts(self, vocabulary: Vocabulary) -> Iterator[NDArray[np.integer]]:
        left = self.length
        for piece in self.reader.pieces():
            part = vocabulary.encode(piece)
            left -= len(part)
            if left < 0:
                break
            yield part
        if left:
            raise ValueError("the text changed while it was read")


def document_starts(
    symbols: NDArray[np.integer], separator: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Where documents start, shape (n,): at the last symbol of each separator.

    It is the first that a document's state reads: from a zero state, so that nothing of the
    document before is known where the next one's first character is predicted, and at a place that
    is known without looking ahead, so that samples can do the same.
    """
    starts = np.zeros(len(symbols), bool)
    places = max(0, len(symbols) - len(separator) + 1)
    starts[len(separator) - 1 :] = True
    for i, symbol in enumerate(separator):
        starts[len(separator) - 1 :] &= symbols[i : i + places] == symbol
    return starts


def count_separators(symbols: NDArray[np.integer], separator: NDArray[np.integer]) -> int:
    """How often the separator stands in the symbols."""
    found = 0
    for start in range(0, len(symbols), _PIECE):
        piece = symbols[start : start + _PIECE + len(separator) - 1]
        found += int(np.count_nonzero(document_starts(piece, separator)))
        release(symbols)
    return found


def release(symbols: NDArray[np.integer]) -> None:
    """Let go of a mapped file's pages: they are read again where they are used again."""
    base: object = symbols
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def digest(symbols: NDArray[np.integer]) -> str:
    """SHA-256 of the symbols' bytes, in hexadecimal."""
    import hashlib  # not above: --classic does without

    found = hashlib.sha256()
    for start in range(0, len(symbols), _PIECE):
        found.update(symbols[start : start + _PIECE].data)
        release(symbols)
    return found.hexdigest()
