# SPDX-License-Identifier: MIT
"""The helper threads of one call of the training loop."""

from __future__ import annotations

import threading
from collections.abc import Callable


class HelperThreads:
    """The helper threads of one call. They begin together, when `go` is released."""

    def __init__(self) -> None:
        self.helpers: list[tuple[threading.Thread, threading.Lock]] = []
        self.parts: dict[threading.Lock, int] = {}
        self.error: BaseException | None = None
        self.go = threading.Lock()
        self.go.acquire()

    def start(self, target: Callable[[HelperThreads, threading.Lock], None]) -> None:
        """Start a helper, which calls target(team, ready) and releases the lock `ready`."""
        ready = threading.Lock()
        ready.acquire()
        helper = threading.Thread(target=target, args=(self, ready), daemon=True)
        self.helpers.append((helper, ready))
        try:
            helper.start()
        except BaseException:
            self.helpers.pop()
            raise

    def wait_until_ready(self) -> None:
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
