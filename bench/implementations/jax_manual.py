# SPDX-License-Identifier: MIT
"""Training in JAX with the backward pass by hand: a reverse scan, then a product a matrix.

Autodiff adds up the weight gradients in the scan, a product of B rows a step; here each is one
product over T * B rows, as in docs/equations.md.
"""

import functools

import jax
import jax.numpy as jnp

from bench.implementations.jax_train import split_weights, trainer


def _output(p, hs, y):
    # Loss, dh from the output layer (T, B, H), and the gradients of Wy and by.
    T, B, H = hs.shape
    rows, targets = hs.reshape(T * B, H), y.reshape(-1)
    logs = jax.nn.log_softmax(rows @ p["Wy"] + p["by"])
    nats = -jnp.take_along_axis(logs, targets[:, None], -1).sum() / B
    dy = (jnp.exp(logs) - jax.nn.one_hot(targets, logs.shape[1], dtype=hs.dtype)) / B
    dh = (dy @ p["Wy"].T).reshape(T, B, H)
    return nats, dh, {"Wy": rows.T @ dy, "by": dy.sum(0)}


def _rows(a):
    return a.reshape(-1, a.shape[-1])


def _kept(*arrays):
    # Behind a barrier, or XLA makes them again in every step of the scan.
    return jax.lax.optimization_barrier(arrays)


def _gradients(together, p, h0, x, y):
    # together: Uz and Ur in one product of the forward scan. One stream: vectors, no matrices of
    # one row, and the backward products take the weights as they are stored.
    T, B, H = *x.shape, h0.shape[1]
    if B == 1:
        h0, x = h0[0], x[:, 0]
    (Uzr,) = _kept(jnp.concatenate([p["Uz"], p["Ur"]], 1)) if together else (None,)

    def forward(h, xw):
        az, ar = jnp.split(h @ Uzr, 2, -1) if together else (h @ p["Uz"], h @ p["Ur"])
        z, r = jax.nn.sigmoid(xw[0] + az), jax.nn.sigmoid(xw[1] + ar)
        rh = r * h
        c = jnp.tanh(xw[2] + rh @ p["Uh"])
        after = z * h + (1 - z) * c
        return after, (z, r, rh, c, h, after)

    xw = tuple(p["W" + g][x] + p["b" + g] for g in "zrh")
    last, (z, r, rh, c, before, after) = jax.lax.scan(forward, h0, xw)
    nats, dh_out, grads = _output(p, after.reshape(T, B, H), y)
    transposed = dict(zip("zrh", _kept(p["Uz"].T, p["Ur"].T, p["Uh"].T), strict=True))

    def back(d, gate):
        return p["U" + gate] @ d if B == 1 else d @ transposed[gate]

    def backward(dh, step):
        dh_out, z, r, c, h = step
        dh = dh + dh_out
        dc = dh * (1 - z) * (1 - c * c)
        drh = back(dc, "h")
        dz = dh * (h - c) * z * (1 - z)
        dr = drh * h * r * (1 - r)
        return dh * z + drh * r + back(dz, "z") + back(dr, "r"), (dz, dr, dc)

    steps = (dh_out.reshape(after.shape), z, r, c, before)
    _, ds = jax.lax.scan(backward, jnp.zeros_like(h0), steps, reverse=True)
    for gate, d, read in zip("zrh", map(_rows, ds), (before, before, rh), strict=True):
        grads["U" + gate] = _rows(read).T @ d
        grads["W" + gate] = jnp.zeros_like(p["W" + gate]).at[x.reshape(-1)].add(d)
        grads["b" + gate] = d.sum(0)
    return nats, last.reshape(B, H), grads


def split(config):
    """A product a gate."""
    return trainer(config, split_weights(config), functools.partial(_gradients, False))


def fused(config):
    """Uz and Ur in one product of the forward scan."""
    return trainer(config, split_weights(config), functools.partial(_gradients, True))
