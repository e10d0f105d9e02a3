# SPDX-License-Identifier: MIT
"""One rank of a run whose speed is measured: python -m bench.distributed_worker OPTIONS

OPTIONS are those of gru_ext.train, as JSON. Rank 0 prints the characters per second, and the
fraction of the time that it spends in communication, waiting for the other ranks included.
"""

import json
import sys
import time

import numpy as np

import gru_ext
from gru_ext.distributed.launched import launched

CHARACTERS = 2_000_000
LETTERS = 64


class Timed:
    """A communicator that adds up the seconds of what it sends and receives."""

    def __init__(self, communicator):
        self._communicator, self.seconds = communicator, 0.0
        self.rank, self.size, self.abort = communicator.rank, communicator.size, communicator.abort

    def broadcast(self, data):
        return self._timed("broadcast", data)

    def allgather(self, data):
        return self._timed("allgather", data)

    def exchange(self, parts):
        return self._timed("exchange", parts)

    def _timed(self, name, data):
        begun = time.perf_counter()
        found = getattr(self._communicator, name)(data)
        self.seconds += time.perf_counter() - begun
        return found


def main():
    """Train, and print what was measured between the first and the last progress line."""
    timed = Timed(launched())
    symbols = np.random.default_rng(0).integers(LETTERS, size=CHARACTERS)
    text = "".join(chr(0x40 + symbol) for symbol in symbols.tolist())
    seen = []

    def note(progress):
        seen.append((progress.characters, time.perf_counter(), timed.seconds))

    gru_ext.train(text, communicator=timed, callback=note, **json.loads(sys.argv[1]))
    if timed.rank == 0:
        (c0, t0, s0), (c1, t1, s1) = seen[0], seen[-1]
        print(json.dumps({"rate": (c1 - c0) / (t1 - t0), "communication": (s1 - s0) / (t1 - t0)}))


if __name__ == "__main__":
    main()
