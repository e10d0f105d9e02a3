# SPDX-License-Identifier: MIT
"""Dynamic evaluation: how well a model predicts a text from which it learns while it reads.

The method is that of Krause, Kahembwe, Murray and Renals (2018), "Dynamic Evaluation of Neural
Sequence Models"; docs/explanation/design/adaptation.md says what differs here, and why.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace, forward_window
from gru_ext.model.adaptation_options import AdaptationOptions
from gru_ext.model.evaluation import Evaluation, evaluate_symbols
from gru_ext.model.parameters import Parameters
from gru_ext.text.corpus import release
from gru_ext.text.documents import document_starts

# The decay rate of the second moment: it averages over some 1,000 segments.
_BETA2 = 0.999
# Segments between two decays towards the trained weights: each is a pass over all weights.
_SEGMENTS = 8
# Symbols between two releases of a mapped text's pages.
_RELEASE = 1 << 20


def evaluate_adapting(
    parameters: Parameters,
    symbols: NDArray[np.integer],
    options: AdaptationOptions,
    progress: Callable[[int], object] | None = None,
    separator: NDArray[np.integer] | None = None,
) -> Evaluation:
    """Evaluate a model on symbols of shape (n,), while a copy of it learns from them.

    The text is read in segments of ``adapt_length`` symbols. The loss of a segment is computed
    first, then the weights are updated. So each character is predicted from those before it alone,
    and the sum of the losses is the length of a code from which the text can be decoded.

    With g the gradient of the summed loss of segment t, clipped by value to [-5, 5]::

        m = beta2 * m + (1 - beta2) * g**2
        w = w - learning_rate * g / (sqrt(m / (1 - beta2**t)) + eps)

    with beta2 = 0.999 and eps = 1e-8. After each 8 segments, the weights decay towards the trained
    weights: ``w = w + (1 - (1 - adapt_decay)**8) * (w_trained - w)``.

    The hidden state is carried from segment to segment. It is zero at the start and, with a
    separator, where a document starts. The weights are not reset there.

    Parameters
    ----------
    parameters : Parameters
        The trained weights. They are not changed. Where Wy = Wh^T, as with weight tying, this also
        holds for the copy.
    symbols : ndarray, uint8, uint16 or int32, shape (n,), n >= 2, contiguous
        The text, as ``Vocabulary.encode`` returns it.
    options : AdaptationOptions
    progress : callable, optional
        It is called with the number of characters after each few segments.
    separator : ndarray of symbols, optional
        What stands between documents.

    Raises
    ------
    TypeError, ValueError
        There is nothing to predict, a value is not a symbol, a parameter is not finite, or the loss
        is not finite because the learning rate is too high.
    """
    n, length = len(symbols) - 1, options.adapt_length
    parameters.check_finite()
    if n <= length:  # there is nothing to predict after the first update
        return evaluate_symbols(parameters, symbols, progress, separator)
    adapted, second_moment = parameters.copy(), parameters.like()
    workspace = Workspace(
        parameters.vocabulary_size,
        parameters.hidden_size,
        1,
        length,
        parameters.dtype,
        resetting=separator is not None,
        layers=parameters.layers,
    )
    loop = TrainingLoop(
        adapted.flat,
        second_moment.flat,
        workspace,
        symbols,
        separator,
        "rmsprop",
        beta2=_BETA2,
        tied=np.array_equal(parameters["Wy"], parameters["Wh"].T),
    )
    difference = np.empty_like(adapted.flat)
    decay = 1 - (1 - options.adapt_decay) ** _SEGMENTS
    rate, total, released = options.rate(parameters.hidden_size), 0.0, 0
    # The last segment, of 1 to T characters, is predicted, but nothing is learned from it.
    updates = (n - 1) // length
    for first in range(0, updates, _SEGMENTS):
        segments = min(_SEGMENTS, updates - first)
        correction = np.sqrt(1 - _BETA2 ** np.arange(first + 1, first + segments + 1))
        total += float(loop.steps(segments, rate * correction).sum())
        read = (first + segments) * length
        _check_finite(total, read, rate)
        if segments == _SEGMENTS:
            with np.errstate(over="ignore", invalid="ignore"):  # the next loss tells
                np.subtract(parameters.flat, adapted.flat, out=difference)
                difference *= decay
                np.add(adapted.flat, difference, out=adapted.flat)
        if read - released >= _RELEASE:
            release(symbols)
            released = read
        if progress is not None:
            progress(segments * length)
    total += _last_segment(adapted, symbols, updates * length, workspace, separator)
    _check_finite(total, n, rate)
    if progress is not None:
        progress(n - updates * length)
    return Evaluation(total / n, n)


def _last_segment(
    adapted: Parameters,
    symbols: NDArray[np.integer],
    start: int,
    workspace: Workspace,
    separator: NDArray[np.integer] | None,
) -> float:
    """The loss of what follows the first ``start`` predictions, in nats."""
    window, resets = symbols[start:, None], None
    if separator is not None:
        before = symbols[max(0, start - len(separator) + 1) : -1]
        resets = document_starts(before, separator)[1 - len(window) :, None]
    return forward_window(adapted.flat, window[:-1], window[1:], workspace, resets)


def _check_finite(nats: float, characters: int, rate: float) -> None:
    if not math.isfinite(nats):
        raise ValueError(
            f"`adapt_learning_rate` must be less than {rate:.4g} for this model and text: the "
            f"weights diverged, and the loss is not finite within the first {characters:,} "
            f"characters"
        )
