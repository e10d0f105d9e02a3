# SPDX-License-Identifier: MIT
"""Files that grow while a run lasts, by one complete record after the other."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from gru_ext.files import StrPath
from gru_ext.files.regular import no_link

Record = TypeVar("Record")

_logger = logging.getLogger("gru_ext")


class AppendedFile:
    """A file to which records are appended; each is complete in it, or not there at all.

    Parameters
    ----------
    path : path-like
    size, count : int
        The bytes and the records that the file already holds. What follows them is cut off.
    """

    def __init__(self, path: StrPath, size: int = 0, count: int = 0) -> None:
        self.path, self.size, self.count = path, size, count
        self._target = os.path.realpath(path)  # no link is followed that is put there later

    def cut(self, size: int, count: int) -> None:
        """Cut off what follows so many bytes and records, now or else at the next append."""
        self.size, self.count = size, count
        try:
            with open(self._target, "r+b", buffering=0, opener=no_link) as file:
                if os.fstat(file.fileno()).st_size > size:
                    file.truncate(size)
        except OSError:
            pass

    def append(self, records: Sequence[Record], encoded: Callable[[Record], bytes]) -> None:
        """Write those of all the records that are not in the file yet.

        Raises
        ------
        OSError
            The file cannot be written. The next call tries again.
        """
        with open(self._target, "ab", buffering=0, opener=no_link) as file:
            if os.fstat(file.fileno()).st_size < self.size:  # somebody has removed the file
                self.size = self.count = 0
            file.truncate(self.size)
            data = b"".join(map(encoded, records[self.count :]))
            try:
                while data:
                    data = data[file.write(data) :]
            except BaseException:
                file.truncate(self.size)
                raise
            self.size, self.count = file.tell(), len(records)

    def try_append(self, records: Sequence[Record], encoded: Callable[[Record], bytes]) -> None:
        """Do the same, but only log a warning where the file cannot be written."""
        if self.count == len(records):
            return
        try:
            self.append(records, encoded)
        except OSError as error:
            _logger.warning(
                "cannot write %s: %s; training continues, and writing is tried again",
                self.path,
                error.strerror or error,
            )
