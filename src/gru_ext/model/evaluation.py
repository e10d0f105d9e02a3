# SPDX-License-Identifier: MIT
"""Evaluation: how well a model predicts a text."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.windows import Workspace, forward_window
from gru_ext.model.parameters import Parameters
from gru_ext.text.corpus import release
from gru_ext.text.documents import document_starts

_WINDOW = 256
# Symbols between two releases of a mapped text's pages.
_RELEASE = 1 << 20


@dataclass(frozen=True)
class Evaluation:
    """The cross-entropy of a text under a model.

    Attributes
    ----------
    nats_per_char : float
        The mean of -log p of each character given all characters before it.
    characters : int
        The characters that were predicted: all but the first.
    """

    nats_per_char: float
    characters: int

    @property
    def bits_per_char(self) -> float:
        """nats_per_char / log 2."""
        return self.nats_per_char / math.log(2)

    @property
    def perplexity(self) -> float:
        """exp(nats_per_char), or infinity where that overflows."""
        try:
            return math.exp(self.nats_per_char)
        except OverflowError:
            return math.inf


def evaluate_symbols(
    parameters: Parameters,
    symbols: NDArray[np.integer],
    progress: Callable[[int], object] | None = None,
    separator: NDArray[np.integer] | None = None,
) -> Evaluation:
    """Evaluate a model on symbols of shape (n,), with the hidden state carried through all of them.

    The state is zero at the start and, with a separator, where a document starts.

    Parameters
    ----------
    parameters : Parameters
    symbols : ndarray of integers from 0 to V - 1, shape (n,), n >= 2
    progress : callable, optional
        It is called with the number of characters after each window.
    separator : ndarray of symbols, optional
        What stands between documents.

    Raises
    ------
    ValueError
        There is nothing to predict, or a value is not a symbol.
    """
    n = len(symbols) - 1
    if n < 1:
        raise ValueError(f"a text to evaluate needs at least 2 characters, not {len(symbols)}")
    workspace = Workspace(
        parameters.vocabulary_size,
        parameters.hidden_size,
        1,
        min(_WINDOW, n),
        parameters.dtype,
        training=False,
        resetting=separator is not None,
        layers=parameters.layers,
    )
    resets = None
    total = 0.0
    for start in range(0, n, _WINDOW):
        if start % _RELEASE == 0:
            release(symbols)
        window = np.ascontiguousarray(symbols[start : start + _WINDOW + 1], np.int32)[:, None]
        if separator is not None:
            before = symbols[max(0, start - len(separator) + 1) : start + len(window) - 1]
            resets = document_starts(before, separator)[1 - len(window) :, None]
        total += forward_window(parameters.flat, window[:-1], window[1:], workspace, resets)
        if progress is not None:
            progress(len(window) - 1)
    return Evaluation(total / n, n)
