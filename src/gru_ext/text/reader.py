# SPDX-License-Identifier: MIT
"""The source of pieces: strings, bytes, files and standard input."""

from __future__ import annotations

import io
import logging
import os
import stat
import sys
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, BinaryIO

from gru_ext.arguments.kinds import String
from gru_ext.arguments.messages import listed, printable
from gru_ext.files import StrPath
from gru_ext.files.scratch import ScratchFile, fits_in_memory
from gru_ext.text.encodings import (
    FIRST,
    MARK,
    check_encoding,
    count_lines,
    marked_encoding,
    never_halves,
    suspicion,
)
from gru_ext.text.mistaken import check_text_is_no_path
from gru_ext.text.units import (
    PIECE,
    Units,
    check_units,
    check_whole,
    pieces_of,
    read_pieces,
    utf8,
)

_logger = logging.getLogger("gru_ext")


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
        Encoding of the files, where characters are read. A byte-order mark is no part of the text.
    join : str
        Text between two files, as characters or their UTF-8; files that are empty are left out.
    keep_mark : bool
        Whether a byte-order mark is read as a character, as by ``open(path)``.
    folder : path-like, optional
        Folder for a temporary file that keeps long input which can be read only once; by default
        the system's folder for temporary files.

    Raises
    ------
    TypeError, ValueError
        There is no text, it is the name of a file, or the encoding or the units are unknown.
    """

    def __init__(
        self,
        text: str | bytes | os.PathLike[str] | Sequence[StrPath],
        units: Units = "chars",
        encoding: str = "utf-8",
        folder: StrPath | None = None,
        join: str = "",
        keep_mark: bool = False,
    ) -> None:
        check_units(units)
        check_encoding(encoding)
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
        if isinstance(text, str | bytes):
            check_text_is_no_path(text)
        self.text, self.units, self.encoding, self.folder = text, units, encoding, folder
        join = String(empty=True).check("join", join)
        check_whole(join, name="`join`") if units == "chars" else utf8(join, name="`join`")
        self.join, self.keep_mark = join, keep_mark
        self._kept: dict[int, BinaryIO] = {}
        self._warnings: set[str] = set()

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
            All files are empty, or one is not text in this encoding. The message says where.
        """
        if isinstance(self.text, str | bytes):
            if isinstance(self.text, str):
                self._inspect_str(self.text)
            yield from pieces_of(self.text, self.units)
        else:
            yield from self._files(self.text)

    def _files(self, paths: Sequence[StrPath]) -> Iterator[str | bytes]:
        join = utf8(self.join) if self.units == "bytes" else self.join
        begun, empty = False, []
        for place, path in enumerate(paths):
            name = "standard input" if path == "-" else printable(os.fspath(path))
            read = False
            with self._open(place, path) as file:
                for piece in self._read(name, file):
                    if begun and join and not read:
                        yield join
                    begun = read = True
                    yield piece
            if not read:
                empty.append(name)
        if not begun:
            raise ValueError(
                f"{empty[0]} is empty" if len(empty) == 1 else f"all {len(empty)} files are empty"
            )
        if empty:
            self._warn(f"{listed(empty)} {'is' if len(empty) == 1 else 'are'} empty")

    def _warn(self, message: str) -> None:
        """Log a warning, once although the text is read several times."""
        if message not in self._warnings:
            self._warnings.add(message)
            _logger.warning("%s", message)

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
        if self.units == "bytes":
            yield from read_pieces(file)
            return
        marked = marked_encoding(file.read(FIRST), self.encoding)
        file.seek(0)
        whole, start = never_halves(self.encoding), 0
        with self._decoded(name, file, marked) as source:
            for piece in read_pieces(source):
                if start == 0:
                    self._inspect(name, piece, marked)
                if not whole:
                    check_whole(piece, start, name)
                kept = piece if start or self.keep_mark else piece.removeprefix(MARK)
                start += len(piece)
                if kept:
                    yield kept

    def _inspect_str(self, text: str) -> None:
        """Warn where a str looks as if its file had been read in another encoding."""
        if text.startswith(MARK):
            self._warn(
                "the text begins with a byte-order mark, U+FEFF, which is read as a character: "
                "read its file in the encoding utf-8-sig, or give its path"
            )
        elif found := suspicion(text):
            self._warn(f"the text {found}")

    def _inspect(self, name: str, piece: str, marked: str | None) -> None:
        """Warn where the first piece of a file looks as if it had another encoding."""
        if marked is not None:
            self._warn(
                f"{name} begins with the byte-order mark of {marked.upper()}, but is read as "
                f"{self.encoding}: give `encoding` {marked}"
            )
        elif found := suspicion(piece):
            self._warn(f"{name} {found}")

    @contextmanager
    def _decoded(self, name: str, file: BinaryIO, marked: str | None) -> Iterator[IO[str]]:
        text = io.TextIOWrapper(file, encoding=self.encoding)
        try:
            yield text
        except UnicodeError as error:
            hint = (
                "name another one with `encoding`, or train on its bytes with `units` bytes"
                if marked is None
                else f"it begins with the byte-order mark of {marked.upper()}: give `encoding` "
                f"{marked}"
            )
            found = self._failure(file, error)
            raise ValueError(f"{name} is not {self.encoding} text: {found}; {hint}") from None
        finally:
            text.detach()

    def _failure(self, file: BinaryIO, error: UnicodeError) -> str:
        """Which byte cannot be decoded, and where it is; or else what the decoder says."""
        if not isinstance(error, UnicodeDecodeError):
            return str(error)
        # The decoder's last input ends where the file was read to.
        offset = file.tell() - len(error.object) + error.start
        file.seek(0)
        parts = (file.read(min(PIECE, offset - start)) for start in range(0, offset, PIECE))
        line = 1 + count_lines(parts, self.encoding)
        return f"byte {error.object[error.start]:#04x} at offset {offset} (line {line})"
