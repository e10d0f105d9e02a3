# SPDX-License-Identifier: MIT
"""Weights and vocabulary as a file of safetensors, which :func:`gru_ext.load` reads too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gru_ext.export.comparison import Logits
from gru_ext.export.recurrence import numpy_logits
from gru_ext.files import StrPath
from gru_ext.model.described import described
from gru_ext.model.safetensors import encode

if TYPE_CHECKING:
    from gru_ext.model.model import Model


def contents(model: Model) -> bytes:
    """The bytes of the file; the arrays have the names and shapes of the model file."""
    return encode(model.parameters, described(model))


def open_logits(path: StrPath, model: Model) -> Logits:
    """Load the weights with the library safetensors, and read with the equations."""
    from safetensors.numpy import load_file

    return numpy_logits(load_file(path))
