# SPDX-License-Identifier: MIT
"""What a training run shows: results on standard output, a progress bar on standard error."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

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
        self._bar = tqdm(total=characters, initial=done, unit="char", unit_scale=True,
                         dynamic_ncols=True, file=sys.stderr, disable=True if quiet else None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._bar.close()

    def print(self, text: str) -> None:
        """A line on standard output, clear of the bar."""
        if not self.quiet:
            with self._bar.external_write_mode(file=sys.stdout):
                sys.stdout.write(text + "\n")
                sys.stdout.flush()

    def advance(self, characters: int, bits_per_char: float) -> None:
        """So many characters more, learned from at this loss."""
        self._bar.set_postfix_str(f"{bits_per_char:.3f} bits/char", refresh=False)
        self._bar.update(characters)
