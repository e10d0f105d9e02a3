# SPDX-License-Identifier: MIT
"""The weights of a model as tables in C."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.packing import to_int8
from gru_ext.export.c_tables import table
from gru_ext.export.gates import stacked

Weights = Mapping[str, NDArray[np.float32]]


def weight_tables(weights: Weights, int8: bool, tied: bool) -> Iterator[str]:
    """Write the tables of all parameters, and the matrices and layers that they make up.

    Parameters
    ----------
    weights : mapping of ndarrays of float32
        The parameters by their names.
    int8 : bool
        Whether matrices are int8.
    tied : bool
        Whether the output weights are those of the first layer's candidate, which are then not
        written twice.
    """
    layers = stacked(weights)
    H = layers[0].U.shape[1]
    W = layers[0].W[: 2 * H] if tied else layers[0].W
    yield from _matrix("model_embedding", W, int8, "W of layer 1: a row for each symbol")
    rows = []
    for number, gates in enumerate(layers, 1):
        names = {part: f"model_{part}_{number}" for part in ("input", "gates", "candidate", "bias")}
        if number > 1:
            yield from _matrix(names["input"], gates.W, int8, f"W of layer {number}")
        Uzr, Uh = gates.U[: 2 * H], gates.U[2 * H :]
        yield from _matrix(names["gates"], Uzr, int8, f"Uz and Ur of layer {number}")
        yield from _matrix(names["candidate"], Uh, int8, f"Uh of layer {number}")
        yield table(names["bias"], gates.b, f"bz, br and bh of layer {number}")
        above = "NULL" if number == 1 else f"&{names['input']}"
        rows.append(
            f"    {{{above}, &{names['gates']}, &{names['candidate']}, {names['bias']}}},\n"
        )
    yield f"static const model_layer model_layers[MODEL_LAYERS] = {{\n{''.join(rows)}}};\n"
    yield from _matrix("model_output", weights["Wy"], int8, "Wy")
    yield table("model_output_bias", weights["by"], "by")


def _matrix(name: str, weights: NDArray[np.float32], int8: bool, comment: str) -> Iterator[str]:
    """The tables of a matrix of shape (outputs, n), which is written as (n, outputs)."""
    pointers = f"{name}_rows"
    values: NDArray[np.generic] = weights
    if int8:
        values, scales = to_int8(weights)
        yield table(f"{name}_scales", scales, f"the scale of each output of {name}")
        pointers += f", {name}_scales"
    yield table(f"{name}_rows", np.ascontiguousarray(values.T), comment)
    yield f"static const model_matrix {name} = {{{pointers}}};\n"
