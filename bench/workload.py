# SPDX-License-Identifier: MIT
"""What every implementation computes: the text, its windows, the first weights, the work in flops."""

from pathlib import Path

import numpy as np

LEARNING_RATE, CLIP, EPS = 0.01, 5.0, 1e-8
PATTERN = "aaaaa bbbbb ccccc ddddd eeeee fffff " * 16
DRAWN_SYMBOLS, DRAWN_LENGTH = 65, 1_000_000
MOST_CHARACTERS = 1_000_000
GATES = "zrh"


def read_text(text):
    """Symbols (uint8 or int32) and V of a file, of the notebook's pattern, or of a drawn text."""
    if text is None:
        return _drawn_text(), DRAWN_SYMBOLS
    string = PATTERN if text == "pattern" else Path(text).read_text(encoding="utf-8")
    codes = np.frombuffer(string.encode("utf-32-le"), np.uint32)
    characters, symbols = np.unique(codes, return_inverse=True)
    V = len(characters)
    return symbols.astype(np.uint8 if V <= 256 else np.int32), V


def _drawn_text():
    # Zipf's frequencies, which are near those of letters.
    weights = 1 / np.arange(1, DRAWN_SYMBOLS + 1)
    edges = np.cumsum(weights / weights.sum())
    uniforms = np.random.default_rng(0).random(DRAWN_LENGTH)
    return np.minimum(np.searchsorted(edges, uniforms), DRAWN_SYMBOLS - 1).astype(np.uint8)


def windows(symbols, T, B, most=MOST_CHARACTERS):
    """Inputs and targets, (n, T, B) int32 each, of B streams side by side: the first ``most``."""
    length = (len(symbols) - 1) // B
    n = min((length - 1) // T, most // (T * B))
    if n < 1:
        raise ValueError(f"the text is too short: {B} streams of windows of {T} need more")
    streams = np.arange(B) * length
    at = (np.arange(n) * T)[:, None, None] + np.arange(T)[:, None] + streams
    return symbols[at].astype(np.int32), symbols[at + 1].astype(np.int32)


def weights(V, H, dtype):
    """The first weights by the notebook's names: W (H, V), U (H, H), b (H, 1), Wy (V, H)."""
    random = np.random.default_rng(7)

    def draw(*shape):
        return random.uniform(-1, 1, shape).astype(dtype) / np.sqrt(H).astype(dtype)

    p = {"W" + g: draw(H, V) for g in GATES} | {"U" + g: draw(H, H) for g in GATES}
    p |= {"b" + g: np.zeros((H, 1), dtype) for g in GATES}
    return p | {"Wy": draw(V, H), "by": np.zeros((V, 1), dtype)}


def fused_weights(V, H, dtype):
    """The same for row vectors: W (V, 3H), b (3H), Uzr (H, 2H), Uh (H, H), Wy (H, V), by (V)."""
    p = weights(V, H, dtype)

    def beside(kind, gates):
        return np.ascontiguousarray(np.concatenate([p[kind + g].T for g in gates], axis=1))

    return {
        "W": beside("W", GATES),
        "b": beside("b", GATES)[0],
        "Uzr": beside("U", "zr"),
        "Uh": beside("U", "h"),
        "Wy": np.ascontiguousarray(p["Wy"].T),
        "by": p["by"][:, 0].copy(),
    }


def uniforms(n, B):
    """Numbers in [0, 1) that decide what is drawn, (n, B) float64."""
    return np.random.default_rng(11).random((n, B))


def training_flops(V, H):
    """Floating-point operations of one character, forward, backward and weight gradients."""
    return 18 * H * H + 6 * V * H


def sampling_flops(V, H):
    """Floating-point operations of one character, forward."""
    return 6 * H * H + 2 * V * H
