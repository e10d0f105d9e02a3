# SPDX-License-Identifier: MIT
"""Recipes: the sizes and the length of a run for a text of a given length, found by measurement.

docs/explanation/baselines.md has the losses they reach and those of a search. Nothing here imports
NumPy: the command line reads the names.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, get_args

PresetName = Literal["quick", "default", "best"]
PRESETS: tuple[PresetName, ...] = get_args(PresetName)


class Recipe(NamedTuple):
    """Options of a run that follow from the length of its text.

    docs/reference/options.md describes them.

    The batch size is the largest one: a stream has at least some windows. A run sees so many
    characters at most, which bounds its time. Its dropout is ``more_dropout`` higher than what
    follows from the sizes (:func:`gru_ext.training.defaults.default_dropout`).
    """

    hidden_size: int
    layers: int
    seq_length: int
    batch_size: int
    epochs: float
    weight_dropout: float = 0.0
    characters: float = math.inf
    weight_decay: float = 0.03
    more_dropout: float = 0.0
    dtype: str = "float32"


# For texts of up to so many characters; the last one is for all longer ones.
_RECIPES: dict[PresetName, dict[float, Recipe]] = {
    "quick": {
        4_000: Recipe(48, 1, 32, 2, 60),
        40_000: Recipe(128, 1, 32, 4, 20, 0.2),
        400_000: Recipe(192, 1, 64, 8, 15),
        math.inf: Recipe(192, 1, 64, 16, 5, characters=6e6),
    },
    "default": {
        4_000: Recipe(64, 1, 16, 2, 80, 0.4),
        40_000: Recipe(192, 1, 32, 4, 30, 0.2),
        400_000: Recipe(256, 1, 64, 16, 30, 0.1),
        4_000_000: Recipe(256, 2, 64, 16, 10),
        40_000_000: Recipe(256, 2, 128, 32, 4),
        math.inf: Recipe(256, 2, 128, 64, 1),
    },
    "best": {
        4_000: Recipe(64, 1, 16, 2, 80, 0.4),
        40_000: Recipe(192, 1, 32, 4, 40, 0.2),
        400_000: Recipe(384, 1, 64, 16, 40, 0.1),
        4_000_000: Recipe(
            384, 2, 128, 16, 36, 0.1, weight_decay=0.06, more_dropout=0.1, dtype="bfloat16"
        ),
        math.inf: Recipe(384, 2, 128, 32, 4, characters=44e6, dtype="bfloat16"),
    },
}
# A list of names, each of which starts from an empty state.
_OF_DOCUMENTS: dict[float, dict[str, Any]] = {40_000: {"weight_dropout": 0.5}}


def recipe(preset: PresetName, characters: int, documents: bool) -> Recipe:
    """The recipe of a preset for so many characters for training, and documents or not."""
    most, row = next(item for item in _RECIPES[preset].items() if characters <= item[0])
    return row._replace(**_OF_DOCUMENTS.get(most, {})) if documents else row
