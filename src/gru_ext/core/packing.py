# SPDX-License-Identifier: MIT
"""Narrow weights: how they are rounded, and how kernels have them in memory."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.narrow import PANEL_LINES

LARGEST = 127
"""The largest magnitude of an int8 weight, and of an activation."""
_LINE = 16


class Int8(NamedTuple):
    """A matrix in int8: ``values * scales`` is close to the weights.

    Attributes
    ----------
    values : ndarray of int8, shape (outputs, n)
        From -127 to 127; the largest magnitude of each row is 127.
    scales : ndarray of float32, shape (outputs,)
        A row of zeros has scale 0.
    """

    values: NDArray[np.int8]
    scales: NDArray[np.float32]

    def widened(self) -> NDArray[np.float32]:
        """The weights that these stand for, shape (outputs, n)."""
        wide: NDArray[np.float32] = self.values.astype(np.float32) * self.scales[:, None]
        return wide


def to_int8(weights: NDArray[np.floating]) -> Int8:
    """Round a matrix to int8, symmetrically and to nearest, with a scale for each row.

    Each weight changes by at most half of the row's scale.

    Parameters
    ----------
    weights : ndarray of float32 or float64, shape (outputs, n), finite
    """
    scales = np.abs(weights).max(axis=1).astype(np.float64) / LARGEST
    inverse = np.divide(1, scales, out=np.zeros_like(scales), where=scales > 0)
    rounded = np.rint(weights * inverse[:, None]).astype(np.int8)
    return Int8(rounded, scales.astype(np.float32))


def to_bfloat16(weights: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Round weights to bfloat16, to nearest even: the upper halves of their float32 numbers."""
    bits = np.ascontiguousarray(weights, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def from_bfloat16(halves: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The float32 numbers of which these are the upper halves."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


def pack(rows: NDArray[np.int8] | NDArray[np.uint16], scales: Any = None) -> NDArray[np.float32]:
    """Return the weights of a product as its kernel reads them (csrc/narrow.inc.h).

    Parameters
    ----------
    rows : ndarray of int8 or uint16, shape (N, K)
        A row for each column of the product, in int8 or bfloat16.
    scales : ndarray of float32, shape (N,), optional
        What the sums of int8 products are multiplied by.

    Returns
    -------
    ndarray of float32
        The bytes, as elements of the buffer of the parameters, N in whole lines of 16.
    """
    per = 4 // rows.itemsize
    (N, K), lines, groups = rows.shape, -(-len(rows) // _LINE), -(-rows.shape[1] // per)
    padded = np.zeros((lines * _LINE, groups * per), rows.dtype)
    padded[:N, :K] = rows
    lanes = padded.view(np.uint32).T  # (groups, columns)
    panels = -(-lines // PANEL_LINES)
    edges = [_LINE * (lines * p // panels) for p in range(panels + 1)]
    parts = [lanes[:, a:b].ravel() for a, b in itertools.pairwise(edges)]
    if rows.dtype == np.int8:
        sums = padded.sum(axis=1, dtype=np.int32)
        factors = np.zeros(len(padded), np.float32)
        factors[:N] = scales.astype(np.float64) / LARGEST  # the activations are multiplied by 127
        parts = [factors.view(np.uint32), (-128 * sums).view(np.uint32), *parts]
    return np.concatenate(parts).view(np.float32)
