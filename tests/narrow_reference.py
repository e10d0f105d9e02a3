# SPDX-License-Identifier: MIT
"""Products and a cell with narrow weights, in NumPy."""

import numpy as np
import reference

LARGEST = np.float32(127)


def int8_activations(a):
    """127 times float32 numbers, clipped and rounded to nearest even."""
    return np.rint(np.clip(a.astype(np.float32) * LARGEST, -LARGEST, LARGEST)).astype(np.int64)


def int8_product(a, values, scales):
    """a (M, K) times int8 weights (N, K): exact sums, then one multiplication."""
    sums = int8_activations(a) @ values.T.astype(np.int64)
    assert np.abs(sums).max(initial=0) < 2**31
    factors = (scales.astype(np.float64) / 127).astype(np.float32)
    return sums.astype(np.int32).astype(np.float32) * factors


def _matrix_product(parameters, name, x):
    matrix = parameters.matrices[name]
    return int8_product(x[None], matrix.values, matrix.scales)[0]


def _cell(parameters, layer, symbol, x, h):
    """The next state of a layer, whose input is a symbol or the state x below it."""

    def gate(name, recurrent):
        W, U, b = (reference.in_layer(part + name, layer) for part in "WUb")
        inputs = parameters[W][:, symbol] if x is None else _matrix_product(parameters, W, x)
        return inputs + _matrix_product(parameters, U, recurrent) + parameters[b][:, 0]

    z, r = (reference.sigmoid(gate(name, h)) for name in "zr")
    candidate = np.tanh(gate("h", (r * h).astype(np.float32)))
    return (z * h + (1 - z) * candidate).astype(np.float32)


def read(parameters, symbols):
    """States (n, layers, H) and logits (n, V) of int8 parameters that read symbols (n,)."""
    state = np.zeros((parameters.layers, parameters.hidden_size), np.float32)
    states, logits = [], []
    for symbol in symbols:
        x = None
        for i in range(parameters.layers):
            state[i] = x = _cell(parameters, i + 1, symbol, x, state[i])
        states.append(state.copy())
        logits.append(_matrix_product(parameters, "Wy", x) + parameters["by"][:, 0])
    return np.array(states), np.array(logits)
