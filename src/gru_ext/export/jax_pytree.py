# SPDX-License-Identifier: MIT
"""JAX: the parameters as a pytree, and a function that reads symbols with ``lax.scan``.

This file needs JAX to be imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from gru_ext.export.gates import GATES
from gru_ext.model.checkpoint import layers_of
from gru_ext.model.parameters import layer_name

if TYPE_CHECKING:
    from gru_ext.model.model import Model


def jax_function(model: Model) -> tuple[dict[str, Any], Callable[..., tuple[Any, Any]]]:
    """The parameters of a model as a pytree, and the function that reads with them.

    Parameters
    ----------
    model : Model

    Returns
    -------
    parameters : dict of jax.Array
        The parameters by their names, in the shapes of a model file.
    read : callable
        :func:`read`, a pure function, which may be transformed by ``jax.jit``, ``jax.grad`` and
        ``jax.vmap``.

    Raises
    ------
    ValueError
        The model is in float64, and ``jax_enable_x64`` is not set.
    """
    parameters = {name: jnp.asarray(np.array(view)) for name, view in model.parameters.items()}
    if parameters["by"].dtype != model.dtype:
        raise ValueError(
            "JAX does not compute in float64: switch it on first, with "
            'jax.config.update("jax_enable_x64", True)'
        )
    return parameters, read


def read(parameters: dict[str, Any], symbols: Any, states: Any = None) -> tuple[Any, Any]:
    """Read symbols (docs/explanation/equations.md).

    Parameters
    ----------
    parameters : dict of arrays
        The parameters by their names.
    symbols : array of integers, shape (T, B)
    states : array, shape (layers, B, H), optional
        By default zeros.

    Returns
    -------
    logits : array, shape (T, B, V)
        What is predicted after each symbol.
    states : array, shape (layers, B, H)
        The states after the last symbol.
    """
    layers, H = layers_of(parameters), len(parameters["bz"])
    if states is None:
        states = jnp.zeros((layers, symbols.shape[1], H), parameters["by"].dtype)
    x, last = symbols, []
    for layer in range(1, layers + 1):
        x, h = _read_layer(parameters, layer, x, states[layer - 1])
        last.append(h)
    return x @ parameters["Wy"].T + parameters["by"][:, 0], jnp.stack(last)


def _read_layer(parameters: dict[str, Any], layer: int, x: Any, h: Any) -> tuple[Any, Any]:
    """The states of a layer at every time step, (T, B, H), and the last one, (B, H)."""
    W, U, b = (
        jnp.concatenate([parameters[layer_name(kind + gate, layer)] for gate in GATES])
        for kind in "WUb"
    )
    H = U.shape[1]
    # W x of a one-hot x is a column
    inputs = (W.T[x] if layer == 1 else x @ W.T) + b[:, 0]

    def step(h: Any, a: Any) -> tuple[Any, Any]:
        z, r = jnp.split(jax.nn.sigmoid(a[:, : 2 * H] + h @ U[: 2 * H].T), 2, axis=1)
        candidate = jnp.tanh(a[:, 2 * H :] + (r * h) @ U[2 * H :].T)
        h = z * h + (1 - z) * candidate
        return h, h

    last, every = lax.scan(step, h, inputs)
    return every, last
