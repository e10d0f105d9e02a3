# SPDX-License-Identifier: MIT
"""Calibration: whether what has a probability of 0.3 happens in three of ten cases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 20
"""Bins of equal width into which the probabilities from 0 to 1 are put."""
_LEAST = 0.99 / BINS  # what is smaller is in bin 0, whatever the rounding


def calibration_counts(
    probabilities: NDArray[np.floating], targets: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Count predictions and what happened, by the predicted probability.

    Parameters
    ----------
    probabilities : ndarray, shape (n, K)
        In each row the probabilities of K events.
    targets : ndarray of integers, shape (n,)
        The event of each row that happened; -1 where none of them did.

    Returns
    -------
    ndarray of float64, shape (3, BINS)
        For each bin the number of probabilities, their sum, and the number of those whose event
        happened. Counts of two sets of rows can be added.
    """
    # most of the symbols of a large vocabulary have tiny probabilities: all those are in bin 0
    above = probabilities[probabilities >= _LEAST]
    counts = _counts(above)
    counts[0, 0] += probabilities.size - above.size
    counts[1, 0] += probabilities.sum(dtype=np.float64) - above.sum(dtype=np.float64)
    happened = targets >= 0
    hits = probabilities[np.flatnonzero(happened), targets[happened]]
    counts[2] = _counts(hits)[0]
    return counts


def _counts(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Numbers and sums of probabilities, shape (n,), by bin; the third row is 0."""
    bins = np.minimum((probabilities * BINS).astype(np.intp), BINS - 1)
    counts = np.zeros((3, BINS))
    counts[0] = np.bincount(bins, minlength=BINS)
    counts[1] = np.bincount(bins, probabilities, BINS)
    return counts


def calibration_error(counts: NDArray[np.float64]) -> float:
    """The expected calibration error: the mean of |frequency - probability| over all predictions.

    In each bin the mean probability is compared with the frequency (Naeini, Cooper and Hauskrecht,
    2015). With the counts of the most likely symbols it is the error of Guo et al. (2017).
    """
    number, probability, happened = counts
    return float(np.abs(happened - probability).sum() / max(1.0, number.sum()))
