# SPDX-License-Identifier: MIT
"""What a model's bits per character are compared with: what is known without any model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gru_ext.text.units import utf8

if TYPE_CHECKING:
    from gru_ext.text.reader import TextReader
    from gru_ext.text.vocabulary import Counts

XZ_MOST = 100_000_000
"""The bytes of the longest text that xz compresses: it takes a second or more for 1 MB."""
_SMALLEST_DICTIONARY, _LARGEST_DICTIONARY = 1 << 12, 1 << 26  # the latter is that of preset 9


def letter_frequency_bits(counts: Counts) -> float:
    """The entropy of the text's characters, each taken alone, in bits per character."""
    p = counts.by_code[counts.by_code > 0] / counts.length
    return float(-(p * np.log2(p)).sum())


def xz_bits(reader: TextReader, counts: Counts) -> float | None:
    """What the text's UTF-8 takes as an xz file (preset 9), in bits per character or byte.

    It is None for a text of more than :data:`XZ_MOST` bytes, and where Python was built without xz.
    """
    try:
        import lzma
    except ImportError:
        return None
    size = _utf8_size(counts)
    if size > XZ_MOST:
        return None
    # a dictionary that is larger than the text would only take memory
    dictionary = min(max(size, _SMALLEST_DICTIONARY), _LARGEST_DICTIONARY)
    settings = {"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": dictionary}
    packer = lzma.LZMACompressor(filters=[settings])
    packed = 0
    for piece in reader.pieces():
        packed += len(packer.compress(piece if isinstance(piece, bytes) else utf8(piece)))
    return 8 * (packed + len(packer.flush())) / counts.length


def _utf8_size(counts: Counts) -> int:
    """The bytes of the text: of each character 1, and one more from U+0080, U+0800, U+10000 on."""
    starts = (0,) if counts.units == "bytes" else (0, 0x80, 0x800, 0x10000)
    return sum(int(counts.by_code[start:].sum()) for start in starts)
