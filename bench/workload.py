# SPDX-License-Identifier: MIT
"""What all implementations compute: text, windows, initial weights, and their flops."""

import itertools
from pathlib import Path

import numpy as np

LEARNING_RATE, CLIP, EPS = 0.01, 5.0, 1e-8
PATTERN = "aaaaa bbbbb ccccc ddddd eeeee fffff " * 16
RANDOM_TEXT_SYMBOLS, RANDOM_TEXT_LENGTH = 65, 1_000_000
MAX_CHARACTERS = 1_000_000
GATES = "zrh"


def read_text(text):
    """Symbols (uint8 or int32) and V of a text.

    ``text`` is a file, "pattern" for the text of the notebook, or None for a random text.
    """
    if text is None:
        return _random_text(), RANDOM_TEXT_SYMBOLS
    string = PATTERN if text == "pattern" else Path(text).read_text(encoding="utf-8")
    codes = np.frombuffer(string.encode("utf-32-le"), np.uint32)
    characters, symbols = np.unique(codes, return_inverse=True)
    V = len(characters)
    return symbols.astype(np.uint8 if V <= 256 else np.int32), V


def _random_text():
    # Frequencies by Zipf's law, which are close to those of letters.
    weights = 1 / np.arange(1, RANDOM_TEXT_SYMBOLS + 1)
    edges = np.cumsum(weights / weights.sum())
    uniforms = np.random.default_rng(0).random(RANDOM_TEXT_LENGTH)
    symbols = np.searchsorted(edges, uniforms)
    return np.minimum(symbols, RANDOM_TEXT_SYMBOLS - 1).astype(np.uint8)


def windows(symbols, T, B, max_characters=MAX_CHARACTERS):
    """Inputs and targets of the first windows, int32, (n, T, B) each.

    The text is divided into B streams; n windows of T characters follow one another in each.
    """
    length = (len(symbols) - 1) // B
    n = min((length - 1) // T, max_characters // (T * B))
    if n < 1:
        raise ValueError(f"the text is too short for B = {B} and T = {T}")
    starts = np.arange(B) * length
    at = (np.arange(n) * T)[:, None, None] + np.arange(T)[:, None] + starts
    return symbols[at].astype(np.int32), symbols[at + 1].astype(np.int32)


def initial_weights(V, H, dtype):
    """Initial weights by the notebook's names: W (H, V), U (H, H), b (H, 1), Wy (V, H), by (V, 1).

    W, U and b exist for each gate: Wz, Wr, Wh, ...
    """
    random = np.random.default_rng(7)

    def uniform(*shape):
        return random.uniform(-1, 1, shape).astype(dtype) / np.sqrt(H).astype(dtype)

    p = {"W" + g: uniform(H, V) for g in GATES} | {"U" + g: uniform(H, H) for g in GATES}
    p |= {"b" + g: np.zeros((H, 1), dtype) for g in GATES}
    return p | {"Wy": uniform(V, H), "by": np.zeros((V, 1), dtype)}


def fused_initial_weights(V, H, dtype):
    """The same, transposed and with the gates side by side.

    W (V, 3H), b (3H), Uzr (H, 2H), Uh (H, H), Wy (H, V), by (V).
    """
    p = initial_weights(V, H, dtype)

    def concatenated(kind, gates):
        return np.ascontiguousarray(np.concatenate([p[kind + g].T for g in gates], axis=1))

    return {
        "W": concatenated("W", GATES),
        "b": concatenated("b", GATES)[0],
        "Uzr": concatenated("U", "zr"),
        "Uh": concatenated("U", "h"),
        "Wy": np.ascontiguousarray(p["Wy"].T),
        "by": p["by"][:, 0].copy(),
    }


def uniforms(n, B):
    """Random numbers in [0, 1) for sampling, float64, (n, B)."""
    return np.random.default_rng(11).random((n, B))


def steps(probabilities, V):
    """The setup of an implementation that reads one symbol a call: its run(n), and its info.

    ``probabilities(symbol)`` reads a symbol, and returns the probabilities of the next one, (V,).
    """
    symbols = np.random.default_rng(12).integers(0, V, 1000).tolist()
    bits = [float(-np.log2(probabilities(x)[y])) for x, y in itertools.pairwise(symbols[:50])]

    def run(n):
        for i in range(n):
            probabilities(symbols[i % 1000])

    return run, {"units": 1, "losses": bits}


def training_flops(V, H):
    """Floating-point operations per character: forward, backward and weight gradients."""
    return 18 * H * H + 6 * V * H


def sampling_flops(V, H):
    """Floating-point operations per character: forward."""
    return 6 * H * H + 2 * V * H
