# SPDX-License-Identifier: MIT
"""Texts in, a piece at a time: strings, bytes, files and standard input."""

from __future__ import annotations

import io
import os
import stat
import sys
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from gru_ext.files import StrPath
from gru_ext.files.scratch import ScratchFile
from gru_ext.text.characters import UNITS
from gru_ext.text.vocabulary import PIECE, utf8

Text = str | bytes | os.PathLike[str] | Sequence[StrPath]

# Bytes of a text, or of its symbols, that are kept in memory; longer ones go to a file.
IN_MEMORY = 1 << 26


class Texts:
    """One text, or several one after the other, that can be read as often as needed.

    Parameters
    ----------
    text : str, bytes, path-like or sequence of paths
        A str is the text itself, and so are bytes where the units are bytes. In a sequence a str is
        a path, ``-`` standard input.
    units : {"chars", "bytes"}
        What to read: characters, with newlines translated to ``\\n`` as Python's text mode does
        (but not those of a str), or bytes as they are.
    encoding : str
        Of files that are read as characters.
    folder : path-like, optional
        Where to keep what can be read only once and is long; by default that of temporary files.

    Raises
    ------
    TypeError, ValueError
        Where there is no text, or an encoding or unit is unknown.
    """

    def __init__(
        self,
        text: Text,
        units: str = "chars",
        encoding: str = "utf-8",
        folder: StrPath | None = None,
    ) -> None:
        if units not in UNITS:
            raise ValueError(f"units must be {' or '.join(UNITS)}, not {units!r}")
        try:
            io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        except LookupError:
            raise ValueError(f"unknown encoding {encoding!r}") from None
        if isinstance(text, os.PathLike):
            text = [text]
        elif not isinstance(text, str | bytes) and not (
            isinstance(text, Sequence) and all(isinstance(p, str | os.PathLike) for p in text)
        ):
            raise TypeError(
                f"text must be a str, bytes, a path or a list of paths, not {type(text).__name__}"
            )
        if isinstance(text, bytes) and units == "chars":
            raise TypeError("text must be a str for a model of characters: decode it")
        if not text:
            kind = "the text is empty" if isinstance(text, str | bytes) else "no text is named"
            raise ValueError(f"{kind}: at least 2 characters are needed")
        self.text, self.units, self.encoding, self.folder = text, units, encoding, folder
        self._kept: dict[int, BinaryIO] = {}

    @property
    def in_files(self) -> bool:
        """Whether the text is not in memory anyway."""
        return not isinstance(self.text, str | bytes)

    def pieces(self) -> Iterator[str | bytes]:
        """The text from its beginning, in the units asked for.

        Raises
        ------
        OSError
            Where a file cannot be read.
        ValueError
            Where it is empty or no text in this encoding; it says where.
        """
        if isinstance(self.text, str | bytes):
            for start in range(0, len(self.text), PIECE):
                piece = self.text[start : start + PIECE]
                yield utf8(piece) if isinstance(piece, str) and self.units == "bytes" else piece
        else:
            for place, path in enumerate(self.text):
                name = "standard input" if path == "-" else os.fspath(path)
                with self._open(place, path) as file:
                    yield from self._read(name, file)

    @contextmanager
    def _open(self, place: int, path: StrPath) -> Iterator[BinaryIO]:
        if place in self._kept:
            self._kept[place].seek(0)
            yield self._kept[place]
        elif path == "-":
            if sys.stdin is None:
                raise OSError("standard input is closed")
            yield self._keep(place, sys.stdin.buffer)
        else:
            with open(path, "rb") as file:
                regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
                yield file if regular else self._keep(place, file)

    def _keep(self, place: int, stream: BinaryIO) -> BinaryIO:
        """What can be read only once, to be read again."""
        memory = io.BytesIO()
        kept: BinaryIO = memory
        scratch = None
        while data := stream.read(PIECE):
            if scratch is None and kept.tell() + len(data) > IN_MEMORY:
                scratch = ScratchFile("the text", self.folder)
                scratch.write(memory.getbuffer())
                memory.close()
                kept = scratch.file
                weakref.finalize(self, kept.close)
            if scratch is None:
                kept.write(data)
            else:
                scratch.write(data)
        kept.seek(0)
        self._kept[place] = kept
        return kept

    def _read(self, name: str, file: BinaryIO) -> Iterator[str | bytes]:
        empty = True
        if self.units == "bytes":
            while data := file.read(PIECE):
                empty = False
                yield data
        else:
            text = io.TextIOWrapper(file, encoding=self.encoding)
            try:
                while piece := text.read(PIECE):
                    empty = False
                    yield piece
            except UnicodeDecodeError as error:
                raise ValueError(self._not_text(name, file, error)) from None
            finally:
                text.detach()
        if empty:
            raise ValueError(f"{name} is empty")

    def _not_text(self, name: str, file: BinaryIO, error: UnicodeDecodeError) -> str:
        # What the decoder was given last ends where the file was read to.
        offset = file.tell() - len(error.object) + error.start
        file.seek(0)
        line = 1
        for start in range(0, offset, PIECE):
            line += file.read(min(PIECE, offset - start)).count(b"\n")
        return (
            f"{name} is no {self.encoding} text: byte {error.object[error.start]:#04x} at offset "
            f"{offset} (line {line}); name another encoding with --encoding, or train on its bytes "
            f"with --units bytes"
        )
