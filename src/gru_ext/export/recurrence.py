# SPDX-License-Identifier: MIT
"""The equations in NumPy: they check files that hold weights alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.export.comparison import Logits
from gru_ext.export.gates import stacked


def numpy_logits(weights: Mapping[str, NDArray[Any]]) -> Logits:
    """A function that reads symbols with these weights, in float64 (docs/explanation/equations.md).

    Parameters
    ----------
    weights : mapping of ndarrays
        The parameters by their names.

    Returns
    -------
    callable
        A function of symbols (T,) that returns the logits after each of them, (T, V).
    """
    weights = {name: np.asarray(array, np.float64) for name, array in weights.items()}
    layers = stacked(weights)
    Wy, by, H = weights["Wy"], weights["by"][:, 0], len(weights["bz"])

    def logits(symbols: NDArray[np.int32]) -> NDArray[np.float64]:
        states = np.zeros((len(layers), H))
        found = np.empty((len(symbols), len(by)))
        for t, symbol in enumerate(symbols):
            for layer, gates in enumerate(layers):
                h = states[layer]
                # W x of a one-hot x is a column
                a = gates.b + (gates.W[:, symbol] if layer == 0 else gates.W @ states[layer - 1])
                z, r = _sigmoid(a[: 2 * H] + gates.U[: 2 * H] @ h).reshape(2, H)
                states[layer] = z * h + (1 - z) * np.tanh(a[2 * H :] + gates.U[2 * H :] @ (r * h))
            found[t] = Wy @ states[-1] + by
        return found

    return logits


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 0.5 + 0.5 * np.tanh(0.5 * x)
    return found
