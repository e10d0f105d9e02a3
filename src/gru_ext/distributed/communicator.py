# SPDX-License-Identifier: MIT
"""What an engine such as MPI must offer, and the engine of a process that is alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
"""A contiguous 1-D array of bytes."""


@runtime_checkable
class Communicator(Protocol):
    """Processes that work together: ranks from 0 to size - 1.

    Each method is called on all ranks, in the same order; it returns when this rank has what it
    asked for. An engine of one's own is an object with these attributes and methods.
    """

    @property
    def rank(self) -> int:
        """The number of this process."""

    @property
    def size(self) -> int:
        """The number of processes."""

    def broadcast(self, data: Bytes) -> Bytes:
        """Return the data of rank 0 on all ranks; what the others give is ignored."""

    def allgather(self, data: Bytes) -> list[Bytes]:
        """Return the data of all ranks, in order of rank. Their lengths may differ."""

    def exchange(self, parts: Sequence[Bytes]) -> list[Bytes]:
        """Send ``parts[r]`` to rank r; return what each rank has sent here, in order of rank."""

    def abort(self, message: str) -> NoReturn:
        """End all processes, whatever they do, with this message. One rank alone calls it."""


class Alone:
    """A :class:`Communicator` of one process.

    Processes that were started together, but train different models, each give one to
    :func:`gru_ext.train`. Without it they would train one model together.
    """

    rank, size = 0, 1

    def broadcast(self, data: Bytes) -> Bytes:
        """Return the data."""
        return data

    def allgather(self, data: Bytes) -> list[Bytes]:
        """Return the data in a list."""
        return [data]

    def exchange(self, parts: Sequence[Bytes]) -> list[Bytes]:
        """Return what the process sends to itself."""
        return list(parts)

    def abort(self, message: str) -> NoReturn:
        """Raise a RuntimeError: there is no other process to end."""
        raise RuntimeError(message)
