# SPDX-License-Identifier: MIT
"""The mean of the workers' arrays, bit-identical on any number of processes.

Every element is a sum in the order of the workers, whatever process adds it. An ``MPI_SUM`` would
add in an order of its own, which depends on the number of processes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gru_ext.distributed.communicator import Bytes, Communicator

Flat = NDArray[np.floating]


def workers_of(rank: int, size: int, workers: int) -> range:
    """The workers that a rank holds: neighbours, as many as others hold or one less or more."""
    return range(workers * rank // size, workers * (rank + 1) // size)


def mean_of_workers(communicator: Communicator, own: Sequence[Flat], workers: int) -> Flat:
    """The mean of one array of each worker, on all ranks.

    Each rank adds a slice of all arrays and sends its sum to the others. So a rank sends and
    receives about twice the array for each worker it holds, however many ranks there are.

    Parameters
    ----------
    communicator : Communicator
    own : sequence of ndarray, shape (n,)
        Those of the workers that this rank holds (:func:`workers_of`), in order.
    workers : int
        The workers of all ranks.

    Returns
    -------
    ndarray, shape (n,)
        A new array.
    """
    if communicator.size == 1:
        return _mean(own, workers)
    size, n, dtype = communicator.size, own[0].size, own[0].dtype
    ends = [n * rank // size for rank in range(size + 1)]
    slices = [np.concatenate([array[i:j] for array in own]) for i, j in itertools.pairwise(ends)]
    received = communicator.exchange([as_bytes(each) for each in slices])
    length = ends[communicator.rank + 1] - ends[communicator.rank]
    rows = np.concatenate([each.view(dtype) for each in received]).reshape(workers, length)
    parts = communicator.allgather(as_bytes(_mean(rows, workers)))
    return np.concatenate([part.view(dtype) for part in parts])


def _mean(rows: Sequence[Flat] | Flat, workers: int) -> Flat:
    total = np.array(rows[0])
    for row in rows[1:]:
        total += row
    total /= workers
    return total


def as_bytes(array: NDArray[np.generic]) -> Bytes:
    """A contiguous array as its bytes, without a copy."""
    return array.reshape(-1).view(np.uint8)
