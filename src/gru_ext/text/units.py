# SPDX-License-Identifier: MIT
"""The units of a text, characters or bytes, and the pieces in which it is handed on.

A piece is a str where the units are characters, and bytes where they are bytes. No piece has more
than some megabytes, so that no text is in memory as a whole on its way to symbols.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, AnyStr, Literal, get_args

from gru_ext.arguments.kinds import OneOf

# Nothing here imports NumPy: the command line reads UNITS, and --help must be fast.
Units = Literal["chars", "bytes"]
UNITS: tuple[Units, ...] = get_args(Units)
PIECE = 1 << 18
CODE_POINTS = 0x110000
"""The number of Unicode code points."""


def check_units(units: str) -> None:
    """Raise a TypeError or ValueError where the units are unknown."""
    OneOf(UNITS).check("units", units)


def check_whole(text: str, start: int = 0, name: str = "the text") -> None:
    """Raise a ValueError where a text has half of a surrogate pair, which no file can hold.

    Parameters
    ----------
    text : str
    start : int
        The place where the str begins in the whole text, for the message.
    name : str
        The name of the text, for the message.
    """
    if text.isascii():
        return
    try:
        text.encode("utf-32-le")
    except UnicodeEncodeError as error:
        raise _half(text, error.start, start, name) from None


def utf8(text: str, start: int = 0, name: str = "the text") -> bytes:
    """Encode a str as UTF-8; what a command line could not decode becomes the bytes it was.

    Parameters
    ----------
    text, start, name
        As for :func:`check_whole`.

    Raises
    ------
    ValueError
        The text has half of a surrogate pair.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise _half(text, error.start, start, name) from None


def _half(text: str, place: int, start: int, name: str) -> ValueError:
    return ValueError(
        f"{name} has {text[place]!r} at {start + place}, half of a surrogate pair: UTF-8 has no "
        f"bytes for it"
    )


def pieces_of(text: str | bytes, units: str) -> Iterator[str | bytes]:
    """Yield a text that is in memory, a piece at a time; the UTF-8 of a str for bytes."""
    for start in range(0, len(text), PIECE):
        piece = text[start : start + PIECE]
        yield utf8(piece, start) if units == "bytes" and isinstance(piece, str) else piece


def read_pieces(file: IO[AnyStr]) -> Iterator[AnyStr]:
    """Yield the rest of a file, a piece at a time."""
    while piece := file.read(PIECE):
        yield piece
