# SPDX-License-Identifier: MIT
"""Messages of the command line: one line each, with flags instead of keyword arguments."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from gru_ext.arguments.messages import printable

BAD_INPUT = 2


def one_line(message: object) -> str:
    """The message without line breaks, and without what a terminal would obey."""
    return printable(" ".join(str(message).split()))


def with_flags(message: str, options: Collection[str], mark: str = "--") -> str:
    """The message with the flag of each keyword argument that it names in backquotes."""

    def flag(found: re.Match[str]) -> str:
        name = found[1]
        if name not in options:
            return name
        return (mark if len(name) > 1 else "-") + name.replace("_", "-")

    return re.sub(r"`(\w+)`", flag, message)


def suggested(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: which known one was perhaps meant."""
    from difflib import get_close_matches  # not above: it is only for errors

    near = get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


def described(error: OSError) -> str:
    """What the system says, after the name of the file."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if error.errno is not None:  # raised by the system, and not for a file that has a name
        return f"standard input or output: {error.strerror}"
    return str(error)


def refuse(message: object, options: Collection[str] = ()) -> int:
    """Print why the command is refused; return the exit status."""
    print(f"gru-ext: {one_line(with_flags(str(message), options))}", file=sys.stderr)
    return BAD_INPUT


class _OneLine(logging.Formatter):
    def __init__(self, options: Collection[str]) -> None:
        super().__init__()
        self._options = options

    def format(self, record: logging.LogRecord) -> str:
        return f"gru-ext: {one_line(with_flags(record.getMessage(), self._options))}"


@contextmanager
def log_on_stderr(options: Collection[str] = ()) -> Iterator[None]:
    """Print what the package logs on standard error, one line each."""
    logger, handler = logging.getLogger("gru_ext"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine(options))
    logger.addHandler(handler)
    propagated, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated
