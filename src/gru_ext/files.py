# SPDX-License-Identifier: MIT
"""Files out whole or not at all, and files that leave nothing behind."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self, TypeVar

from gru_ext.console import tell

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

StrPath = str | os.PathLike[str]
Item = TypeVar("Item")


class Scratch:
    """A temporary file that is gone with the last that looks into it, however the process ends.

    Parameters
    ----------
    what : str
        What is kept in it, for the message where there is no room.
    folder : path-like, optional
        By default that of temporary files.
    """

    def __init__(self, what: str, folder: StrPath | None = None) -> None:
        self._what = what
        self._folder = tempfile.gettempdir() if folder is None else os.fspath(folder)
        try:
            # without a buffer, so that a full disk shows where it is written to; this object closes
            # it (SIM115 wants a with)
            self.file = tempfile.TemporaryFile(buffering=0, dir=self._folder)  # noqa: SIM115
        except OSError as error:
            raise self._told(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.file.close()

    def write(self, data: ReadableBuffer) -> None:
        """Write all of the data.

        Raises
        ------
        OSError
            Where there is no room; it says what for.
        """
        left = memoryview(data).cast("B")
        try:
            while left:
                left = left[self.file.write(left) :]
        except OSError as error:
            raise self._told(error) from None

    def _told(self, error: OSError) -> OSError:
        return OSError(
            f"cannot keep {self._what} in a temporary file in {self._folder}: "
            f"{error.strerror or error}"
        )


class Growing:
    """A file that grows by items while a run goes on, by each whole or not at all.

    Parameters
    ----------
    path : path-like
    whole, written : int
        Bytes, and items, that it has already; what is in it beyond them is cut off.
    """

    def __init__(self, path: StrPath, whole: int = 0, written: int = 0) -> None:
        self.path, self.whole, self.written = path, whole, written

    def append(self, items: Sequence[Item], encoded: Callable[[Item], bytes]) -> None:
        """Write those of all its items that are not in it yet.

        Raises
        ------
        OSError
            Where it cannot be written; they are written the next time.
        """
        with open(self.path, "ab", buffering=0) as file:
            if os.fstat(file.fileno()).st_size < self.whole:  # somebody has removed the file
                self.whole = self.written = 0
            file.truncate(self.whole)
            data = b"".join(map(encoded, items[self.written :]))
            try:
                while data:
                    data = data[file.write(data) :]
            except BaseException:
                file.truncate(self.whole)
                raise
            self.whole, self.written = file.tell(), len(items)

    def try_append(self, items: Sequence[Item], encoded: Callable[[Item], bytes]) -> None:
        """The same; where it cannot be written, that is told, and the run goes on."""
        if self.written == len(items):
            return
        try:
            self.append(items, encoded)
        except OSError as error:
            tell(
                f"cannot write {self.path}: {error.strerror or error}; training goes on, and it "
                f"is tried again"
            )


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


def write_atomically(
    path: StrPath,
    write: Callable[[BinaryIO], object],
    replacing: Callable[[], object] | None = None,
) -> None:
    """Call ``write`` with a temporary file, flush it to disk and rename it to ``path``.

    What stood at ``path`` before stays there whole until the new file is complete; then
    ``replacing`` is called, while it still is there.

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
            if replacing is not None:
                replacing()
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from None
    _flush_folder(target.parent)


def keep_as(path: StrPath, kept: StrPath) -> None:
    """Give the file at ``path`` a second name, in place of what has it; at once, or not at all.

    A hard link, so that it costs nothing; a copy where the file system has none.

    Raises
    ------
    OSError
        Where it cannot be done; nothing is changed then.
    """
    source, target = Path(os.path.realpath(path)), Path(os.path.realpath(kept))
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(descriptor)
    try:
        try:
            os.unlink(temporary)
            os.link(source, temporary)
        except FileNotFoundError:
            raise  # no file to keep, which a copy would not find either
        except OSError:
            with open(source, "rb") as read, open(temporary, "wb") as written:
                shutil.copyfileobj(read, written, 1 << 20)
                written.flush()
                os.fsync(written.fileno())
            shutil.copymode(source, temporary)
        os.replace(temporary, target)
    finally:
        # also where it is there after the rename, which does nothing to two names of one file
        Path(temporary).unlink(missing_ok=True)


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
