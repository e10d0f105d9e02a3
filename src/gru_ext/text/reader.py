# SPDX-License-Identifier: MIT
"""The source of pieces: strings, bytes, files and standard input."""

from __future__ import annotations

import io
import os
import stat
import sys
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, BinaryIO

from gru_ext.arguments.messages import shown
from gru_ext.files import StrPath
from gru_ext.files.scratch import ScratchFile, fits_in_memory
from gru_ext.text.units import PIECE, check_units, pieces_of, read_pieces

Text = str | bytes | os.PathLike[str] | Sequence[StrPath]


class TextReader:
    """One text, or several one after the other, that can be read as often as needed.

    Parameters
    ----------
    text : str, bytes, path-like or sequence of paths
        A str is the text itself, and so are bytes where the units are bytes. In a sequence a str is
        a path, and ``-`` is standard input.
    units : {"chars", "bytes"}
        The reader gives characters, with newlines translated to ``\\n`` as in Python's text mode
        (a str stays as it is), or bytes as they are.
    encoding : str
        Encoding of the files, where characters are read.
    folder : path-like, optional
        Folder for a temporary file that keeps long input which can be read only once; by default
        the system's folder for temporary files.

    Raises
    ------
    TypeError, ValueError
        There is no text, or the encoding or the units are unknown.
    """

    def __init__(
        self,
        text: Text,
        units: str = "chars",
        encoding: str = "utf-8",
        folder: StrPath | None = None,
    ) -> None:
        check_units(units)
        try:
            io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        except LookupError:
            raise ValueError(f"`encoding` is not known to Python: {shown(encoding)}") from None
        if isinstance(text, os.PathLike):
            text = [text]
        elif not isinstance(text, str | bytes) and not (
            isinstance(text, Sequence) and all(isinstance(p, str | os.PathLike) for p in text)
        ):
            raise TypeError(
                f"`text` must be a str, bytes, a path or a list of paths, not {type(text).__name__}"
            )
        if isinstance(text, bytes) and units == "chars":
            raise TypeError("`text` must be a str for a model of characters: decode it")
        if not text:
            kind = "the text is empty" if isinstance(text, str | bytes) else "no text is named"
            raise ValueError(f"{kind}: at least 2 characters are needed")
        self.text, self.units, self.encoding, self.folder = text, units, encoding, folder
        self._kept: dict[int, BinaryIO] = {}

    @property
    def in_memory(self) -> bool:
        """Whether the caller has the whole text in memory."""
        return isinstance(self.text, str | bytes)

    def pieces(self) -> Iterator[str | bytes]:
        """Yield the text from its beginning, a piece at a time.

        Raises
        ------
        OSError
            A file cannot be read.
        ValueError
            A file is empty, or is not text in this encoding. The message says where.
        """
        if isinstance(self.text, str | bytes):
            yield from pieces_of(self.text, self.units)
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
        """Copy input that can be read only once, so that it can be read again."""
        memory = io.BytesIO()
        kept: BinaryIO = memory
        scratch = None
        for data in read_pieces(stream):
            if scratch is None and not fits_in_memory(kept.tell() + len(data)):
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
        with self._in_units(name, file) as source:
            for piece in read_pieces(source):
                empty = False
                yield piece
        if empty:
            raise ValueError(f"{name} is empty")

    @contextmanager
    def _in_units(self, name: str, file: BinaryIO) -> Iterator[IO[Any]]:
        if self.units == "bytes":
            yield file
            return
        text = io.TextIOWrapper(file, encoding=self.encoding)
        try:
            yield text
        except UnicodeDecodeError as error:
            raise ValueError(self._not_text(name, file, error)) from None
        finally:
            text.detach()

    def _not_text(self, name: str, file: BinaryIO, error: UnicodeDecodeError) -> str:
        # The decoder's last input ends where the file was read to.
        offset = file.tell() - len(error.object) + error.start
        file.seek(0)
        line = 1
        for start in range(0, offset, PIECE):
            line += file.read(min(PIECE, offset - start)).count(b"\n")
        return (
            f"{name} is not {self.encoding} text: byte {error.object[error.start]:#04x} at offset "
            f"{offset} (line {line}); name another one with `encoding`, or train on its bytes with "
            f"`units` bytes"
        )
