# SPDX-License-Identifier: MIT
"""The weights alone, in an archive of NumPy, in any dtype."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from gru_ext.export.comparison import Logits
from gru_ext.export.recurrence import numpy_logits
from gru_ext.files import StrPath

if TYPE_CHECKING:
    from gru_ext.model.model import Model


def contents(model: Model, dtype: str | None = None) -> bytes:
    """The bytes of the archive; the arrays have the names and shapes of the model file.

    Raises
    ------
    ValueError
        A weight is too large for the dtype.
    """
    with np.errstate(over="ignore"):
        weights = {
            name: np.ascontiguousarray(view, dtype) for name, view in model.parameters.items()
        }
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise ValueError(
                f"`dtype` must hold every weight, but {name} has values too large for {dtype}"
            )
    file = io.BytesIO()
    np.savez(file, **weights)  # type: ignore[arg-type]
    return file.getvalue()


def open_logits(path: StrPath, model: Model) -> Logits:
    """Load the weights with NumPy, and read with the equations."""
    with np.load(path, allow_pickle=False) as file:
        return numpy_logits(dict(file))
