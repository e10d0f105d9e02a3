# SPDX-License-Identifier: MIT
"""The reference implementation (oracle) of the tests: the GRU in NumPy and float64.

It repeats docs/explanation/equations.md, with a column per stream. Parameters have the
names and shapes of the original NumPy script ("the notebook").
"""

import numpy as np

NAMES = ("Wz", "Uz", "bz", "Wr", "Ur", "br", "Wh", "Uh", "bh", "Wy", "by")


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def softmax(a):
    e = np.exp(a - a.max(axis=0))
    return e / e.sum(axis=0)


def in_layer(name, layer):
    return name if layer == 1 else f"{name}_{layer}"


def layers_of(p):
    return max(layer for layer in range(1, 17) if in_layer("Wz", layer) in p)


def random_parameters(V, H, seed, scale=0.5, layers=1):
    rng = np.random.default_rng(seed)
    shape = {"W": (H, V), "U": (H, H), "b": (H, 1)}
    p = {kind + gate: rng.uniform(-scale, scale, shape[kind]) for gate in "zrh" for kind in "WUb"}
    p["Wy"] = rng.uniform(-scale, scale, (V, H))
    p["by"] = rng.uniform(-scale, scale, (V, 1))
    shape["W"] = (H, H)
    for layer in range(2, layers + 1):
        for gate in "zrh":
            for kind in "WUb":
                p[in_layer(kind + gate, layer)] = rng.uniform(-scale, scale, shape[kind])
    return p


def random_bits(row_key, columns):
    """32 random bits for each column, as in csrc/dropout.inc.h, with Python's integers."""
    bits = []
    for column in range(columns):
        x = (row_key + column * 0x9E3779B9) % 2**32
        x = (x ^ x >> 16) * 0x85EBCA6B % 2**32 ^ row_key >> 32
        x = (x ^ x >> 13) * 0xC2B2AE35 % 2**32
        bits.append(x ^ x >> 16)
    return bits


def mix(x):
    x %= 2**64
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
    return x ^ x >> 31


def dropout_key(seed, update):
    return mix(mix(seed + 1) + update)


def dropout_factors(dropout, seed, update, rows, columns, row=0):
    """The factors of dropout, (rows, columns): 0 or 1 / (1 - dropout)."""
    return factors_of(dropout, dropout_key(seed, update), rows, columns, row)


def factors_of(dropout, key, rows, columns, row=0):
    bits = [random_bits(mix(key + (row + r) * 0x9E3779B97F4A7C15), columns) for r in range(rows)]
    return (np.array(bits) >= int(dropout * 2**32)) / (1 - dropout)


def stack_dropout(layers, T, B, H, dropout, seed, update):
    """The factors of dropout of a window, (layers, T, B, H)."""
    factors = dropout_factors(dropout, seed, update, layers * T * B, H)
    return factors.reshape(layers, T, B, H)


def recurrent_factors(p, dropout, seed, update, itemsize):
    """The factors of DropConnect in a window, by the names of the recurrent weights."""
    H, key, line = len(p["Uz"]), mix(dropout_key(seed, update) + 1), 64 // itemsize
    padded, factors = -(-H // line) * line, {}
    for layer in range(1, layers_of(p) + 1):
        uzr = factors_of(dropout, key, H, 2 * padded, 2 * (layer - 1) * H)
        uh = factors_of(dropout, key, H, padded, (2 * layer - 1) * H)
        for name, rows in (("Uz", uzr), ("Ur", uzr[:, padded:]), ("Uh", uh)):
            factors[in_layer(name, layer)] = rows[:, :H].T
    return factors


def reset_streams(probability, seed, update, B):
    """Which streams start a window from a state of zero."""
    key = mix(dropout_key(seed, update) + 2)
    return np.array([(mix(key + s) >> 11) < probability * 2**53 for s in range(B)])


def forward(p, inputs, targets, hidden, resets=None, factors=None):
    """Forward pass of a window: inputs, targets (T, B); hidden (B, H) or (layers, B, H).

    Returns a dict with the losses (T, B), the activations of the top layer, and `stack`, those of
    each layer. Where resets (T, B) is true, the state before the time step is zero. The outputs of
    each layer are multiplied by factors (layers, T, B, H).
    """
    layers, T = layers_of(p), len(inputs)
    hidden = np.reshape(np.asarray(hidden, np.float64), (layers, *np.shape(hidden)[-2:]))
    kept = np.ones(np.shape(inputs)) if resets is None else ~np.asarray(resets)
    x, stack = None, []
    for layer in range(1, layers + 1):
        W, U, b = ({gate: p[in_layer(kind + gate, layer)] for gate in "zrh"} for kind in "WUb")
        a = {"x": x, "h": [hidden[layer - 1].T], "z": [], "r": [], "h_hat": [], "before": []}
        for t in range(T):
            before = a["h"][-1] * kept[t]
            wx = {g: W[g][:, inputs[t]] if x is None else W[g] @ x[t] for g in "zrh"}
            z = sigmoid(wx["z"] + U["z"] @ before + b["z"])
            r = sigmoid(wx["r"] + U["r"] @ before + b["r"])
            h_hat = np.tanh(wx["h"] + U["h"] @ (r * before) + b["h"])
            a["h"].append(z * before + (1 - z) * h_hat)
            for name, value in (("z", z), ("r", r), ("h_hat", h_hat), ("before", before)):
                a[name].append(value)
        a["factors"] = np.ones(T) if factors is None else factors[layer - 1].transpose(0, 2, 1)
        x = [h * factor for h, factor in zip(a["h"][1:], a["factors"], strict=True)]
        stack.append(a)
    columns = np.arange(np.shape(inputs)[1])
    prob = [softmax(p["Wy"] @ x[t] + p["by"]) for t in range(T)]
    loss = np.array([-np.log(prob[t][targets[t], columns]) for t in range(T)])
    return stack[-1] | {"stack": stack, "kept": kept, "top": x, "p": prob, "loss": loss}


def backward(p, inputs, targets, out, scale=1.0):
    """The gradients of scale * sum of losses by name, from the result of forward."""
    g = {name: np.zeros_like(p[name]) for name in p}
    dx = []
    for t in range(len(inputs)):
        dy = out["p"][t].copy()
        dy[targets[t], np.arange(dy.shape[1])] -= 1
        dy *= scale
        g["Wy"] += dy @ out["top"][t].T
        g["by"] += dy.sum(axis=1, keepdims=True)
        dx.append(p["Wy"].T @ dy)
    for layer in range(len(out["stack"]), 0, -1):
        dx = _layer_backward(p, g, layer, inputs, out["stack"][layer - 1], out["kept"], dx)
    return g


def _layer_backward(p, g, layer, inputs, a, kept, dx):
    W, U = ({gate: p[in_layer(kind + gate, layer)] for gate in "zrh"} for kind in "WU")
    dh_next, d_below = 0, [None] * len(dx)
    for t in reversed(range(len(dx))):
        z, r, h_hat, h_prev = a["z"][t], a["r"][t], a["h_hat"][t], a["before"][t]
        dh = dx[t] * a["factors"][t] + dh_next
        d = {"h": dh * (1 - z) * (1 - h_hat**2)}
        drh = U["h"].T @ d["h"]
        d["r"] = drh * h_prev * r * (1 - r)
        d["z"] = dh * (h_prev - h_hat) * z * (1 - z)
        for gate in "zrh":
            if a["x"] is None:
                np.add.at(g["W" + gate].T, inputs[t], d[gate].T)
            else:
                g[in_layer("W" + gate, layer)] += d[gate] @ a["x"][t].T
            g[in_layer("U" + gate, layer)] += d[gate] @ (r * h_prev if gate == "h" else h_prev).T
            g[in_layer("b" + gate, layer)] += d[gate].sum(axis=1, keepdims=True)
        dh_next = dh * z + drh * r + U["z"].T @ d["z"] + U["r"].T @ d["r"]
        dh_next = dh_next * kept[t]
        d_below[t] = None if a["x"] is None else sum(W[gate].T @ d[gate] for gate in "zrh")
    return d_below


def adagrad(p, m, g, learning_rate, clip=5.0, eps=1e-8):
    for name in p:
        clipped = np.clip(g[name], -clip, clip)
        m[name] += clipped**2
        p[name] -= learning_rate * clipped / np.sqrt(m[name] + eps)


def rmsprop(p, m, g, learning_rate, beta2, clip=5.0, eps=1e-8):
    for name in p:
        clipped = np.clip(g[name], -clip, clip)
        m[name] = beta2 * m[name] + (1 - beta2) * clipped**2
        p[name] -= learning_rate * clipped / (np.sqrt(m[name]) + eps)


def adam(p, m, mean, g, t, learning_rate, beta1, beta2, weight_decay=0.0, clip=5.0, eps=1e-8):
    for name in p:
        clipped = np.clip(g[name], -clip, clip)
        mean[name] = beta1 * mean[name] + (1 - beta1) * clipped
        m[name] = beta2 * m[name] + (1 - beta2) * clipped**2
        decay = 0 if name.startswith("b") else weight_decay
        step = mean[name] / (1 - beta1**t) / (np.sqrt(m[name] / (1 - beta2**t)) + eps)
        p[name] -= learning_rate * (step + decay * p[name])


def clipped_by_norm(g, largest):
    norm = np.sqrt(sum((g[name] ** 2).sum() for name in g))
    return {name: g[name] * min(1, largest / norm) for name in g}


def zeros_like(p):
    return {name: np.zeros_like(p[name]) for name in p}


def train(
    p,
    symbols,
    B,
    T,
    windows,
    learning_rate,
    clip=5.0,
    update=None,
    dropout=0.0,
    seed=0,
    weight_dropout=0.0,
    state_reset=0.0,
    itemsize=8,
):
    """Train with truncated BPTT over B streams, p in place.

    Returns losses, optimiser state, hidden state and next position. `update` is a function of p,
    optimiser state, g and the number of the window (from 1), by default Adagrad.
    """
    memory, H, layers = zeros_like(p), len(p["Uz"]), layers_of(p)
    length = (len(symbols) - 1) // B + 1
    streams = np.stack([symbols[b * (length - 1) :][:length] for b in range(B)], axis=1)
    position, losses = 0, []
    for t in range(1, windows + 1):
        if position == 0 or position + T + 1 >= length:
            position, hidden = 0, np.zeros((layers, B, H))
        inputs, targets = streams[position : position + T], streams[position + 1 : position + T + 1]
        factors = stack_dropout(layers, T, B, H, dropout, seed, t) if dropout else None
        if state_reset:
            hidden[:, reset_streams(state_reset, seed, t, B)] = 0
        read, kept = dict(p), {}
        if weight_dropout:
            kept = recurrent_factors(p, weight_dropout, seed, t, itemsize)
            read |= {name: p[name] * kept[name] for name in kept}
        a = forward(read, inputs, targets, hidden, None, factors)
        g = backward(read, inputs, targets, a, 1 / B)
        for name in kept:
            g[name] *= kept[name]
        if update is None:
            adagrad(p, memory, g, learning_rate, clip)
        else:
            update(p, memory, g, t)
        hidden = np.stack([layer["h"][-1].T for layer in a["stack"]])
        position += T
        losses.append(a["loss"].sum())
    return losses, memory, hidden if layers > 1 else hidden[0], position
