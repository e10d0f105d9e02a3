# SPDX-License-Identifier: MIT
"""The arrays of a model file with int8 weights (docs/reference/checkpoint-format.md).

They have the names and shapes of the parameters. Beside each matrix there is the scale of each of
its rows, ``scale_Wz`` and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.packing import LARGEST, Int8
from gru_ext.model.narrow_parameters import NarrowParameters
from gru_ext.model.parameters import Parameters

SCALE = "scale_"
INT8 = np.dtype(np.int8)


def members(parameters: NarrowParameters) -> dict[str, NDArray[Any]]:
    """The arrays of a file by their names.

    Raises
    ------
    ValueError
        The weights are bfloat16, which no model file has.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for name in parameters:
        matrix = parameters.matrices.get(name)
        if matrix is None:
            arrays[name] = parameters[name]
        elif isinstance(matrix, Int8):
            arrays[name] = np.ascontiguousarray(matrix.values)
            arrays[SCALE + name] = matrix.scales[:, None]
        else:
            raise ValueError(
                "a model file has weights of float32, float64 or int8, not bfloat16: save the "
                "model from which these were rounded"
            )
    return arrays


def parameters_of(
    shapes: Mapping[str, tuple[int, int]],
    read: Callable[[str, tuple[int, ...], np.dtype[Any], str], NDArray[Any]],
) -> Parameters:
    """The parameters in a file that may be anything until it is checked here.

    Parameters
    ----------
    shapes : mapping of (int, int)
        The shape of each parameter.
    read : callable
        Returns the array of a name if it has this shape and this dtype, and is finite. The last
        argument is what else has this dtype, for the message.

    Raises
    ------
    ValueError
        A number is not one of an int8 weight or of a scale. The message says what the file has.
    """
    float32 = np.dtype(np.float32)
    matrices, biases = {}, {}
    for name, shape in shapes.items():
        if name[0] == "b":
            biases[name] = read(name, shape, float32, "all biases")
            continue
        values = read(name, shape, INT8, "Wz")
        scales = read(SCALE + name, (shape[0], 1), float32, "all scales")
        if values.min() < -LARGEST:
            raise ValueError(f"has {name} with {values.min()}: int8 weights are from -127 to 127")
        if scales.min() < 0:
            raise ValueError(f"has {SCALE}{name} with negative scales")
        matrices[name] = Int8(values, scales[:, 0])
    return NarrowParameters("int8", matrices, biases)
