# SPDX-License-Identifier: MIT
"""Files that are replaced atomically: the old one stays until the new one is complete."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from gru_ext.files import StrPath


def check_writable(path: StrPath) -> None:
    """Check before a long run that a file can be written at its end.

    Raises
    ------
    OSError
        The folder is missing or not writable, or the path is a folder or a device.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a regular file: name a file to write to")
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from None


def write_atomically(
    path: StrPath,
    write: Callable[[BinaryIO], object],
    replacing: Callable[[], object] | None = None,
) -> None:
    """Call ``write`` with a temporary file, flush it to disk and rename it to ``path``.

    An old file at ``path`` stays complete until the new one is; ``replacing`` is called just before
    the rename, while the old file is still there.

    Raises
    ------
    OSError
        The file cannot be written. Nothing is changed then.
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
            if replacing is not None:
                replacing()
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from None
    _flush_folder(target.parent)


def link_or_copy(path: StrPath, kept: StrPath) -> None:
    """Give the file at ``path`` a second name atomically, replacing what has that name.

    It is a hard link, which costs nothing, or a copy where the file system has no hard links.

    Raises
    ------
    OSError
        It cannot be done. Nothing is changed then.
    """
    source, target = Path(os.path.realpath(path)), Path(os.path.realpath(kept))
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(descriptor)
    try:
        try:
            os.unlink(temporary)
            os.link(source, temporary)
        except FileNotFoundError:
            raise  # there is no file to keep: a copy would fail too
        except OSError:
            with open(source, "rb") as read, open(temporary, "wb") as written:
                shutil.copyfileobj(read, written, 1 << 20)
                written.flush()
                os.fsync(written.fileno())
            shutil.copymode(source, temporary)
        os.replace(temporary, target)
    finally:
        # it is still there where the rename had nothing to do: both were names of one file
        Path(temporary).unlink(missing_ok=True)


def remove_temporary_files(path: StrPath) -> None:
    """Remove what a process left that was killed while it wrote to ``path``."""
    target = Path(os.path.realpath(path))
    temporary = re.compile(re.escape(f".{target.name}.") + r"[a-z0-9_]{8}")  # as mkstemp names them
    try:
        for other in target.parent.iterdir():
            if temporary.fullmatch(other.name):
                other.unlink()
    except OSError:
        pass  # they belong to somebody else, or the folder is gone: writing will say so


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, or those that a new file would get."""
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _flush_folder(folder: Path) -> None:
    """Flush a folder to disk, so that a rename in it survives a loss of power."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
