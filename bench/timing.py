# SPDX-License-Identifier: MIT
"""Timing of several implementations in rounds, with the order rotated from round to round."""

import contextlib
import time
from dataclasses import dataclass, field

from bench.registry import IMPLEMENTATIONS
from bench.worker_process import WorkerError, WorkerProcess

# Thread pools spin after their last work, OpenBLAS for 0.1 s; the next run starts after that.
PAUSE = 0.15


@dataclass
class Result:
    """The measurements of one implementation in a case.

    Attributes
    ----------
    config : dict
        The worker's configuration: sizes, dtype, threads, text.
    rates : list of float
        Units per second, one value per round.
    info : dict
        The worker's first reply: units and computed values.
    error : str
        Why there are no rates, or an empty string.
    """

    label: str
    implementation: str
    config: dict
    note: str = ""
    rates: list[float] = field(default_factory=list)
    info: dict = field(default_factory=dict)
    error: str = ""


def rotated(items, round_number):
    """The items in the order of a round; each round starts with the next item."""
    first = round_number % max(1, len(items))
    return items[first:] + items[:first]


def missing_packages_error(implementation):
    """A message if packages that the implementation requires are not installed, else ""."""
    missing = IMPLEMENTATIONS[implementation].missing_packages()
    return f"not installed: {', '.join(missing)}" if missing else ""


@contextlib.contextmanager
def store_worker_error(result):
    """Store the message of a WorkerError in the result instead of raising it."""
    try:
        yield
    except WorkerError as error:
        result.error = f"failed: {error}"[:200].replace("|", "/")


def time_in_rounds(results, seconds, rounds, log):
    """Fill in the rates, info and error of each result.

    Parameters
    ----------
    results : list of Result
    seconds : float
        Approximate length of one run.
    rounds : int
        Runs of each implementation.
    log : callable
        Called with progress messages.
    """
    workers = []
    try:
        for result in results:
            result.error = missing_packages_error(result.implementation)
            if not result.error:
                log(f"starting {result.label}")
                _start(result, seconds, workers)
        for number in range(rounds):
            for result, worker, n in rotated(workers, number):
                if not result.error:
                    time.sleep(PAUSE)
                    with store_worker_error(result):
                        elapsed = worker.run(n)["seconds"]
                        result.rates.append(n * result.info["units"] / elapsed)
            log(f"round {number + 1} of {rounds}")
    finally:
        for _, worker, _ in workers:
            worker.close()


def _start(result, seconds, workers):
    worker = WorkerProcess(result.implementation, result.config)
    n = 1
    with store_worker_error(result):
        result.info = worker.read_reply()
        n = worker.calibrate(seconds)
    workers.append((result, worker, n))
