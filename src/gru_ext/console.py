# SPDX-License-Identifier: MIT
"""What a training run shows: results on standard output, a progress bar on standard error."""

from __future__ import annotations

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
                dynamic_ncols=True,
                file=sys.stderr,
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
        """A line on standard output, clear of the bar."""
        if self.quiet:
            return
        if self._bar is not None:
            self._bar.clear()
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
        if self._bar is not None:
            self._bar.refresh()

    def advance(self, characters: int, bits_per_char: float) -> None:
        """So many characters more, learned from at this loss."""
        if self._bar is not None:
            self._bar.set_postfix_str(f"{bits_per_char:.3f} bits/char", refresh=False)
            self._bar.update(characters)
