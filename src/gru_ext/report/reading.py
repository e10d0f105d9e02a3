# SPDX-License-Identifier: MIT
"""What a model does with symbols: this module alone runs it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.windows import Workspace, forward_window
from gru_ext.model.model import Model
from gru_ext.report.calibration import BINS, calibration_counts
from gru_ext.text.documents import document_starts

Symbols = NDArray[np.integer]
Floats = NDArray[np.floating]

ALTERNATIVES = 5
# Time steps of a window: so many that its probabilities take some megabytes at most.
_LONGEST_WINDOW, _PROBABILITIES = 1024, 1 << 19


@dataclass(frozen=True)
class Reading:
    """How a model predicts n symbols. Nothing is predicted before the first.

    Attributes
    ----------
    bits : ndarray of float64, shape (n,)
        -log2 p of each symbol given those before it. The first is NaN.
    ranks : ndarray of int32, shape (n,)
        1 where the symbol was the most likely one, 2 where one was more likely, and so on. The
        first is 0.
    expected : float
        The mean entropy of the predictions in bits: the bits that the model itself expects.
    best : ndarray of int32, shape (m, 5)
        The likeliest symbols at the first m places, most likely first; fewer columns for a
        vocabulary of fewer. The first row is meaningless.
    best_probabilities : ndarray of float32, shape (m, 5)
        Their probabilities. The first row is 0.
    calibration, confidence : ndarray of float64, shape (3, 20)
        The counts of :func:`calibration_counts` for the probabilities of all symbols, and for
        those of the most likely symbol alone.
    """

    bits: NDArray[np.float64]
    ranks: NDArray[np.int32]
    expected: float
    best: NDArray[np.int32]
    best_probabilities: NDArray[np.float32]
    calibration: NDArray[np.float64]
    confidence: NDArray[np.float64]


def read_symbols(
    model: Model,
    symbols: Symbols,
    alternatives: int,
    progress: Callable[[int, float], object] | None = None,
) -> Reading:
    """Let the model read symbols of shape (n,), from a zero state, and keep how it predicts them.

    Parameters
    ----------
    model : Model
    symbols : ndarray of symbols, shape (n,), n >= 2
    alternatives : int
        The number m of places, from the first on, of which the likeliest symbols are kept.
    progress : callable, optional
        It is called after each window with its number of symbols, and the mean of the bits so far.

    Raises
    ------
    ValueError
        A probability is not finite, as that of a run that has diverged.
    """
    n, V = len(symbols), len(model.vocabulary)
    m = min(alternatives, n)
    shape = m, min(ALTERNATIVES, V)
    bits, ranks = np.full(n, np.nan), np.zeros(n, np.int32)
    best, best_probabilities = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    calibration, confidence = np.zeros((3, BINS)), np.zeros((3, BINS))
    entropy = 0.0
    symbols = np.ascontiguousarray(symbols, np.int32)
    resets = _resets(model, symbols)
    length = max(16, min(_LONGEST_WINDOW, _PROBABILITIES // V, n - 1))
    workspace = Workspace(
        V,
        model.hidden_size,
        1,
        length,
        model.dtype,
        training=False,
        resetting=resets is not None,
        layers=model.layers,
    )
    total = 0.0
    for start in range(0, n - 1, length):
        window = symbols[start : start + length + 1, None]
        reset = None if resets is None else resets[start : start + len(window) - 1, None]
        total += forward_window(model.parameters.flat, window[:-1], window[1:], workspace, reset)
        if not math.isfinite(total):
            raise ValueError("the model predicts no finite probabilities: train it again")
        p, targets = workspace.probabilities[:, 0], window[1:, 0]
        chosen = p[np.arange(len(p)), targets]
        here = slice(start + 1, start + 1 + len(p))
        bits[here] = workspace.losses[:, 0] / math.log(2)
        ranks[here] = 1 + np.count_nonzero(p > chosen[:, None], axis=1)
        entropy -= float(np.sum(p * np.log(np.maximum(p, np.finfo(p.dtype).tiny)))) / math.log(2)
        calibration += calibration_counts(p, targets)
        top = p.argmax(axis=1)
        likeliest = p[np.arange(len(p)), top, None]
        confidence += calibration_counts(likeliest, np.where(top == targets, 0, -1))
        kept = p[: max(0, m - here.start)]
        order = np.argsort(-kept, axis=1, kind="stable")[:, : shape[1]]
        best[here.start : here.start + len(kept)] = order
        best_probabilities[here.start : here.start + len(kept)] = np.take_along_axis(kept, order, 1)
        if progress is not None:
            progress(len(p), total / math.log(2) / (start + len(p)))
    return Reading(
        bits, ranks, entropy / (n - 1), best, best_probabilities, calibration, confidence
    )


def read_states(model: Model, symbols: Symbols) -> tuple[Floats, NDArray[np.bool_]]:
    """The hidden states after each symbol, from a zero state on.

    Returns
    -------
    states : ndarray, shape (n, layers, H)
    resets : ndarray of bool, shape (n,)
        Where the state was reset to zero before the symbol was read.
    """
    states = np.empty((len(symbols), 1, model.layers, model.hidden_size), model.dtype)
    symbols = np.ascontiguousarray(symbols, np.int32)
    model.stream().read(symbols[:, None], states=states)
    resets = _resets(model, symbols)
    return states[:, 0], np.zeros(len(symbols), bool) if resets is None else resets


def sample(model: Model, length: int, temperature: float, seed: int) -> Symbols:
    """Sample symbols, shape (length,)."""
    if model.vocabulary.units == "bytes":
        data: str | bytes = model.sample(length, b"", temperature, seed)
    else:
        data = model.sample(length, "", temperature, seed)
    return model.vocabulary.encode(data)


def _resets(model: Model, symbols: Symbols) -> NDArray[np.bool_] | None:
    separator = model.separator
    return None if separator is None else document_starts(symbols, separator)
