# SPDX-License-Identifier: MIT
"""The check of an export: the other runtime reads a text, and its predictions are compared."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gru_ext.core.stream import SymbolStream
from gru_ext.model.parameters import Parameters
from gru_ext.text.documents import document_starts

if TYPE_CHECKING:
    from gru_ext.model.model import Model

STEPS = 1000
# Log-probabilities that are compared: fewer steps with a vocabulary of more than 33,554 characters.
_MOST = 1 << 25
# Rounding errors of another order of summation, in units of those that two dtypes show.
_FACTOR = 32

Logits = Callable[[NDArray[np.int32]], Any]
"""A function of symbols (T,) that reads them from a zero state; the logits after each, (T, V)."""


@dataclass(frozen=True)
class Check:
    """How far the predictions of an exported model are from those of the model.

    Attributes
    ----------
    steps : int
        Characters that were read.
    log_probability : float
        The largest difference between the log-probabilities of a character, in nats.
    bits_per_char : float
        The difference between the bits per character of the text.
    rounding : float
        The largest difference between log-probabilities that is explained by rounding.
    cost : float
        By how much the bits per character are more because the file has rounded weights.
    """

    steps: int
    log_probability: float
    bits_per_char: float
    rounding: float
    cost: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether no difference is larger than rounding; False if one is not a number."""
        limit = self.rounding
        return self.log_probability <= limit and self.bits_per_char <= limit / math.log(2)


def check(
    model: Model,
    logits: Logits,
    text: str | bytes | None = None,
    dtype: DTypeLike | None = None,
) -> Check:
    """Compare the predictions of another implementation with those of a model.

    Both read the first 1,000 characters of a text. The hidden state is zero at the start and, if
    the model was trained with a document separator, where a document starts.

    Parameters
    ----------
    model : Model
    logits : callable
        It reads symbols, int32 of shape (T,), from a zero state, and returns the logits after each
        of them, array-like of shape (T, V).
    text : str or bytes, optional
        By default a sample of the model.
    dtype : dtype, optional
        The dtype of the other implementation; by default that of the model.

    Returns
    -------
    Check

    Raises
    ------
    TypeError, ValueError
        The text has characters that the model does not know, or fewer than two; or a parameter has
        values that are not finite.

    Notes
    -----
    The model reads the text in float32 and in float64. From the difference between the two it
    follows by how much rounding errors of one dtype are amplified on the way to a log-probability.
    """
    return compare(model, logits, symbols_of(model, text), dtype)


def compare(
    model: Model,
    logits: Logits,
    symbols: NDArray[np.integer],
    dtype: DTypeLike | None = None,
    original: Model | None = None,
) -> Check:
    """Do what :func:`check` does, with the symbols of a text (:func:`symbols_of`).

    ``original`` is the model before its weights were rounded for the export, where they were:
    :attr:`Check.cost` compares the two.
    """
    read, after = symbols[:-1].astype(np.int32), symbols[1:]
    at = np.arange(len(read)), after
    ours = _log_probabilities(model, read, model.dtype)
    other = np.empty_like(ours)
    for start, end in _documents(model, read):
        found = np.asarray(logits(read[start:end]), np.float64)
        if found.shape != (end - start, ours.shape[1]):
            raise ValueError(
                f"the logits must have shape {(end - start, ours.shape[1])}, not {found.shape}"
            )
        other[start:end] = _log_softmax(found)
    bits = (ours[at].mean() - other[at].mean()) / math.log(2)
    difference = float(np.abs(ours - other).max())
    eps = max(float(np.finfo(each).eps) for each in (dtype or model.dtype, model.dtype))
    allowed = eps * _amplification(model, read, ours)
    cost = 0.0
    if original is not None:
        before = _log_probabilities(original, read, original.dtype)
        cost = float(before[at].mean() - ours[at].mean()) / math.log(2)
    return Check(len(read), difference, abs(float(bits)), allowed, cost)


def symbols_of(model: Model, text: str | bytes | None) -> NDArray[np.integer]:
    """The symbols of the text of a check, or of a sample: those that are read, and one more.

    Raises
    ------
    TypeError, ValueError
        The text has characters that the model does not know, or fewer than two.
    """
    length = 1 + max(1, min(STEPS, _MOST // len(model.vocabulary)))
    if text is None:
        model.parameters.check_finite()
        start: Any = b"" if model.vocabulary.units == "bytes" else ""
        text = start.join(model.iter_sample(length, start, seed=0))
    symbols = model.vocabulary.encode(text)[:length]
    if len(symbols) < 2:
        raise ValueError(f"`text` must have at least 2 characters, not {len(symbols)}")
    return symbols


def _documents(model: Model, symbols: NDArray[np.integer]) -> list[tuple[int, int]]:
    """Start and end of each part that is read from a zero state."""
    starts = [0]
    if model.separator is not None:
        starts += np.flatnonzero(document_starts(symbols, model.separator)).tolist()
    return [(a, b) for a, b in zip(starts, [*starts[1:], len(symbols)], strict=True) if a < b]


def _log_probabilities(
    model: Model, symbols: NDArray[np.integer], dtype: DTypeLike
) -> NDArray[np.float64]:
    """The log-probabilities after each symbol, shape (T, V), computed in a dtype."""
    parameters = model.parameters
    if parameters.dtype != dtype:
        sizes = parameters.vocabulary_size, parameters.hidden_size, dtype
        parameters = Parameters(*sizes, layers=parameters.layers)
        with np.errstate(over="ignore"):  # the caller sees it
            parameters.assign(model.parameters)
    stream = SymbolStream(parameters, separator=model.separator)
    found = np.empty((len(symbols), len(model.vocabulary)))
    for t, symbol in enumerate(symbols):
        stream.read(np.array([[symbol]], np.int32))
        found[t] = stream.log_probabilities()
    return found


def _amplification(model: Model, read: NDArray[np.integer], ours: NDArray[np.float64]) -> float:
    """By how much rounding errors may be larger in a log-probability than the eps of a dtype."""
    other = np.float64 if model.dtype == np.float32 else np.float32
    between = float(np.abs(ours - _log_probabilities(model, read, other)).max())
    amplified = between / float(np.finfo(np.float32).eps) if math.isfinite(between) else 0.0
    return _FACTOR * (amplified + max(1.0, float(np.abs(ours).max())))


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # infinite logits: the check fails
        shifted = logits - logits.max(axis=1, keepdims=True)
        found: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return found
