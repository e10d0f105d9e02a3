# SPDX-License-Identifier: MIT
"""The process that trains the models of a search, one after the other.

It reads pickled messages from standard input and writes pickled ones to standard output: the text,
then the options of a run; a report at each progress line, which is answered by whether to stop; and
an :class:`End` for each run.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from dataclasses import dataclass
from typing import Any

from gru_ext.reporting.progress import Progress
from gru_ext.training.train import train


@dataclass(frozen=True)
class End:
    """The end of a run, or of the process; with an error, why it failed."""

    error: str | None = None


def main() -> None:
    """Train what standard input asks for, until it ends."""
    # Ctrl-C is for the process that searches, which then ends this one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else is printed is no message

    def send(message: object) -> None:
        pickle.dump(message, answers)
        answers.flush()

    def report(progress: Progress) -> bool:
        send(progress)
        return bool(pickle.load(asked))

    try:
        text = pickle.load(asked)
        while True:
            options: dict[str, Any] = pickle.load(asked)
            try:
                train(text, **options, callback=report, quiet=True)
                end = End()
            except (EOFError, BrokenPipeError):
                raise
            except Exception as error:
                end = End(str(error) or type(error).__name__)
            send(end)
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return  # the process that searches has ended, or ends this one
