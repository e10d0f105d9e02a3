# SPDX-License-Identifier: MIT
"""The oracle: the equations of the GRU in NumPy and float64, with the notebook's names and shapes.

A column per stream; nothing here is fast.
"""

import numpy as np

NAMES = ("Wz", "Uz", "bz", "Wr", "Ur", "br", "Wh", "Uh", "bh", "Wy", "by")


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def softmax(a):
    e = np.exp(a - a.max(axis=0))
    return e / e.sum(axis=0)


def random_parameters(V, H, seed, scale=0.5):
    rng = np.random.default_rng(seed)
    shape = {"W": (H, V), "U": (H, H), "b": (H, 1)}
    p = {kind + gate: rng.uniform(-scale, scale, shape[kind]) for gate in "zrh" for kind in "WUb"}
    p["Wy"] = rng.uniform(-scale, scale, (V, H))
    p["by"] = rng.uniform(-scale, scale, (V, 1))
    return p


def forward(p, inputs, targets, hidden, resets=None):
    """inputs, targets (T, B); hidden (B, H). A dict with every activation and the losses (T, B).

    Where resets (T, B) are true the state before the step is zero.
    """
    h = [np.asarray(hidden, np.float64).T]
    out = {"z": [], "r": [], "h_hat": [], "p": [], "loss": [], "before": [], "kept": []}
    resets = np.zeros(np.shape(inputs), bool) if resets is None else resets
    for x, target, reset in zip(inputs, targets, resets, strict=True):
        before = h[-1] * ~reset
        z = sigmoid(p["Wz"][:, x] + p["Uz"] @ before + p["bz"])
        r = sigmoid(p["Wr"][:, x] + p["Ur"] @ before + p["br"])
        h_hat = np.tanh(p["Wh"][:, x] + p["Uh"] @ (r * before) + p["bh"])
        h.append(z * before + (1 - z) * h_hat)
        out["before"].append(before)
        out["kept"].append(~reset)
        prob = softmax(p["Wy"] @ h[-1] + p["by"])
        loss = -np.log(prob[target, np.arange(len(target))])
        for name, value in (("z", z), ("r", r), ("h_hat", h_hat), ("p", prob), ("loss", loss)):
            out[name].append(value)
    out["h"] = h
    out["loss"] = np.array(out["loss"])
    return out


def backward(p, inputs, targets, a, scale=1.0):
    """Gradients by name of scale * sum of losses, from the activations `a` of forward."""
    g = {name: np.zeros_like(p[name]) for name in NAMES}
    dh_next = np.zeros_like(a["h"][0])
    for t in reversed(range(len(inputs))):
        z, r, h_hat, h, h_prev = a["z"][t], a["r"][t], a["h_hat"][t], a["h"][t + 1], a["before"][t]
        dy = a["p"][t].copy()
        dy[targets[t], np.arange(dy.shape[1])] -= 1
        dy *= scale
        g["Wy"] += dy @ h.T
        g["by"] += dy.sum(axis=1, keepdims=True)
        dh = p["Wy"].T @ dy + dh_next
        dh_hat_l = dh * (1 - z) * (1 - h_hat**2)
        drh = p["Uh"].T @ dh_hat_l
        dr_l = drh * h_prev * r * (1 - r)
        dz_l = dh * (h_prev - h_hat) * z * (1 - z)
        for gate, d, state in (
            ("z", dz_l, h_prev),
            ("r", dr_l, h_prev),
            ("h", dh_hat_l, r * h_prev),
        ):
            np.add.at(g["W" + gate].T, inputs[t], d.T)
            g["U" + gate] += d @ state.T
            g["b" + gate] += d.sum(axis=1, keepdims=True)
        dh_next = dh * z + drh * r + p["Uz"].T @ dz_l + p["Ur"].T @ dr_l
        dh_next *= a["kept"][t]
    return g


def adagrad(p, m, g, learning_rate, clip=5.0, eps=1e-8):
    for name in NAMES:
        clipped = np.clip(g[name], -clip, clip)
        m[name] += clipped**2
        p[name] -= learning_rate * clipped / np.sqrt(m[name] + eps)


def train(p, symbols, B, T, windows, learning_rate, clip=5.0):
    """Truncated BPTT over B streams, p in place: losses, memory, hidden (B, H), next position."""
    memory = {name: np.zeros_like(p[name]) for name in NAMES}
    length = (len(symbols) - 1) // B + 1
    streams = np.stack([symbols[b * (length - 1) :][:length] for b in range(B)], axis=1)
    position, losses = 0, []
    for _ in range(windows):
        if position == 0 or position + T + 1 >= length:
            position, hidden = 0, np.zeros((B, len(p["Uz"])))
        inputs, targets = streams[position : position + T], streams[position + 1 : position + T + 1]
        a = forward(p, inputs, targets, hidden)
        adagrad(p, memory, backward(p, inputs, targets, a, 1 / B), learning_rate, clip)
        hidden = a["h"][-1].T
        position += T
        losses.append(a["loss"].sum())
    return losses, memory, hidden, position
