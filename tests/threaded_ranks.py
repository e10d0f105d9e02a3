# SPDX-License-Identifier: MIT
"""Ranks as threads of one process, in tests: a communicator, and a function run on all of them."""

import threading

import numpy as np

SECONDS = 60


class Aborted(RuntimeError):
    """A rank has ended all others."""


class ThreadRanks:
    """What the ranks share: a place for the data of each, and a barrier."""

    def __init__(self, size):
        self.size, self.places, self.message = size, [None] * size, None
        self.barrier = threading.Barrier(size, timeout=SECONDS)

    def exchanged(self, rank, data):
        """The data of all ranks, when all have given it."""
        self.places[rank] = data
        try:
            self.barrier.wait()
            found = list(self.places)
            self.barrier.wait()
        except threading.BrokenBarrierError:
            raise Aborted(self.message or "a rank did not come") from None
        return found


class ThreadCommunicator:
    """A communicator of threads. It hands out copies: a rank may change what it gets."""

    def __init__(self, ranks, rank):
        self._ranks, self.rank, self.size = ranks, rank, ranks.size

    def broadcast(self, data):
        return np.array(self._ranks.exchanged(self.rank, data)[0])

    def allgather(self, data):
        return [np.array(each) for each in self._ranks.exchanged(self.rank, data)]

    def exchange(self, parts):
        return [np.array(each[self.rank]) for each in self._ranks.exchanged(self.rank, parts)]

    def abort(self, message):
        self._ranks.message = self._ranks.message or message
        self._ranks.barrier.abort()
        raise Aborted(self._ranks.message)


def on_ranks(size, function):
    """What ``function(communicator)`` returns or raises on each of so many ranks."""
    ranks, found = ThreadRanks(size), [None] * size

    def run(rank):
        try:
            found[rank] = function(ThreadCommunicator(ranks, rank))
        except BaseException as error:
            found[rank] = error

    threads = [threading.Thread(target=run, args=(rank,), daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * SECONDS)
        assert not thread.is_alive(), "a rank waits for ever"
    return found
