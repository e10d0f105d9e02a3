# SPDX-License-Identifier: MIT
"""What a training run shows: lines on standard output, a progress bar on standard error.

In a Jupyter notebook the bar is a widget, and without ipywidgets there is none: the text of a bar
would leave an empty line in the notebook for each line of the run.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TextIO

from gru_ext.arguments.messages import printable_lines

if TYPE_CHECKING:
    from tqdm import tqdm

_PLAIN = 80
"""The width of what is not a terminal."""
_FULL = 72
"""The width from which a terminal has place for the whole bar."""


class Console:
    """Prints lines and, on a terminal, a progress bar with speed and time left.

    While there is a bar, log records are written clear of it.

    Parameters
    ----------
    characters : int
        The characters that the whole run trains on.
    done : int
        The characters that it has trained on before.
    quiet : bool
        Whether nothing is shown at all.
    raw : bool
        Whether a file or pipe gets the characters as they are. Otherwise, and always on a terminal,
        those that a terminal would obey are shown escaped.
    unit : {"character", "byte"}
        What the model reads and writes.

    Attributes
    ----------
    printed : int
        The lines that were printed.
    """

    def __init__(
        self,
        characters: int,
        done: int = 0,
        quiet: bool = False,
        raw: bool = False,
        unit: str = "character",
    ) -> None:
        self.quiet, self._raw, self.printed = quiet, raw, 0
        self._per = "byte" if unit == "byte" else "char"
        self._bar: tqdm[NoReturn] | None = None
        self._redirected = ExitStack()
        self._terminal = _Terminal(sys.stderr)
        self._notebook = in_notebook()
        has_widgets = self._notebook and importlib.util.find_spec("ipywidgets") is not None
        if not quiet and (has_widgets if self._notebook else _is_terminal(sys.stderr)):
            # imported only here, because that takes longer than a short run
            from tqdm.contrib.logging import logging_redirect_tqdm

            tqdm = importlib.import_module("tqdm.auto" if self._notebook else "tqdm").tqdm

            class Bar(tqdm):  # type: ignore[misc, valid-type]
                """A bar without a thread that redraws it: a run updates it often enough."""

                monitor_interval = 0

            self._bar = Bar(
                total=characters,
                initial=done,
                unit=f" {self._per}",
                unit_scale=True,
                bar_format=self._form(""),
                **self._place(),
            )
            logger = logging.getLogger("gru_ext")
            loggers = [each for each in (logger, logging.root) if each.handlers] or [logger]
            self._redirected.enter_context(logging_redirect_tqdm(loggers))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._on_bar(lambda bar: bar.close())
        self._redirected.close()

    @property
    def columns(self) -> int:
        """The width of standard output in characters; 80 where it is not a terminal."""
        return (_columns(sys.stdout) if _is_terminal(sys.stdout) else 0) or _PLAIN

    @property
    def shows(self) -> bool:
        """Whether anybody may see the lines."""
        return not self.quiet and sys.stdout is not None

    def print(self, text: str) -> None:
        """Print a line on standard output, clear of the bar.

        If standard output is closed the run continues silently: its model is what counts.
        """
        if not self.shows:
            return
        self._on_bar(lambda bar: bar.clear())
        try:
            plain = self._raw and not sys.stdout.isatty()
            sys.stdout.write(_showable((text if plain else printable_lines(text)) + "\n"))
            sys.stdout.flush()
            self.printed += text.count("\n") + 1
        except (OSError, ValueError):  # the other end is closed, or this one
            self.quiet = True
        self._on_bar(lambda bar: bar.refresh())

    def advance(self, characters: int, bits: float, validation_bits: float | None = None) -> None:
        """Move the bar on by so many characters, and show the losses in bits per character."""

        def move(bar: tqdm[NoReturn]) -> None:
            bar.bar_format = self._form(f", train {bits:.2f}", validation_bits)
            bar.update(characters)
            if not characters:
                bar.refresh()

        self._on_bar(move)

    def _form(self, train: str, validation_bits: float | None = None) -> str:
        """The bar with the losses: the whole one, or one for a terminal of 40 columns."""
        full = self._notebook or (_columns(sys.stderr) or _PLAIN) >= _FULL
        validation = ""
        if validation_bits is not None:
            validation = f", {'validation' if full else 'val.'} {validation_bits:.2f}"
        losses = train + validation
        if not full:
            return "{percentage:3.0f}%|{bar}| {remaining}" + losses
        losses += f" bits/{self._per}" if losses else ""
        return "{percentage:3.0f}%|{bar}| {elapsed}<{remaining}, {rate_fmt}" + losses

    def _place(self) -> dict[str, Any]:
        """Where the bar is, and how wide."""
        if self._notebook:
            return {}
        # some terminals report no columns at all
        known = {"dynamic_ncols": True} if _columns(sys.stderr) else {"ncols": _PLAIN, "nrows": 20}
        return {"file": self._terminal, **known}

    def _on_bar(self, draw: Callable[[tqdm[NoReturn]], object]) -> None:
        """Draw on the bar, if there is one; without its terminal there is none any more."""
        if self._bar is None:
            return
        draw(self._bar)
        if self._terminal.gone:
            self._bar.disable = True
            self._bar = None


class _Terminal:
    """Standard error, for the bar: where it cannot be written to, that is noted and not raised.

    tqdm takes a lock before it draws, and would never release it after an exception.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self.gone = stream, False

    def write(self, text: str) -> int:
        with self._noted():
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._noted():
            self._stream.flush()

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError):
            self.gone = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __eq__(self, other: object) -> bool:
        return other is self or other is self._stream

    def __hash__(self) -> int:
        return hash(self._stream)


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it is closed
        return False


def in_notebook() -> bool:
    """Whether the process is the kernel of a Jupyter notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in shell.config


def _columns(stream: TextIO | None) -> int:
    """The width of a terminal; 0 where it is not known."""
    try:
        return 0 if stream is None else os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0


def _showable(text: str) -> str:
    """The text; characters that are not in standard output's encoding are escaped."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
