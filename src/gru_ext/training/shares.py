# SPDX-License-Identifier: MIT
"""The shares of a text that workers train on, and how the processes get them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.distributed.combination import as_bytes
from gru_ext.distributed.communicator import Bytes, Communicator
from gru_ext.text.corpus import slices

Symbols = NDArray[np.integer]


def share_of(symbols: Symbols, worker: int, workers: int, batch_size: int) -> Symbols:
    """The part of the text that a worker trains on.

    It has the streams that a single process with ``workers * batch_size`` streams would have there,
    of as many predictions each. Its last symbol is only predicted, and is the next one's first.
    """
    length = (len(symbols) - 1) // (workers * batch_size) * batch_size
    return symbols[worker * length : (worker + 1) * length + 1]


def seed_of(seed: int, worker: int) -> int:
    """The seed of a worker's dropout and order of documents; the first one has that of the run."""
    if worker == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed} {worker}".encode()).digest()[:8], "little")


def distributed(
    communicator: Communicator, dtype: np.dtype[Any], texts: Iterable[Symbols], own: range
) -> list[Symbols]:
    """Send texts from rank 0 to the ranks that need them, a piece at a time.

    Parameters
    ----------
    communicator : Communicator
    dtype : dtype
    texts : iterable of ndarray
        Rank 0 has them; the others give empty ones.
    own : range
        The numbers of the texts that this rank keeps.
    """
    kept = []
    for number, text in enumerate(texts):
        if communicator.size == 1:
            kept.append(text)
            continue
        pieces = slices(text) if communicator.rank == 0 else iter(())
        found = [np.empty(0, dtype)]
        while len(data := communicator.broadcast(_bytes_of(next(pieces, None)))):
            if number in own and communicator.rank:
                found.append(data.view(dtype))
        if number in own:
            kept.append(np.concatenate(found) if communicator.rank else text)
    return kept


def _bytes_of(symbols: Symbols | None) -> Bytes:
    return np.empty(0, np.uint8) if symbols is None else as_bytes(symbols)
