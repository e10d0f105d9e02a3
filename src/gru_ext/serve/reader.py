# SPDX-License-Identifier: MIT
"""A reader of texts each of which is much like the one before: a text that somebody types."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.model import Model
from gru_ext.model.sampling import read_first
from gru_ext.model.stream import Stream

EVERY = 256
"""Symbols between the states that are kept: so many are read again at most where a text changes."""


class Reader:
    """Reads a text from the place on where it differs from the one before.

    States are kept after each 256 symbols and at the end.

    Parameters
    ----------
    model : Model

    Raises
    ------
    ValueError
        A parameter of the model is not finite.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._symbols: NDArray[np.int32] = np.empty(0, np.int32)
        self._bits = np.empty(0)
        # (n, the stream after the first n symbols), n from 0 on
        self._states: list[tuple[int, Stream]] = [(0, model.stream())]

    def read(self, symbols: NDArray[np.int32]) -> NDArray[np.float64]:
        """Read a text from its beginning.

        Parameters
        ----------
        symbols : ndarray of int32, shape (n,)

        Returns
        -------
        ndarray of float64, shape (n,)
            The bits of each symbol; NaN for the first, which nothing predicts.

        Raises
        ------
        ValueError
            A probability is not finite.
        """
        common = min(len(symbols), len(self._symbols))
        differ = np.flatnonzero(symbols[:common] != self._symbols[:common])
        common = int(differ[0]) if len(differ) else common
        while self._states[-1][0] > common:
            self._states.pop()
        at, stream = self._states[-1]
        if at % EVERY and at < len(symbols):
            self._states.pop()
        self._symbols, self._bits = symbols[:at], self._bits[:at]
        parts = [self._bits]
        while at < len(symbols):
            end = min(at - at % EVERY + EVERY, len(symbols))
            stream = stream.copy()
            parts.append(bits_of(stream, symbols[at:end]))
            self._states.append((end, stream))
            at = end
        self._symbols, self._bits = symbols, np.concatenate(parts)
        return self._bits

    def after(self, n: int) -> Stream:
        """A stream that has read the first n symbols of the text.

        With n = 0 it is at the beginning of a sample: it has read what :func:`read_first` says.
        """
        at, stream = next(state for state in reversed(self._states) if state[0] <= n)
        stream = stream.copy()
        rest = self._symbols[at:n] if n else read_first(self._model, self._symbols[:0], None)
        stream.read(rest[:, None])
        return stream


def bits_of(stream: Stream, symbols: NDArray[np.integer]) -> NDArray[np.float64]:
    """Let a stream read symbols, shape (n,); the bits of each, NaN where nothing predicts it."""
    started = stream.started
    bits: NDArray[np.float64] = stream.read(symbols[:, None])[:, 0] / math.log(2)
    if not np.isfinite(bits).all():
        raise ValueError("the model predicts no finite probabilities: train it again")
    if not started:
        bits[:1] = np.nan
    return bits
