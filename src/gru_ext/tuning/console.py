# SPDX-License-Identifier: MIT
"""What a search shows while it runs: a line for each trial, and a bar of trials on a terminal."""

from __future__ import annotations

from gru_ext.reporting.console import Console


class SearchConsole(Console):
    """Prints lines and, on a terminal, a bar with the trials made and the best loss.

    Parameters
    ----------
    trials : int
        The trials that are made at most.
    quiet : bool
        Whether nothing is shown at all.
    """

    def __init__(self, trials: int, quiet: bool) -> None:
        super().__init__(trials, quiet=quiet)

    def _form(self, train: str, validation_bits: float | None = None) -> str:
        best = "" if validation_bits is None else f", best {validation_bits:.4f} bits"
        return "{percentage:3.0f}%|{bar}| {n}/{total} trials, {elapsed}" + best

    def move(self, trials: int, best: float | None) -> None:
        """Move the bar on by so many trials, and show the best loss in bits per character."""
        self.advance(trials, 0.0, best)
