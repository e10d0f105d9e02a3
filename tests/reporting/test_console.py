# SPDX-License-Identifier: MIT
"""A progress bar whose terminal goes away."""

import io
import threading

import pytest
from tqdm import tqdm

from gru_ext.reporting.console import Console


class Terminal(io.StringIO):
    """A terminal that can be taken away."""

    error = None

    def isatty(self):
        return True

    def write(self, text):
        if self.error is not None:
            raise self.error
        return super().write(text)

    def flush(self):
        self.write("")


@pytest.mark.parametrize("error", [OSError(5, "EIO"), OSError(32, "EPIPE"), ValueError("I/O")])
@pytest.mark.parametrize("act", ["print", "advance"])
def test_a_terminal_that_goes_away_leaves_no_lock(monkeypatch, error, act):
    """A process whose bar has kept its lock would not end: it waits for a thread that wants it."""
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    free = []
    with Console(1000) as console:
        console._bar.mininterval = console._bar.miniters = 0  # each step is drawn
        console.advance(100, 1.0)
        assert "bits/char" in stream.getvalue()
        stream.error = error
        if act == "print":
            console.print("a line")
        for _ in range(50):
            console.advance(10, 1.0)
        stream.error = None

        def take():
            for lock in tqdm.get_lock().locks:
                free.append(lock.acquire(timeout=1))
                if free[-1]:
                    lock.release()

        other = threading.Thread(target=take)
        other.start()
        other.join()
    assert free
    assert all(free)


def test_a_bar_starts_no_thread(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    before = threading.enumerate()
    with Console(1000):
        assert threading.enumerate() == before
