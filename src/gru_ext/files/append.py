# SPDX-License-Identifier: MIT
"""Files that grow while a run lasts, by one whole record after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from gru_ext.files import StrPath
from gru_ext.reporting.console import tell

Item = TypeVar("Item")


class AppendedFile:
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
