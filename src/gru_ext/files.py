# SPDX-License-Identifier: MIT
"""Texts in, files out whole or not at all."""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

StrPath = str | os.PathLike[str]


def read_text(paths: Sequence[StrPath], encoding: str = "utf-8") -> str:
    """The texts of the files one after the other; ``-`` is standard input.

    Newlines are translated to ``\\n``, as Python's text mode does.

    Raises
    ------
    OSError
        Where a file cannot be read.
    ValueError
        Where it is empty or no text in this encoding; it says where.
    """
    return "".join(_read_one(path, encoding) for path in paths)


def _read_one(path: StrPath, encoding: str) -> str:
    name = "standard input" if path == "-" else os.fspath(path)
    data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    try:
        text = io.TextIOWrapper(io.BytesIO(data), encoding=encoding).read()
    except UnicodeDecodeError as error:
        offset = len(data) - len(error.object) + error.start  # a codec may have dropped a mark
        line = data.count(b"\n", 0, offset) + 1
        raise ValueError(
            f"{name} is no {encoding} text: byte {data[offset]:#04x} at offset {offset} "
            f"(line {line}); name another encoding with --encoding"
        ) from None
    except LookupError:
        raise ValueError(f"unknown encoding {encoding!r}") from None
    if not text:
        raise ValueError(f"{name} is empty")
    return text


def check_writable(path: StrPath) -> None:
    """Find out before a long run whether a file can be written there at its end.

    Raises
    ------
    OSError
        Where the folder is missing or not writable, or the path is a folder or a device.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a regular file: name a file to write to")
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from None


def write_atomically(path: StrPath, write: Callable[[BinaryIO], object]) -> None:
    """Call ``write`` with a temporary file, flush it to disk and rename it to ``path``.

    What stood at ``path`` before stays there whole until the new file is complete.

    Raises
    ------
    OSError
        Where it cannot be written; nothing is changed then.
    """
    target = Path(os.path.realpath(path))
    try:
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, _mode(target))
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from None
    _flush_folder(target.parent)


def remove_left_over(path: StrPath) -> None:
    """Remove the temporary files of a process that was killed while it wrote to ``path``."""
    target = Path(os.path.realpath(path))
    temporary = re.compile(re.escape(f".{target.name}.") + r"[a-z0-9_]{8}")  # as mkstemp names them
    try:
        for other in target.parent.iterdir():
            if temporary.fullmatch(other.name):
                other.unlink()
    except OSError:
        pass  # not ours to remove, or the folder is gone: writing will tell


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, or those a new file would get."""
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _flush_folder(folder: Path) -> None:
    """So that the rename outlives a loss of power, where the system can do that."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
