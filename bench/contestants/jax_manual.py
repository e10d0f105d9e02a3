# SPDX-License-Identifier: MIT
"""Training in JAX with the backward pass by hand: a reverse scan, then a product a matrix.

Autodiff adds up the weight gradients in the scan, a product of B rows a step; here each is one
product over T * B rows, as in docs/equations.md.
"""

import jax
import jax.numpy as jnp

from bench.contestants.jax_train import fused_weights, split_weights, trainer


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


def _transposed(*matrices):
    # Behind a barrier, or XLA transposes them again in every step of the scan.
    return jax.lax.optimization_barrier(tuple(a.T for a in matrices))


def _by_symbol(like, x, d):
    return jnp.zeros_like(like).at[x.reshape(-1)].add(d)


def _split_gradients(p, h0, x, y):
    def forward(h, xw):
        z = jax.nn.sigmoid(xw[0] + h @ p["Uz"])
        r = jax.nn.sigmoid(xw[1] + h @ p["Ur"])
        rh = r * h
        c = jnp.tanh(xw[2] + rh @ p["Uh"])
        after = z * h + (1 - z) * c
        return after, (z, r, rh, c, h, after)

    xw = tuple(p["W" + g][x] + p["b" + g] for g in "zrh")
    last, (z, r, rh, c, before, after) = jax.lax.scan(forward, h0, xw)
    nats, dh_out, grads = _output(p, after, y)
    UzT, UrT, UhT = _transposed(p["Uz"], p["Ur"], p["Uh"])

    def backward(dh, step):
        dh_out, z, r, c, h = step
        dh = dh + dh_out
        dc = dh * (1 - z) * (1 - c * c)
        drh = dc @ UhT
        dz = dh * (h - c) * z * (1 - z)
        dr = drh * h * r * (1 - r)
        return dh * z + drh * r + dz @ UzT + dr @ UrT, (dz, dr, dc)

    steps = (dh_out, z, r, c, before)
    _, ds = jax.lax.scan(backward, jnp.zeros_like(h0), steps, reverse=True)
    for gate, d, read in zip("zrh", map(_rows, ds), (before, before, rh), strict=True):
        grads["U" + gate] = _rows(read).T @ d
        grads["W" + gate] = _by_symbol(p["W" + gate], x, d)
        grads["b" + gate] = d.sum(0)
    return nats, last, grads


def _fused_gradients(p, h0, x, y):
    H = h0.shape[1]

    def forward(h, xw):
        zr = jax.nn.sigmoid(xw[:, : 2 * H] + h @ p["Uzr"])
        z, r = zr[:, :H], zr[:, H:]
        c = jnp.tanh(xw[:, 2 * H :] + (r * h) @ p["Uh"])
        after = z * h + (1 - z) * c
        return after, (zr, c, h, after)

    last, (zr, c, before, after) = jax.lax.scan(forward, h0, p["W"][x] + p["b"])
    nats, dh_out, grads = _output(p, after, y)
    UzrT, UhT = _transposed(p["Uzr"], p["Uh"])

    def backward(dh, step):
        dh_out, zr, c, h = step
        z, r = zr[:, :H], zr[:, H:]
        dh = dh + dh_out
        dc = dh * (1 - z) * (1 - c * c)
        drh = dc @ UhT
        dzr = jnp.concatenate([dh * (h - c), drh * h], -1) * (zr * (1 - zr))
        return dh * z + drh * r + dzr @ UzrT, (dzr, dc)

    steps = (dh_out, zr, c, before)
    _, (dzr, dc) = jax.lax.scan(backward, jnp.zeros_like(h0), steps, reverse=True)
    d = jnp.concatenate([_rows(dzr), _rows(dc)], -1)
    grads["Uzr"] = _rows(before).T @ _rows(dzr)
    grads["Uh"] = _rows(zr[..., H:] * before).T @ _rows(dc)
    grads["W"] = _by_symbol(p["W"], x, d)
    grads["b"] = d.sum(0)
    return nats, last, grads


def split(job):
    """A product a gate."""
    return trainer(job, split_weights(job), _split_gradients)


def fused(job):
    """Uz and Ur in one product."""
    return trainer(job, fused_weights(job), _fused_gradients)
