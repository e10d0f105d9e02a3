# SPDX-License-Identifier: MIT
"""The chunks of steps that a run is divided into.

A chunk is short enough to show progress and to be interrupted after it, and long enough to cost
nothing. The result does not depend on the chunks.
"""

from __future__ import annotations

import time

_SECONDS = 0.2


def next_event(done: int, last: int, *periods: int) -> int:
    """The first step after ``done`` that is a multiple of a period, or the last step.

    A period of 0 stands for none.
    """
    return min(last, *((done // period + 1) * period for period in periods if period), last)


def on_sync(period: int, sync_every: int) -> int:
    """The period, or the next multiple of the steps after which workers are combined."""
    return -(-period // sync_every) * sync_every


class ChunkSize:
    """How many steps to make in one call of the training loop."""

    def __init__(self) -> None:
        self._steps = 1
        self._since = time.perf_counter()

    def next(self, most: int, seconds: float | None = None) -> int:
        """The number of steps that take about a fifth of a second, from 1 to ``most``.

        Parameters
        ----------
        most : int
        seconds : float, optional
            The seconds that the last chunk took; by default the time since the last call.
        """
        now = time.perf_counter()
        elapsed, self._since = now - self._since if seconds is None else seconds, now
        if elapsed < _SECONDS / 2:
            self._steps = min(self._steps * 2, 1 << 20)
        elif elapsed > _SECONDS * 2:
            self._steps = max(1, self._steps // 2)
        return max(1, min(self._steps, most))
