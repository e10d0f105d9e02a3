# SPDX-License-Identifier: MIT
"""Contestants in processes of their own, taking turns in rounds."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.machine import allowed_cpus, thread_environment
from bench.registry import IMPLEMENTATIONS

ROOT = Path(__file__).parents[1]
TIMEOUT = 600.0
# Thread pools spin after their last work, OpenBLAS for 0.1 s: the next implementation waits for that.
PAUSE = 0.15


class WorkerError(Exception):
    """A worker that ended, hung, or answered something else."""


@dataclass
class Result:
    """What one entry of a row did; rates are units a second, one a round."""

    label: str
    implementation: str
    config: dict
    note: str = ""
    rates: list[float] = field(default_factory=list)
    info: dict = field(default_factory=dict)
    error: str = ""


def environment(implementation, threads):
    """The worker's: threads, its own variables, and paths that hold in any folder."""
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return (
        os.environ
        | thread_environment(threads)
        | IMPLEMENTATIONS[implementation].environment
        | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, paths))}
    )


class Worker:
    """A process that runs one implementation."""

    def __init__(self, implementation, config, timeout=TIMEOUT):
        self.timeout = timeout
        config = config | {"cpus": allowed_cpus()[: config["threads"]]}
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.worker", implementation, json.dumps(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment(implementation, config["threads"]),
        )
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self):
        # The last line of standard error says why a worker failed.
        for line in self.process.stderr:
            self.said = line.strip() or self.said

    def answer(self):
        """The next line, as a dict."""
        timer = threading.Timer(self.timeout, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            status = self.process.wait()
            self.listener.join(5)
            raise WorkerError(self.said or f"ended with status {status}")
        return json.loads(line)

    def run(self, n):
        """Seconds that n units take."""
        return self.ask(n)["seconds"]

    def ask(self, n):
        """What the implementation says of n units, their seconds among it."""
        # A worker that has ended is found out by its missing answer.
        with contextlib.suppress(OSError):
            self.process.stdin.write(f"{n}\n")
            self.process.stdin.flush()
        return self.answer()

    def calibrate(self, seconds):
        """How many units take about so many seconds."""
        n = 1
        while (taken := self.run(n)) < seconds / 4:
            n = max(2 * n, min(20 * n, int(n * seconds / max(taken, 1e-9) / 2)))
        return max(1, round(n * seconds / taken))

    def close(self):
        """End the process."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.listener.join(5)


def race(results, seconds, repeats, say):
    """Fill in rates, infos and problems of the results, one worker each."""
    runners = []
    try:
        for result in results:
            _enter(result, seconds, runners, say)
        for number in range(repeats):
            first = number % max(1, len(runners))
            for result, worker, n in runners[first:] + runners[:first]:
                if not result.error:
                    time.sleep(PAUSE)
                    with reporting(result):
                        result.rates.append(n * result.info["units"] / worker.run(n))
            say(f"round {number + 1} of {repeats}")
    finally:
        for _, worker, _ in runners:
            worker.close()


class reporting:
    """A context in which a worker's failure becomes its result's problem."""

    def __init__(self, result):
        self.result = result

    def __enter__(self):
        return self

    def __exit__(self, kind, failure, trace):
        if isinstance(failure, WorkerError):
            self.result.error = f"failed: {failure}"[:200].replace("|", "/")
            return True
        return False


def _enter(result, seconds, runners, say):
    missing = IMPLEMENTATIONS[result.implementation].missing_packages()
    if missing:
        result.error = f"not installed: {', '.join(missing)}"
        return
    say(f"{result.label} sets up")
    worker = Worker(result.implementation, result.config)
    n = 1
    with reporting(result):
        result.info = worker.answer()
        n = worker.calibrate(seconds)
    runners.append((result, worker, n))
