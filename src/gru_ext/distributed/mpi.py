# SPDX-License-Identifier: MIT
"""MPI as a :class:`Communicator`, through mpi4py; imported only where mpiexec has started us."""

from __future__ import annotations

import functools
import itertools
import os
import sys
import time
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from gru_ext.distributed.communicator import Bytes

# A broadcast of up to so many bytes is one message, with its length in front.
_FIRST = 4096
_LENGTH = 8
# A wait first polls all the time, and then every half millisecond: ranks that share a processor, or
# wait for the end of an evaluation, leave it to the others.
_POLLING, _PAUSE = 0.02, 0.0005

_yield = getattr(os, "sched_yield", functools.partial(time.sleep, 0))


class MPI:
    """The ranks of an MPI communicator.

    All waits are non-blocking operations that are tested again and again, so that signals are
    handled meanwhile.

    Parameters
    ----------
    communicator : mpi4py.MPI.Comm
    """

    def __init__(self, communicator: Any) -> None:
        self._communicator = communicator
        self.rank: int = communicator.Get_rank()
        self.size: int = communicator.Get_size()

    def broadcast(self, data: Bytes) -> Bytes:
        """Return the data of rank 0 on all ranks."""
        first = np.zeros(_FIRST, np.uint8)
        if self.rank == 0:
            first[:_LENGTH] = np.array([len(data)], np.int64).view(np.uint8)
            first[_LENGTH : _LENGTH + len(data)] = data[: _FIRST - _LENGTH]
        _wait(self._communicator.Ibcast(first, root=0))
        length = int(first[:_LENGTH].view(np.int64)[0])
        if length <= _FIRST - _LENGTH:
            return first[_LENGTH : _LENGTH + length]
        whole = np.ascontiguousarray(data) if self.rank == 0 else np.empty(length, np.uint8)
        if not whole.flags.writeable:  # mpi4py takes one kind of buffer for both directions
            whole = whole.copy()
        _wait(self._communicator.Ibcast(whole, root=0))
        return whole

    def allgather(self, data: Bytes) -> list[Bytes]:
        """Return the data of all ranks, in order of rank."""
        lengths = np.empty(self.size, np.int64)
        _wait(self._communicator.Iallgather(np.array([len(data)], np.int64), lengths))
        found, ends = _room(lengths)
        _wait(self._communicator.Iallgatherv(data, [found, lengths]))
        return _cut(found, ends)

    def exchange(self, parts: Sequence[Bytes]) -> list[Bytes]:
        """Send ``parts[r]`` to rank r; return what each rank has sent here."""
        sent = np.array([len(part) for part in parts], np.int64)
        received = np.empty_like(sent)
        _wait(self._communicator.Ialltoall(sent, received))
        found, ends = _room(received)
        _wait(self._communicator.Ialltoallv([np.concatenate(parts), sent], [found, received]))
        return _cut(found, ends)

    def abort(self, message: str) -> NoReturn:
        """Print the message and end all processes."""
        print(message, file=sys.stderr, flush=True)
        self._communicator.Abort(1)
        raise SystemExit(1)


def _room(lengths: NDArray[np.int64]) -> tuple[Bytes, list[int]]:
    ends = [0, *itertools.accumulate(lengths.tolist())]
    return np.empty(ends[-1], np.uint8), ends


def _cut(data: Bytes, ends: list[int]) -> list[Bytes]:
    return [data[i:j] for i, j in itertools.pairwise(ends)]


def _wait(request: Any) -> None:
    begun = time.perf_counter()
    while not request.Test():
        if time.perf_counter() - begun < _POLLING:
            _yield()
        else:
            time.sleep(_PAUSE)


@functools.cache
def world(size: int) -> MPI:
    """All processes that mpiexec has started, which must be so many.

    Raises
    ------
    ImportError
        mpi4py, or the MPI library that it needs, is missing.
    ValueError
        The processes do not know of each other.
    """
    try:
        from mpi4py import MPI as library
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            f"mpiexec has started {size} processes; to train together they need the optional "
            f'dependency mpi4py and its MPI library: pip install "gru-ext[mpi]" ({error})'
        ) from error
    found = library.COMM_WORLD.Get_size()
    if found != size:
        vendor = library.Get_library_version().split("\n")[0].strip("\0 ")
        raise ValueError(
            f"mpiexec has started {size} processes that do not know of each other, since mpi4py "
            f"uses another MPI library, {vendor}: use the mpiexec of that library, or install "
            f"mpi4py for this one"
        )
    # what the application sends by itself is kept apart
    return MPI(library.COMM_WORLD.Dup())
