# SPDX-License-Identifier: MIT
"""Errors of files that name the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from gru_ext.files import StrPath


@contextmanager
def errors_with_name(path: StrPath) -> Iterator[None]:
    """Give an OSError the file's name where it has none: one of reading a file that is open."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
