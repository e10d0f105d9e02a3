# SPDX-License-Identifier: MIT
"""The corpus: the symbols of a whole text, in memory or in a mapped file."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from gru_ext.files import StrPath
from gru_ext.files.scratch import ScratchFile, fits_in_memory
from gru_ext.text.reader import TextReader
from gru_ext.text.vocabulary import Counts, Vocabulary

_SLICE = 1 << 20


def encode_text(
    reader: TextReader, counts: Counts, vocabulary: Vocabulary, unknown: int = 0
) -> NDArray[np.integer]:
    """Encode a text that is counted, and store its symbols.

    Symbols of long files are stored in a temporary file that is mapped into memory: the system
    reads the pages that are used, and deletes the file when the last array on it is deleted, even
    if the process is killed.

    Parameters
    ----------
    reader : TextReader
        The text; it is read once more.
    counts : Counts
        Counts of the same text.
    vocabulary : Vocabulary
    unknown : int
        How many characters have no symbol, as :func:`gru_ext.text.unknown.count_unknown` counts
        them: they are left out. By default there is none.

    Returns
    -------
    ndarray, shape (n,)
        The symbols, in the vocabulary's dtype; read-only where they are mapped.

    Raises
    ------
    ValueError
        The vocabulary lacks characters of the text, or the text changed since it was counted.
    OSError
        There is no room for the file.
    """
    length = counts.length - unknown
    if unknown:
        pieces = (_known(vocabulary, piece) for piece in reader.pieces())
    else:
        vocabulary.check(counts)
        pieces = (vocabulary.encode(piece) for piece in reader.pieces())
    encoded = _of_length(pieces, length)
    if reader.in_memory or fits_in_memory(length * vocabulary.dtype.itemsize):
        symbols = np.empty(length, vocabulary.dtype)
        end = 0
        for part in encoded:
            symbols[end : end + len(part)] = part
            end += len(part)
        return symbols
    return store_mapped(encoded, vocabulary.dtype, reader.folder)


def store_mapped(
    parts: Iterable[NDArray[np.integer]], dtype: np.dtype[np.integer], folder: StrPath | None
) -> NDArray[np.integer]:
    """Write symbols to a temporary file in the folder, and map it into memory, read-only."""
    with ScratchFile("the text's symbols", folder) as scratch:
        for part in parts:
            scratch.write(part.data)
        mapping = mmap.mmap(scratch.file.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(mapping, dtype)


def _known(vocabulary: Vocabulary, piece: str | bytes) -> NDArray[np.integer]:
    found = vocabulary.encode(piece, partial=True)
    return found[found >= 0].astype(vocabulary.dtype)


def _of_length(
    encoded: Iterator[NDArray[np.integer]], length: int
) -> Iterator[NDArray[np.integer]]:
    """Yield what is encoded as long as it is no longer than what was counted."""
    for part in encoded:
        length -= len(part)
        if length < 0:
            break
        yield part
    if length:
        raise ValueError("the text changed while it was read")


def slices(symbols: NDArray[np.integer], overlap: int = 0) -> Iterator[NDArray[np.integer]]:
    """Yield 2^20 symbols at a time, and ``overlap`` more that the next slice has too."""
    for start in range(0, len(symbols), _SLICE):
        yield symbols[start : start + _SLICE + overlap]
        release(symbols)


def release(symbols: NDArray[np.integer]) -> None:
    """Give the pages of a mapped file back to the system, which reads them again when needed."""
    base: object = symbols
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def digest(symbols: NDArray[np.integer]) -> str:
    """Return the SHA-256 of the symbols' bytes, in hexadecimal."""
    import hashlib  # not above: --classic does without

    found = hashlib.sha256()
    for part in slices(symbols):
        found.update(part.data)
    return found.hexdigest()
