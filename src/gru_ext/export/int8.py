# SPDX-License-Identifier: MIT
"""Weights as int8 with a scale for each output."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LARGEST = 127


def quantised(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round a matrix to int8, symmetrically and to nearest, with a scale for each row.

    Parameters
    ----------
    weights : ndarray of float32, shape (outputs, n)

    Returns
    -------
    rounded : ndarray of int8, shape (outputs, n)
        From -127 to 127; the largest magnitude of each row is 127.
    scales : ndarray of float32, shape (outputs,)
        ``rounded * scales[:, None]`` is close to the weights: each differs by at most half of the
        row's scale. A row of zeros has scale 0.
    """
    scales = np.abs(weights).max(axis=1).astype(np.float64) / _LARGEST
    inverse = np.divide(1, scales, out=np.zeros_like(scales), where=scales > 0)
    rounded = np.rint(weights * inverse[:, None]).astype(np.int8)
    return rounded, scales.astype(np.float32)


def dequantised(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """The values that the int8 weights of a matrix of shape (outputs, n) stand for."""
    rounded, scales = quantised(weights)
    values: NDArray[np.float32] = rounded.astype(np.float32) * scales[:, None]
    return values
