# SPDX-License-Identifier: MIT
"""The parameters of a layer with its three gates in one array, as other programs have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.checkpoint import layers_of
from gru_ext.model.parameters import layer_name

GATES = "zrh"


@dataclass(frozen=True)
class Gates:
    """The parameters of one layer: update gate, reset gate and candidate, one below the other.

    Attributes
    ----------
    W : ndarray, shape (3 H, n)
        Input weights; n is V in the first layer, H in those above.
    U : ndarray, shape (3 H, H)
        Recurrent weights.
    b : ndarray, shape (3 H,)
        Biases.
    """

    W: NDArray[Any]
    U: NDArray[Any]
    b: NDArray[Any]


def stacked(weights: Mapping[str, NDArray[Any]]) -> list[Gates]:
    """The gates of each layer, from the parameters by their names."""

    def joined(kind: str, layer: int) -> NDArray[Any]:
        return np.concatenate([weights[layer_name(kind + gate, layer)] for gate in GATES])

    return [
        Gates(joined("W", layer), joined("U", layer), joined("b", layer)[:, 0])
        for layer in range(1, layers_of(weights) + 1)
    ]


def named(layers: list[Gates], Wy: NDArray[Any], by: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The parameters by their names, from the gates of each layer and the output layer.

    Parameters
    ----------
    layers : list of Gates
    Wy : ndarray, shape (V, H)
    by : ndarray, shape (V,)
    """
    weights = {"Wy": Wy, "by": by[:, None]}
    for layer, gates in enumerate(layers, 1):
        for kind, array in (("W", gates.W), ("U", gates.U), ("b", gates.b[:, None])):
            parts = np.split(array, len(GATES))
            for gate, part in zip(GATES, parts, strict=True):
                weights[layer_name(kind + gate, layer)] = part
    return weights


def is_tied(weights: Mapping[str, NDArray[Any]]) -> bool:
    """Whether the output weights are those of the first layer's candidate, transposed."""
    return np.array_equal(weights["Wy"], weights["Wh"].T)
