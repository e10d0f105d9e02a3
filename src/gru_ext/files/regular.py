# SPDX-License-Identifier: MIT
"""How regular files are opened: no devices, no pipes, and no links that somebody else has made."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

from gru_ext.files import StrPath

NO_LINK: int = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
"""Flags with which a path is opened that is not a link."""

# without waiting for somebody to open the other end of a pipe
_NO_WAIT: int = getattr(os, "O_NONBLOCK", 0)


def no_link(path: str, flags: int) -> int:
    """Open a path that must not be a link: the ``opener`` of :func:`open`."""
    return os.open(path, flags | NO_LINK | _NO_WAIT, 0o666)


def open_regular(path: StrPath) -> BinaryIO:
    """Open a file to read it, which must be a regular file.

    A device such as ``/dev/zero`` has no end, and a pipe may never get one.

    Raises
    ------
    OSError
        There is no such file, it cannot be read, or it is something else than a regular file.
    """
    file = open(path, "rb", opener=_no_wait)  # noqa: SIM115 (the caller closes it)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(f"{os.fspath(path)} is not a regular file: it must be a file on a disk")
    return file


def _no_wait(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_WAIT)
