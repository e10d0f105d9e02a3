# SPDX-License-Identifier: MIT
"""The processes that train the models of a search, as the process that searches sees them."""

from __future__ import annotations

import pickle
import queue
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from typing import Any, Self

from gru_ext.arguments.messages import brief
from gru_ext.reporting.progress import Progress
from gru_ext.text.given import Text
from gru_ext.tuning.worker import End

# The module __main__ is not imported, as multiprocessing would: a script needs no guard.
_PROGRAM = "import sys; sys.path[:] = {}; from gru_ext.tuning.worker import main; main()"


class Process:
    """A process that trains one model at a time.

    Parameters
    ----------
    text : bytes
        The pickled text.
    messages : Queue
        Gets a pair for each message: this process, and the message.
    """

    def __init__(self, text: bytes, messages: queue.SimpleQueue[tuple[Process, Any]]) -> None:
        self._messages = messages
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM.format([*map(str, sys.path)])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._write(text)

    def send(self, message: object) -> None:
        """Send the options of a run, or the answer to a report."""
        self._write(pickle.dumps(message))

    def _write(self, data: bytes) -> None:
        stream = self._process.stdin
        assert stream is not None
        with suppress(OSError):  # it has died: that is a message too
            stream.write(data)
            stream.flush()

    def _read(self) -> None:
        """Pass the messages on; the last one says how the process ended."""
        stream = self._process.stdout
        assert stream is not None
        with suppress(Exception):  # the stream has ended, or what it holds is no message
            while True:
                self._messages.put((self, pickle.load(stream)))
        self._messages.put((self, End(self._how_it_ended())))

    def _how_it_ended(self) -> str:
        status = self._process.wait()
        by = f"signal {-status}" if status < 0 else f"status {status}"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        said = next((line for line in reversed(lines) if line.strip()), "")
        return f"its process ended with {by}" + (f": {brief(said)}" if said else "")

    @property
    def ended(self) -> bool:
        """Whether the process is no more."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End the process, whatever it does: it has nothing to save."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            with suppress(OSError):  # what could not be written
                if stream is not None:
                    stream.close()


class Processes:
    """So many processes, each of which trains one model at a time."""

    def __init__(self, text: Text, jobs: int) -> None:
        self._text, self._jobs = pickle.dumps(text), jobs
        self._messages: queue.SimpleQueue[tuple[Process, Any]] = queue.SimpleQueue()
        self._idle: list[Process] = []
        self._busy: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        for process in [*self._idle, *self._busy]:
            process.close()

    @property
    def busy(self) -> int:
        """How many train a model."""
        return len(self._busy)

    @property
    def free(self) -> bool:
        """Whether another model can be trained."""
        return len(self._busy) < self._jobs

    def start(self, options: dict[str, Any]) -> Process:
        """Train a model in one that is free."""
        process = self._idle.pop() if self._idle else Process(self._text, self._messages)
        self._busy.append(process)
        process.send(options)
        return process

    def next(self, seconds: float) -> tuple[Process, Progress | End] | None:
        """The next message; None where there is none for so long.

        After an :class:`End` the process is free, or replaced if it has died.
        """
        try:
            process, message = self._messages.get(timeout=seconds)
        except queue.Empty:
            return None
        if process not in self._busy:  # it has died after its run
            self._idle = [each for each in self._idle if each is not process]
            process.close()
            return None
        if isinstance(message, End):
            self._busy.remove(process)
            if process.ended:
                process.close()
            else:
                self._idle.append(process)
        return process, message
