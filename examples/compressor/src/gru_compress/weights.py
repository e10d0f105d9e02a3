# SPDX-License-Identifier: MIT
"""The weights that the network begins with: random ones, or those of a model that is given."""

from __future__ import annotations

import hashlib
from os import PathLike

import numpy as np

import gru_ext
from gru_compress.plan import MOST


def first_weights(vocabulary: int, hidden_size: int, layers: int) -> gru_ext.Parameters:
    """Weights to learn from nothing, by integer arithmetic: the same ones everywhere.

    Uniform in [-a, a) with a = 1 / sqrt(H), or 0.3 for the weights of the symbols and of the
    output; biases are 0, that of the update gate 1, so that a state is kept for a few symbols from
    the beginning. The random numbers are those of SplitMix64 (Steele, Lea and Flood, 2014).
    """
    parameters = gru_ext.Parameters(vocabulary, hidden_size, np.float32, layers=layers)
    drawn = 0
    for name, view in parameters.items():
        if name.startswith("b"):
            view[...] = name.startswith("bz")
            continue
        at = np.arange(drawn + 1, drawn + view.size + 1, dtype=np.uint64)
        x = at * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
        uniform = (x >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
        scale = 0.3 if name in ("Wz", "Wr", "Wh", "Wy") else hidden_size**-0.5
        view[...] = (uniform * np.float32(scale)).reshape(view.shape)
        drawn += view.size
    return parameters


class Given:
    """A model to begin with, of a file of ``gru-ext train``.

    Parameters
    ----------
    path : str or path-like
        A model of bytes, or of characters: its ASCII characters are bytes. Other bytes cost some
        30 bits each.

    Attributes
    ----------
    points : list of int
        The byte of each symbol; -1 for a symbol that is not a byte.
    hidden_size, layers : int
    identity : bytes
        The first 8 bytes of a SHA-256 of the vocabulary and the weights.

    Raises
    ------
    OSError, gru_ext.CheckpointError
        The file cannot be read, or is not a model file.
    ValueError
        Its weights are not float32, or it knows no byte or too many characters.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        model = gru_ext.load(path)
        if model.parameters.dtype != np.float32:
            raise ValueError(f"the weights of {path} must be float32, not {model.parameters.dtype}")
        vocabulary = model.vocabulary
        if len(vocabulary) > MOST["vocabulary"]:
            raise ValueError(
                f"the model {path} has {len(vocabulary):,} characters, more than the "
                f"{MOST['vocabulary']:,} that can be coded: train one with --units bytes"
            )
        most = 256 if vocabulary.units == "bytes" else 128
        self.points = [c if c < most else -1 for c in map(ord, vocabulary.characters)]
        if max(self.points) < 0:
            raise ValueError(f"the model {path} knows no character that is a byte")
        self.hidden_size, self.layers = model.hidden_size, model.layers
        self._parameters = model.parameters
        known = np.array([self.hidden_size, self.layers, *self.points], "<i4").tobytes()
        flat = self._parameters.flat.astype("<f4", copy=False).tobytes()
        self.identity = hashlib.sha256(known + flat).digest()[:8]

    def weights(self) -> gru_ext.Parameters:
        """A copy of the weights, which may be changed."""
        return self._parameters.copy()
