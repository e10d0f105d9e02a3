# SPDX-License-Identifier: MIT
"""The option of narrower weights for reading, declared once."""

from __future__ import annotations

from typing import Literal, get_args

from gru_ext.arguments.kinds import OneOf
from gru_ext.arguments.option import Option, Options

# Nothing here imports NumPy: the command line reads this, and --help must be fast.
Weights = Literal["float32", "bfloat16", "int8"]


class _Weights(OneOf[Weights]):
    """One of the types, as the signatures name them."""

    annotation = "Literal['float32', 'bfloat16', 'int8']"


WEIGHTS_KIND = _Weights(get_args(Weights))


class WeightsOptions(Options):
    """With which weights a model reads."""

    weights: Option[Weights | None] = Option(
        WEIGHTS_KIND,
        "read with weights that are rounded to this type: narrower ones are read faster",
        "weights",
        automatic="those of the model",
        details="Biases stay float32. With int8 each row of a matrix has a scale, and the hidden "
        "states that a matrix is multiplied by are rounded to int8 too.",
    )
