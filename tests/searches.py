# SPDX-License-Identifier: MIT
"""Searches in tests: a text, few steps, and processes that only say that they train."""

import itertools
import math

from gru_ext.reporting.progress import Progress
from gru_ext.tuning.worker import End

LINES = "The quick brown fox jumps over the lazy dog.\n" * 60
FEW = {"trials": 4, "max_steps": 16, "val_fraction": 0.1, "quiet": True, "seed": 1}
FOREVER = {"jobs": 1, "minutes": math.inf}


def outcomes(result):
    """What must be the same in two equal searches."""
    return [(t.number, t.options, t.bits, t.epochs, t.state) for t in result.trials]


class Scripted:
    """Stands in for the processes of a search: each trial has the losses of a script."""

    def __init__(self, losses):
        self.losses, self.left, self.reached = iter(losses), {}, {}

    def __call__(self, text, jobs):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        pass

    @property
    def busy(self):
        return len(self.left)

    free = property(lambda self: not self.left)

    def start(self, options):
        process = Answered(self, len(self.reached))
        losses = next(self.losses)
        steps = itertools.count(1)
        self.left[process] = [progress(next(steps), len(losses), loss) for loss in losses]
        return process

    def next(self, seconds):
        ((process, reports),) = self.left.items()
        if not reports:
            del self.left[process]
            return process, End()
        report = reports.pop(0)
        self.reached[process.number] = report.step
        return process, report


class Answered:
    """One of them, which stops on request."""

    def __init__(self, processes, number):
        self.processes, self.number = processes, number

    def send(self, stop):
        if stop:
            self.processes.left[self].clear()


def progress(step, steps, nats):
    return Progress(step, steps, step / steps, 100 * step, nats, nats, 0.01, 1000.0, 0.1)
