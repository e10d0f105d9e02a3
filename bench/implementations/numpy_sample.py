# SPDX-License-Identifier: MIT
"""Sampling and predicting in NumPy, one step at a time."""

import numpy as np

from bench import workload

CHUNK = 100


def draw(p, uniforms):
    """Symbols (B,) drawn from unnormalised probabilities (B, V) with uniforms (B,) in [0, 1)."""
    if len(p) == 1:
        sums = p[0].cumsum()
        return sums.searchsorted(uniforms * sums[-1], side="right")
    sums = p.cumsum(axis=1)
    return (sums <= (uniforms * sums[:, -1])[:, None]).sum(axis=1)


def predictor(config):
    """A function that reads symbols (B,), and returns unnormalised probabilities (B, V)."""
    p, H = workload.fused_initial_weights(config.V, config.H, config.dtype), config.H
    W, Uzr, Uh, Wy, by = p["W"] + p["b"], p["Uzr"], p["Uh"], p["Wy"], p["by"]
    h = np.zeros((config.B, H), config.dtype)

    def predict(x):
        nonlocal h
        xw = W[x]
        zr = h @ Uzr
        zr += xw[:, : 2 * H]
        np.negative(zr, out=zr)
        np.exp(zr, out=zr)
        zr += 1
        np.reciprocal(zr, out=zr)
        c = (zr[:, H:] * h) @ Uh
        c += xw[:, 2 * H :]
        np.tanh(c, out=c)
        h = c + zr[:, :H] * (h - c)
        y = h @ Wy
        y += by
        y -= y.max(axis=1, keepdims=True)
        return np.exp(y, out=y)

    return predict


def sample(config):
    """One unit is CHUNK characters for each of B streams."""
    predict = predictor(config)
    uniforms = workload.uniforms(CHUNK, config.B).astype(config.dtype)
    x = np.zeros(config.B, np.intp)

    def step(u):
        nonlocal x
        x = draw(predict(x), u)
        return x

    def run(n):
        for _ in range(n):
            for u in uniforms:
                step(u)

    sampled = [int(step(u)[0]) for u in uniforms[:32]]
    return run, {"units": CHUNK * config.B, "sampled": sampled}


def step(config):
    """One unit is a symbol that one stream reads, and the probabilities of the next one."""
    predict = predictor(config)

    def probabilities(symbol):
        p = predict(np.array([symbol]))[0]
        p /= p.sum()
        return p

    return workload.steps(probabilities, config.V)
