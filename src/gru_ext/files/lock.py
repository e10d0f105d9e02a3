# SPDX-License-Identifier: MIT
"""A lock beside a file, so that two runs do not write the same one."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gru_ext.files import StrPath
from gru_ext.files.regular import NO_LINK

# Windows hides locked bytes from others: the locked one is far behind the process id.
_LOCKED_BYTE = 1 << 30
# A folder without locks, such as some network file systems, is used without one.
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


class LockedError(OSError):
    """Another run writes the file. The message has its process id."""


@contextmanager
def locked(path: StrPath) -> Iterator[None]:
    """Hold the lock of a file: of ``model.npz``, it is the file ``.model.npz.lock`` beside it.

    The system releases it when the process ends, however it ends. A lock file that is left behind
    locks nothing.

    Raises
    ------
    LockedError
        Another run of this or another process holds the lock.
    OSError
        The lock file cannot be made.
    """
    target = Path(os.path.realpath(path))
    lock = target.with_name(f".{target.name}.lock")
    try:
        descriptor = _open(lock)
    except _HeldError as held:
        raise LockedError(
            f"{path} is being written by another run{held.owner}: wait for its end, or name "
            f"another file"
        ) from None
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from None
    try:
        yield
    finally:
        if sys.platform == "win32":  # where an open file cannot be removed
            os.close(descriptor)
            with suppress(OSError):
                lock.unlink()
        else:
            with suppress(OSError):
                if _is_at(descriptor, lock):
                    lock.unlink()
            os.close(descriptor)


class _HeldError(Exception):
    """The lock is held; ``owner`` says by which process, where that is known."""

    def __init__(self, owner: str) -> None:
        super().__init__(owner)
        self.owner = owner


def _open(lock: Path) -> int:
    """Open and lock a lock file that has this name also afterwards; write the process id to it."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | NO_LINK, 0o666)
        try:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
                raise OSError(f"{lock} is not a lock file: remove it")
            if not _take(descriptor):
                raise _HeldError(_owner(descriptor))
            if _is_at(descriptor, lock):  # else its owner has just removed it
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(descriptor: int, lock: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(lock))
    except FileNotFoundError:
        return False


def _owner(descriptor: int) -> str:
    number = os.read(descriptor, 20).strip()
    return f" (process {int(number)})" if number.isdigit() else ""


def _take(descriptor: int) -> bool:
    """Lock an open file without waiting; whether it could be locked, or needs no lock here."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _UNSUPPORTED
    return True
