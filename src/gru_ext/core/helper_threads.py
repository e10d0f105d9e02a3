# SPDX-License-Identifier: MIT
"""The helper threads of one call of a compiled loop, and whether they help."""

from __future__ import annotations

import threading
from collections.abc import Callable


class HelperThreads:
    """Threads that help in one call. They begin together, when `go` is released.

    Parameters
    ----------
    work : callable
        It is called with the number of a part: 0 is the caller's, helpers have those from 1 on.
    abandon : callable
        It is called when a helper fails, so that the others do not wait for it.
    """

    def __init__(self, work: Callable[[int], None], abandon: Callable[[], None]) -> None:
        self.work, self.abandon = work, abandon
        self.helpers: list[tuple[threading.Thread, threading.Lock]] = []
        self.parts: dict[threading.Lock, int] = {}
        self.error: BaseException | None = None
        self.go = threading.Lock()
        self.go.acquire()

    def gather(self, count: int) -> Exception | None:
        """Start so many helpers, and give a part to each that runs.

        Returns
        -------
        Exception or None
            Why not all could be started.
        """
        refused = None
        try:
            try:
                for _ in range(count):
                    self._start()
            except (RuntimeError, MemoryError, OSError) as error:  # no thread is left
                refused = error
            self._wait_until_ready()
        except BaseException:
            self.parts.clear()
            self.go.release()
            self.join()
            raise
        return refused

    def _start(self) -> None:
        ready = threading.Lock()
        ready.acquire()
        helper = threading.Thread(target=self._help, args=(ready,), daemon=True)
        self.helpers.append((helper, ready))
        try:
            helper.start()
        except BaseException:
            self.helpers.pop()
            raise

    def _help(self, ready: threading.Lock) -> None:
        try:
            ready.release()
            with self.go:
                pass
            if ready in self.parts:
                self.work(self.parts[ready])
        except BaseException as error:
            if ready in self.parts:
                self.error = error
                self.abandon()

    def _wait_until_ready(self) -> None:
        """Give a part to each helper that runs. One that ended before it was ready has none."""
        for helper, ready in self.helpers:
            while True:
                if ready.acquire(timeout=0.05):
                    self.parts[ready] = 1 + len(self.parts)
                    break
                if not helper.is_alive():
                    break

    def join(self) -> None:
        """Wait for the helpers' end, also if a signal interrupts the waiting."""
        interrupt: BaseException | None = None
        for helper, _ in self.helpers:
            while helper.is_alive():
                try:
                    helper.join()
                except BaseException as error:
                    interrupt = error
        if interrupt is not None:
            raise interrupt


class Contention:
    """Whether other programs need the processors, so that one thread is faster than several.

    The threads of a loop wait for each other several times in a window, or in each of its steps. On
    an idle machine a wait takes less than a microsecond. Where a thread has lost its processor to
    another program, the others wait until it gets one back: milliseconds. Where this takes much of
    the time, the team is stopped. Other waits are too short to be seen, as on a virtual machine
    whose host is busy, and matter where threads meet in each step. The result is the same for any
    number of threads: so in both cases some windows are made on one thread, and the next calls keep
    to what was faster.

    Parameters
    ----------
    estimate : float
        The seconds that a window should take on one thread.
    """

    _OFTEN = 0.25  # of the time, from which one thread is tried
    _FASTER = 0.8  # of the time on several threads, below which one thread is kept
    _FIRST, _MOST = 4, 32  # calls until the next trial: at first, and after some trials

    def __init__(self, estimate: float) -> None:
        self._estimate = estimate
        self._calls = 0  # that are left until the next trial
        self._pause = self._FIRST
        self._alone = self._trying = False
        self._together = 0.0

    def plan(self, asked: int, windows: int) -> tuple[int, int]:
        """The number of threads, and of windows, that come next.

        Parameters
        ----------
        asked : int
            The number of threads that was asked for.
        windows : int
            The windows that are left. A trial takes so few of them that it costs at most a quarter
            of the time; at least one, if several threads are slower than one should be.
        """
        few = max(windows // (4 * asked), self._together > self._estimate)
        if self._trying and few == 0:
            self._alone = self._trying = False
        if self._trying:
            return 1, few
        return (1 if self._alone else asked), windows

    def note(self, asked: int, seconds: float, waited: float, each_step: bool) -> None:
        """Note what was planned and is done.

        Parameters
        ----------
        asked : int
            The number of threads that was asked for.
        seconds : float
            The time of a window.
        waited : float
            The fraction of their time in which the threads waited for each other.
        each_step : bool
            Whether they meet in each step.
        """
        if asked == 1:
            return
        if self._trying:
            self._trying, self._alone = False, seconds < self._FASTER * self._together
            self._calls, self._pause = self._pause, min(2 * self._pause, self._MOST)
            return
        self._calls = max(0, self._calls - 1)
        if self._alone:
            self._alone = self._calls > 0
        elif self._calls == 0:
            self._together = seconds
            self._alone = self._trying = each_step or waited > self._OFTEN
            if not self._trying:
                self._pause = self._FIRST
