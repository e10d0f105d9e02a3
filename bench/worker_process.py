# SPDX-License-Identifier: MIT
"""The parent's side of a worker: a process that runs one implementation (bench.worker)."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from bench.machine import allowed_cpus, thread_environment
from bench.registry import IMPLEMENTATIONS

ROOT = Path(__file__).parents[1]
TIMEOUT = 600.0


class WorkerError(Exception):
    """A worker process ended or did not reply in time."""


def worker_environment(name, threads):
    """Environment variables of an implementation's worker, with absolute paths in PYTHONPATH."""
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return (
        os.environ
        | thread_environment(threads)
        | IMPLEMENTATIONS[name].environment
        | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, paths))}
    )


class WorkerProcess:
    """A process that sets up one implementation and runs it on request.

    Parameters
    ----------
    name : str
        A key of IMPLEMENTATIONS.
    config : dict
        Sizes and options; the worker is pinned to ``config["threads"]`` CPUs.
    timeout : float
        Seconds after which a worker that has not replied is killed.
    """

    def __init__(self, name, config, timeout=TIMEOUT):
        self.timeout = timeout
        config = config | {"cpus": allowed_cpus()[: config["threads"]]}
        self.last_error_line = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.worker", name, json.dumps(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=worker_environment(name, config["threads"]),
        )
        self.stderr_reader = threading.Thread(target=self._read_stderr, daemon=True)
        self.stderr_reader.start()

    def _read_stderr(self):
        # The last line of standard error says why a worker failed.
        for line in self.process.stderr:
            self.last_error_line = line.strip() or self.last_error_line

    def read_reply(self):
        """The next line of the worker's output, decoded from JSON."""
        timer = threading.Timer(self.timeout, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            status = self.process.wait()
            self.stderr_reader.join(5)
            raise WorkerError(self.last_error_line or f"exited with status {status}")
        return json.loads(line)

    def run(self, n):
        """Run n units; returns the worker's reply, a dict with ``seconds``."""
        # If the worker has exited, the write fails, and read_reply raises the error.
        with contextlib.suppress(OSError):
            self.process.stdin.write(f"{n}\n")
            self.process.stdin.flush()
        return self.read_reply()

    def calibrate(self, seconds):
        """The number of units that take about so many seconds."""
        n = 1
        while (elapsed := self.run(n)["seconds"]) < seconds / 4:
            n = max(2 * n, min(20 * n, int(n * seconds / max(elapsed, 1e-9) / 2)))
        return max(1, round(n * seconds / elapsed))

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
        self.stderr_reader.join(5)
