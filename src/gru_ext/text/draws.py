# SPDX-License-Identifier: MIT
"""Random numbers that follow from a seed and a place alone, the same with every NumPy."""

from __future__ import annotations

import numpy as np
from numpy.random import Philox
from numpy.typing import NDArray

BLOCKS, DOCUMENTS, SHUFFLE = range(1, 4)
"""What numbers are drawn for: each purpose has its own."""


def draw(seed: int, purpose: int, number: int, n: int) -> NDArray[np.uint64]:
    """Draw numbers of 64 bits, by Philox 4x64-10.

    NumPy keeps the output of a bit generator the same in all versions, but not what its
    ``Generator`` makes of it.

    Parameters
    ----------
    seed : int
        From 0 to 2^64 - 1.
    purpose : int
        One of the purposes of this module.
    number : int
        The number of the draw, such as that of an epoch.
    n : int
        How many numbers to draw.

    Returns
    -------
    ndarray, uint64, shape (n,)
    """
    key = np.array([seed, purpose], np.uint64)
    counter = np.array([0, 0, 0, number], np.uint64)
    return np.asarray(Philox(counter=counter, key=key).random_raw(n), np.uint64)


def draw_order(seed: int, purpose: int, number: int, n: int) -> NDArray[np.intp]:
    """Draw an order of the numbers from 0 to n - 1, shape (n,)."""
    return np.argsort(draw(seed, purpose, number, n), kind="stable")
