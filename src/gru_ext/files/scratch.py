# SPDX-License-Identifier: MIT
"""Temporary files that leave nothing behind."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Self

from gru_ext.files import StrPath

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Bytes of a text, or of its symbols, that are kept in memory; more go to a temporary file.
IN_MEMORY = 1 << 26


def fits_in_memory(size: int) -> bool:
    """Whether so many bytes are kept in memory."""
    return size <= IN_MEMORY


class ScratchFile:
    """A temporary file without a name: it is gone once nothing uses it, however the process ends.

    Parameters
    ----------
    what : str
        What is kept in the file, for the message of an error.
    folder : path-like, optional
        The folder for the file; by default the one for temporary files.
    """

    def __init__(self, what: str, folder: StrPath | None = None) -> None:
        self._what = what
        self._folder = tempfile.gettempdir() if folder is None else os.fspath(folder)
        try:
            # Without a buffer a full disk is noticed at the write. This object closes the file, so
            # that there is no "with" for SIM115.
            self.file = tempfile.TemporaryFile(buffering=0, dir=self._folder)  # noqa: SIM115
        except OSError as error:
            raise self._named(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.file.close()

    def write(self, data: ReadableBuffer) -> None:
        """Write all of the data.

        Raises
        ------
        OSError
            There is no room for the data. The message says what was to be kept.
        """
        left = memoryview(data).cast("B")
        try:
            while left:
                left = left[self.file.write(left) :]
        except OSError as error:
            raise self._named(error) from None

    def _named(self, error: OSError) -> OSError:
        return OSError(
            f"cannot keep {self._what} in a temporary file in {self._folder}: "
            f"{error.strerror or error}"
        )
