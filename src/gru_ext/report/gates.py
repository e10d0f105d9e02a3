# SPDX-License-Identifier: MIT
"""The gates of a GRU, computed from its hidden states (docs/explanation/equations.md)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.parameters import Parameters, layer_name

Floats = NDArray[np.floating]


def gates(
    parameters: Parameters,
    symbols: NDArray[np.integer],
    states: Floats,
    resets: NDArray[np.bool_],
) -> tuple[Floats, Floats]:
    """The update gates z and the reset gates r at each time step.

    With h' the state before the time step and x the input, one-hot or the state of the layer below:
    z = sigmoid(Wz x + Uz h' + bz), r = sigmoid(Wr x + Ur h' + br).

    Parameters
    ----------
    parameters : Parameters
    symbols : ndarray of symbols, shape (n,)
    states : ndarray, shape (n, layers, H)
        The states after each symbol. The state before the first symbol is zero.
    resets : ndarray of bool, shape (n,)
        Where the state is reset to zero before the symbol is read.

    Returns
    -------
    z, r : ndarrays, shape (n, layers, H)
    """
    before = np.zeros_like(states)
    before[1:] = states[:-1]
    before[resets] = 0
    found = {"z": np.empty_like(states), "r": np.empty_like(states)}
    for layer in range(1, parameters.layers + 1):
        h = before[:, layer - 1]
        for gate, values in found.items():
            W, U, b = (parameters[layer_name(kind + gate, layer)] for kind in "WUb")
            x = W.T[symbols] if layer == 1 else states[:, layer - 2] @ W.T
            a = x + h @ U.T + b[:, 0]
            values[:, layer - 1] = 0.5 + 0.5 * np.tanh(0.5 * a)  # the sigmoid, without overflow
    return found["z"], found["r"]
