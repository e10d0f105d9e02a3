# SPDX-License-Identifier: MIT
"""Files that are replaced atomically: the old one stays until the new one is complete."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from gru_ext.files import StrPath
from gru_ext.files.regular import NO_LINK, no_link

_NOT_FOLLOWED = {"follow_symlinks": False} if os.link in os.supports_follow_symlinks else {}


def check_writable(path: StrPath) -> None:
    """Check before a long run that a file can be written at its end.

    A temporary file is made and removed, under a name as long as :func:`write_atomically` takes.

    Raises
    ------
    OSError
        The folder is missing or not writable, the name is too long, or the path is a folder, a
        device or a loop of links.
    """
    target = Path(os.path.realpath(path))
    try:
        descriptor, temporary = _create(target, _mode(target))
    except OSError as error:
        raise _unwritable(path, error) from None
    os.close(descriptor)
    temporary.unlink(missing_ok=True)


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
        mode = _mode(target)
        descriptor, temporary = _create(target, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
                _set_mode(file, temporary, mode)
            if replacing is not None:
                replacing()
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unwritable(path, error) from None
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
    temporary = _temporary(target)
    try:
        try:
            os.link(source, temporary, **_NOT_FOLLOWED)
        except FileNotFoundError:
            raise  # there is no file to keep: a copy would fail too
        except OSError:
            temporary = _copy(source, target)
        os.replace(temporary, target)
    finally:
        # it is still there where the rename had nothing to do: both were names of one file
        temporary.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> Path:
    """Copy a file to a temporary one beside ``target``, with its permissions; return its path."""
    with open(source, "rb", opener=no_link) as read:
        mode = stat.S_IMODE(os.fstat(read.fileno()).st_mode)
        descriptor, temporary = _create(target, mode)
        try:
            with os.fdopen(descriptor, "wb") as written:
                shutil.copyfileobj(read, written, 1 << 20)
                written.flush()
                os.fsync(written.fileno())
                _set_mode(written, temporary, mode)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return temporary


def remove_temporary_files(path: StrPath) -> None:
    """Remove what a process left that was killed while it wrote to ``path``."""
    target = Path(os.path.realpath(path))
    temporary = re.compile(re.escape(f".{target.name}.") + r"[a-z0-9_]{8}")
    try:
        for other in target.parent.iterdir():
            if temporary.fullmatch(other.name):
                other.unlink()
    except OSError:
        pass  # they belong to somebody else, or the folder is gone: writing will say so


def _mode(target: Path) -> int | None:
    """The permissions of the file that is replaced; None where there is none."""
    try:
        found = os.lstat(target).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found):  # all links were followed: this one leads to itself
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if not stat.S_ISREG(found):
        raise OSError("it is not a regular file: name a file to write to")
    return stat.S_IMODE(found)


def _temporary(target: Path) -> Path:
    """A new name for a temporary file in the folder of ``target``."""
    return target.with_name(f".{target.name}.{os.urandom(4).hex()}")


def _create(target: Path, mode: int | None) -> tuple[int, Path]:
    """Create a temporary file beside ``target``; return its descriptor and path.

    Nobody else has put a file or a link there. Without a mode the system gives the new file the
    usual permissions. Otherwise it is only its owner's, until :func:`_set_mode`.
    """
    temporary = _temporary(target)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_LINK
    return os.open(temporary, flags, 0o666 if mode is None else 0o600), temporary


def _set_mode(file: BinaryIO, temporary: Path, mode: int | None) -> None:
    """Set the permissions of a temporary file; not by its name, which may be a link by now."""
    if mode is None:
        return
    if hasattr(os, "fchmod"):
        os.fchmod(file.fileno(), mode & 0o777)
    else:  # Windows before Python 3.13, where making a link needs a privilege
        os.chmod(temporary, mode & 0o777)


def _unwritable(path: StrPath, error: OSError) -> OSError:
    return OSError(f"cannot write {path}: {error.strerror or error}")


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
