# SPDX-License-Identifier: MIT
"""The temperature with which a model predicts its validation part best.

    p = softmax((Wy h + by) / temperature)

A model that has seen its training part many times is too sure of what comes next: a temperature
above 1 makes its predictions less certain. Wy and by are divided by it, so that whatever reads the
model has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.evaluation import Evaluation, evaluate_symbols
from gru_ext.model.model import Model

# In hundredths of 1 / temperature, in which the loss is convex: from 31 to 173, by ten evaluations.
_ABOVE, _SMALL, _LARGE = 30, 55, 89
# One number follows from so many symbols well enough: pieces from all over the validation part.
_PIECE, _PIECES = 2048, 8
LEAST_GAIN = 0.001 * math.log(2)
"""What a temperature must give, in nats per character, to be used."""


def calibrate(
    model: Model,
    symbols: NDArray[np.integer],
    before: float,
    progress: Callable[[int], object] | None = None,
    threads: int = 1,
) -> tuple[float, Evaluation] | None:
    """Divide the output layer of a model by the temperature with which its loss is lowest.

    Parameters
    ----------
    model : Model
    symbols : ndarray of symbols, shape (n,)
        The validation part. The temperature is found on pieces of a long one, which have 16,384
        symbols together.
    before : float
        The loss of the model on the whole validation part, in nats.
    progress : callable, optional
        It is called with the number of characters after each window. What it raises passes
        through, and the model is as it was.
    threads : int
        The most threads that read the symbols.

    Returns
    -------
    tuple of float and Evaluation, or None
        The temperature, and the loss with it on the whole validation part; None where that is
        hardly better.
    """
    parameters, read = model.parameters, symbols
    if len(symbols) > _PIECES * _PIECE:
        begins = (len(symbols) - _PIECE) * np.arange(_PIECES) // (_PIECES - 1)
        read = np.concatenate([symbols[begin : begin + _PIECE] for begin in begins])
    kept = {name: parameters[name].copy() for name in ("Wy", "by")}

    def scale(hundredths: int) -> None:
        for name, array in kept.items():
            parameters[name][...] = array * (hundredths / 100)

    def evaluated(part: NDArray[np.integer]) -> Evaluation:
        return evaluate_symbols(parameters, part, progress, model.separator, most_threads=threads)

    def loss(hundredths: int) -> float:
        scale(hundredths)
        return evaluated(read).nats_per_char

    scaled = 100
    try:
        best = lowest(loss, _ABOVE, _SMALL, _LARGE)
        if best == scaled:
            return None
        scale(best)
        found = evaluated(symbols)
        if not found.nats_per_char <= before - LEAST_GAIN:
            return None
        scaled = best
        return 100 / best, found
    finally:
        scale(scaled)


def lowest(loss: Callable[[int], float], above: int, small: int, large: int) -> int:
    """Where a convex function of whole numbers is lowest, by Fibonacci search.

    Parameters
    ----------
    loss : callable
        It is called once for a number.
    above : int
        The result is above this number, and below ``above + small + large``.
    small, large : int
        Two successive Fibonacci numbers.
    """
    known = cache(loss)
    while large > 1:
        if known(above + small) > known(above + large):
            above += small
        small, large = large - small, small
    return above + 1
