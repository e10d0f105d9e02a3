# SPDX-License-Identifier: MIT
"""The arithmetic of the original NumPy script ("the notebook"), the reference for ``--classic``.

``--classic`` must be bit-identical to it. Training is chaotic, so every operation here is the
notebook's and in its order: products with one-hot columns, sums from left to right, gradients added
from the last time step to the first.
"""

import numpy as np

RANDOM_WEIGHTS = ("Wz", "Uz", "Wr", "Ur", "Wh", "Uh", "Wy")
NAMES = ("Wy", "Wh", "Wr", "Wz", "Uh", "Ur", "Uz", "by", "bh", "br", "bz")


def shapes(V, H):
    gates = {
        kind + gate: shape
        for gate in "zrh"
        for kind, shape in (("W", (H, V)), ("U", (H, H)), ("b", (H, 1)))
    }
    return gates | {"Wy": (V, H), "by": (V, 1)}


def initial_weights(V, H, random):
    shape = shapes(V, H)
    p = {name: np.zeros(shape[name]) for name in ("bz", "br", "bh", "by")}
    return p | {name: random.rand(*shape[name]) * 0.1 - 0.05 for name in RANDOM_WEIGHTS}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def softmax(a):
    e = np.exp(a - np.max(a))
    return e / e.sum()


def one_hot(symbol, V):
    x = np.zeros((V, 1))
    x[symbol] = 1
    return x


def cell(p, x, h):
    """One time step: the gates, the new state and the distribution of the next symbol."""
    z = sigmoid(np.dot(p["Wz"], x) + np.dot(p["Uz"], h) + p["bz"])
    r = sigmoid(np.dot(p["Wr"], x) + np.dot(p["Ur"], h) + p["br"])
    c = np.tanh(np.dot(p["Wh"], x) + np.dot(p["Uh"], np.multiply(r, h)) + p["bh"])
    h = np.multiply(z, h) + np.multiply((1 - z), c)
    return z, r, c, h, softmax(np.dot(p["Wy"], h) + p["by"])


def window(p, inputs, targets, h):
    """The loss of a window, its gradients by name, and its last state."""
    V = len(p["by"])
    states, steps, loss = [h], [], 0
    for symbol, target in zip(inputs, targets, strict=True):
        x = one_hot(symbol, V)
        z, r, c, h, q = cell(p, x, h)
        steps.append((x, z, r, c, q, target))
        states.append(h)
        loss += (-np.log(q[target])).item()

    g = {name: np.zeros_like(p[name]) for name in NAMES}
    dh_next = np.zeros_like(h)
    for t in reversed(range(len(steps))):
        x, z, r, c, q, target = steps[t]
        h_prev = states[t]
        dy = np.copy(q)
        dy[target] -= 1
        g["Wy"] += np.dot(dy, states[t + 1].T)
        g["by"] += dy
        dh = np.dot(p["Wy"].T, dy) + dh_next

        dc_l = np.multiply(dh, (1 - z)) * (1 - c**2)
        g["Wh"] += np.dot(dc_l, x.T)
        g["Uh"] += np.dot(dc_l, np.multiply(r, h_prev).T)
        g["bh"] += dc_l

        drh = np.dot(p["Uh"].T, dc_l)
        dr_l = np.multiply(drh, h_prev) * (r * (1 - r))
        g["Wr"] += np.dot(dr_l, x.T)
        g["Ur"] += np.dot(dr_l, h_prev.T)
        g["br"] += dr_l

        dz_l = np.multiply(dh, h_prev - c) * (z * (1 - z))
        g["Wz"] += np.dot(dz_l, x.T)
        g["Uz"] += np.dot(dz_l, h_prev.T)
        g["bz"] += dz_l

        dh_next = (
            np.dot(p["Uz"].T, dz_l)
            + np.multiply(dh, z)
            + np.multiply(drh, r)
            + np.dot(p["Ur"].T, dr_l)
        )
    return loss, g, h


def sample(p, h, symbol, length, random):
    V = len(p["by"])
    symbols = [symbol]
    for _ in range(length):
        *_, h, q = cell(p, one_hot(symbols[-1], V), h)
        symbols.append(random.choice(range(V), p=q.ravel()))
    return symbols


def adagrad(p, m, g, learning_rate, clip):
    for name in NAMES:
        np.clip(g[name], -clip, clip, out=g[name])
        m[name] += g[name] * g[name]
        p[name] += -learning_rate * g[name] / np.sqrt(m[name] + 1e-8)


def run(
    text,
    weights=None,
    *,
    iterations=10_001,
    hidden_size=None,
    seq_length=5,
    learning_rate=0.1,
    clip=5,
    seed=0,
    sample_every=1000,
    log_every=1000,
    sample_length=1000,
):
    """The output of a run of the notebook, and its final weights.

    With sample_every or log_every 0 it prints no samples or no losses.
    """
    random = np.random.RandomState(seed)
    characters = sorted(set(text))
    V = len(characters)
    symbol_of = {c: i for i, c in enumerate(characters)}
    lines = [f"data has {len(text)} characters, {V} unique."]
    if weights is None:
        p = initial_weights(V, hidden_size or V, random)
    else:
        p = {name: weights[name].copy() for name in NAMES}
    m = {name: np.zeros_like(p[name]) for name in NAMES}
    H, T, at = len(p["bz"]), seq_length, 0
    smooth_loss = -np.log(1.0 / V) * T

    for n in range(iterations):
        if at + T + 1 >= len(text) or n == 0:
            h, at = np.zeros((H, 1)), 0
        inputs = [symbol_of[c] for c in text[at : at + T]]
        targets = [symbol_of[c] for c in text[at + 1 : at + T + 1]]
        if sample_every and n % sample_every == 0:
            sampled = sample(p, h, inputs[0], sample_length, random)
            lines += ["----", "".join(characters[i] for i in sampled), "----"]
        loss, g, h = window(p, inputs, targets, h)
        smooth_loss = smooth_loss * 0.999 + loss * 0.001
        if log_every and n % log_every == 0:
            lines.append(f"iter {n}, loss: {loss:f}, smooth loss: {smooth_loss:f}")
        adagrad(p, m, g, learning_rate, clip)
        at += T
    return "\n".join(lines) + "\n", p
