# SPDX-License-Identifier: MIT
"""What a training run shows: results on standard output, a progress bar on standard error."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

if TYPE_CHECKING:
    from tqdm import tqdm


class Console:
    """Prints lines, and a bar with characters a second and the time left where a person watches.

    Parameters
    ----------
    characters : int
        Characters that the whole run learns from.
    done : int
        Of them, those learned from before.
    quiet : bool
        Show nothing at all.
    """

    def __init__(self, characters: int, done: int = 0, quiet: bool = False) -> None:
        self.quiet = quiet
        self._bar: tqdm[NoReturn] | None = None
        if not quiet and sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm  # only here: importing it takes longer than a short run

            self._bar = tqdm(
                total=characters,
                initial=done,
                unit="char",
                unit_scale=True,
                file=sys.stderr,
                # some terminals report no columns at all
                **({"dynamic_ncols": True} if _columns() else {"ncols": 80, "nrows": 20}),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def print(self, text: str) -> None:
        """A line on standard output, clear of the bar.

        Where nobody reads it any more the run goes on without a word: its model is what counts.
        """
        if self.quiet or sys.stdout is None:
            return
        if self._bar is not None:
            self._bar.clear()
        try:
            sys.stdout.write(_showable(text + "\n"))
            sys.stdout.flush()
        except OSError:
            self.quiet = True
        if self._bar is not None:
            self._bar.refresh()

    def advance(self, characters: int, bits_per_char: float) -> None:
        """So many characters more, learned from at this loss."""
        if self._bar is not None:
            self._bar.set_postfix_str(f"{bits_per_char:.3f} bits/char", refresh=False)
            self._bar.update(characters)


def tell(message: str) -> None:
    """A line on standard error, clear of a bar: what went wrong while the run goes on."""
    if sys.stderr is None:
        return
    line = f"gru-ext: {' '.join(message.split())}"
    try:
        if "tqdm" in sys.modules:
            sys.modules["tqdm"].tqdm.write(line, file=sys.stderr)
        else:
            print(line, file=sys.stderr)
    except OSError:
        pass  # nobody reads it


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        return 0


def _showable(text: str) -> str:
    """The text, with what standard output's encoding lacks escaped."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
