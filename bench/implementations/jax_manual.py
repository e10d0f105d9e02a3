# SPDX-License-Identifier: MIT
"""Training in JAX with a manual backward pass.

Autodiff adds to the weight gradients in each step of the scan, by a product over B rows. Here a
reverse scan computes the gradients of the pre-activations, and then each weight gradient is one
product over T * B rows, as in docs/explanation/equations.md.
"""

import functools

import jax
import jax.numpy as jnp

from bench.implementations.jax_train import initial_weights, training_runner


def _output(p, hs, y):
    # Returns the loss, the output layer's gradient of hs (T, B, H), and the gradients of Wy, by.
    T, B, H = hs.shape
    rows, targets = hs.reshape(T * B, H), y.reshape(-1)
    logs = jax.nn.log_softmax(rows @ p["Wy"] + p["by"])
    nats = -jnp.take_along_axis(logs, targets[:, None], -1).sum() / B
    dy = (jnp.exp(logs) - jax.nn.one_hot(targets, logs.shape[1], dtype=hs.dtype)) / B
    dh = (dy @ p["Wy"].T).reshape(T, B, H)
    return nats, dh, {"Wy": rows.T @ dy, "by": dy.sum(0)}


def _rows(a):
    return a.reshape(-1, a.shape[-1])


def _computed_once(*arrays):
    # Without the barrier XLA computes them again in every step of the scan.
    return jax.lax.optimization_barrier(arrays)


def _gradients(fused, p, h0, x, y):
    # fused: Uz and Ur are in one matrix product in the forward scan. For B = 1 states are vectors
    # instead of matrices with one row, and the backward pass uses the weights without transposing.
    T, B, H = *x.shape, h0.shape[1]
    if B == 1:
        h0, x = h0[0], x[:, 0]
    (Uzr,) = _computed_once(jnp.concatenate([p["Uz"], p["Ur"]], 1)) if fused else (None,)

    def forward(h, xw):
        az, ar = jnp.split(h @ Uzr, 2, -1) if fused else (h @ p["Uz"], h @ p["Ur"])
        z, r = jax.nn.sigmoid(xw[0] + az), jax.nn.sigmoid(xw[1] + ar)
        rh = r * h
        c = jnp.tanh(xw[2] + rh @ p["Uh"])
        h_next = z * h + (1 - z) * c
        return h_next, (z, r, rh, c, h, h_next)

    xw = tuple(p["W" + g][x] + p["b" + g] for g in "zrh")
    h_last, (z, r, rh, c, h_prev, hs) = jax.lax.scan(forward, h0, xw)
    nats, dh_out, grads = _output(p, hs.reshape(T, B, H), y)
    transposed = dict(zip("zrh", _computed_once(p["Uz"].T, p["Ur"].T, p["Uh"].T), strict=True))

    def times_transposed(d, gate):
        return p["U" + gate] @ d if B == 1 else d @ transposed[gate]

    def backward(dh, step):
        dh_out, z, r, c, h = step
        dh = dh + dh_out
        dc = dh * (1 - z) * (1 - c * c)
        drh = times_transposed(dc, "h")
        dz = dh * (h - c) * z * (1 - z)
        dr = drh * h * r * (1 - r)
        dh = dh * z + drh * r + times_transposed(dz, "z") + times_transposed(dr, "r")
        return dh, (dz, dr, dc)

    steps = (dh_out.reshape(hs.shape), z, r, c, h_prev)
    _, ds = jax.lax.scan(backward, jnp.zeros_like(h0), steps, reverse=True)
    inputs = (h_prev, h_prev, rh)
    for gate, d, factor in zip("zrh", map(_rows, ds), inputs, strict=True):
        grads["U" + gate] = _rows(factor).T @ d
        grads["W" + gate] = jnp.zeros_like(p["W" + gate]).at[x.reshape(-1)].add(d)
        grads["b" + gate] = d.sum(0)
    return nats, h_last.reshape(B, H), grads


def split(config):
    """One matrix product per gate."""
    return training_runner(config, initial_weights(config), functools.partial(_gradients, False))


def fused(config):
    """Uz and Ur in one matrix product in the forward scan."""
    return training_runner(config, initial_weights(config), functools.partial(_gradients, True))
