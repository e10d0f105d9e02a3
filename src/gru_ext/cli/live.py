# SPDX-License-Identifier: MIT
"""Standard input in pieces that come as soon as they are written, such as the lines of a log."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Callable, Iterator
from typing import Any

from gru_ext.text.encodings import MARK, check_encoding
from gru_ext.text.units import PIECE


def live_pieces(units: str, encoding: str) -> Iterator[str | bytes]:
    """Yield what standard input has, without waiting for more; as :class:`TextReader` reads it.

    Raises
    ------
    OSError
        It is closed, or cannot be read.
    ValueError
        It is not text in this encoding.
    """
    check_encoding(encoding)
    if sys.stdin is None:
        raise OSError("standard input is closed")
    stream: Any = sys.stdin.buffer
    read: Callable[[int], bytes] = stream.read1
    if units == "bytes":
        while data := read(PIECE):
            yield data
        return
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    offset, first, data = 0, True, b"-"
    while data:
        data = read(PIECE)
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            place = offset + len(data) - len(error.object) + error.start
            raise ValueError(
                f"standard input is not {encoding} text: byte {error.object[error.start]:#04x} at "
                f"offset {place}; name another one with `encoding`"
            ) from None
        except UnicodeError as error:
            raise ValueError(f"standard input is not {encoding} text: {error}") from None
        offset += len(data)
        if first and text:
            text, first = text.removeprefix(MARK), False
        if text:
            yield text
