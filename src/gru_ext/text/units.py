# SPDX-License-Identifier: MIT
"""The units of a text, characters or bytes, and the pieces in which it is handed on.

A piece is a str where the units are characters, and bytes where they are bytes. No piece has more
than some megabytes, so that no text is in memory as a whole on its way to symbols.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, AnyStr

from gru_ext.arguments.kinds import OneOf

# Nothing here imports NumPy: the command line reads UNITS, and --help must be fast.
UNITS = ("chars", "bytes")
PIECE = 1 << 18


def check_units(units: str) -> None:
    """Raise a TypeError or ValueError where the units are unknown."""
    OneOf(UNITS).check("units", units)


def utf8(text: str, start: int = 0) -> bytes:
    """Encode a str as UTF-8; what a command line could not decode becomes the bytes it was.

    Parameters
    ----------
    text : str
    start : int
        The place where the str begins in the whole text, for the message.

    Raises
    ------
    ValueError
        The text has half of a surrogate pair.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"the text has {text[error.start]!r} at {start + error.start}, half of a surrogate "
            f"pair: UTF-8 has no bytes for it"
        ) from None


def pieces_of(text: str | bytes, units: str) -> Iterator[str | bytes]:
    """Yield a text that is in memory, a piece at a time; the UTF-8 of a str for bytes."""
    for start in range(0, len(text), PIECE):
        piece = text[start : start + PIECE]
        yield utf8(piece, start) if units == "bytes" and isinstance(piece, str) else piece


def read_pieces(file: IO[AnyStr]) -> Iterator[AnyStr]:
    """Yield the rest of a file, a piece at a time."""
    while piece := file.read(PIECE):
        yield piece
