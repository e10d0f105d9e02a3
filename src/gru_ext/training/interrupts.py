# SPDX-License-Identifier: MIT
"""Runs in pieces: short enough to show progress and to stop in, long enough to cost nothing."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SECONDS = 0.2


def next_event(done: int, last: int, *periods: int) -> int:
    """The first update past ``done`` that is a multiple of a period, or the last; 0: no period."""
    return min(last, *((done // period + 1) * period for period in periods if period), last)


class Pace:
    """How many updates to make at a time."""

    def __init__(self) -> None:
        self._steps = 1
        self._since = time.perf_counter()

    def next(self, most: int, seconds: float | None = None) -> int:
        """Updates for about a fifth of a second, judging by the last ones; from 1 to ``most``.

        ``seconds`` are what those took; without it, all the time since they were asked for.
        """
        now = time.perf_counter()
        elapsed, self._since = now - self._since if seconds is None else seconds, now
        if elapsed < _SECONDS / 2:
            self._steps = min(self._steps * 2, 1 << 20)
        elif elapsed > _SECONDS * 2:
            self._steps = max(1, self._steps // 2)
        return max(1, min(self._steps, most))


class StopRequest:
    """Whether Ctrl-C was pressed or the process was asked to terminate, and by which signal."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn the first SIGINT or SIGTERM into a request to stop in order; a second ends at once.

    Only in the main thread, and where nobody else has taken the signal over.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if not request:
            request.signal = number
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            raise SystemExit(128 + number)

    usual: dict[int, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
    }
    taken = [number for number in usual if signal.getsignal(number) == usual[number]]
    try:
        for number in taken:
            signal.signal(number, handle)
        yield request
    finally:
        for number in taken:
            signal.signal(number, usual[number])
