# SPDX-License-Identifier: MIT
"""Complete processes: the run of the notebook, and imports."""

import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import workload
from bench.implementations.notebook import NOTEBOOK_MODULE

NOTEBOOK_RUN = f"""
import sys
sys.path.insert(0, {str(NOTEBOOK_MODULE.parent)!r})
import notebook, numpy
with open("input.txt") as file:
    text = file.read()
output, weights = notebook.run(text)
print(output, end="")
with open("gru_weights.data", "wb") as file:
    numpy.savez(file, **weights)
"""
TIMED_IMPORT = """
import time
start = time.perf_counter()
{}
print(time.perf_counter() - start)
"""


def _training_command(*arguments):
    # One unit is one process. Its folder contains only input.txt.
    def run_once():
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "input.txt").write_text(workload.PATTERN)
            start = time.perf_counter()
            done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True)
            seconds = time.perf_counter() - start
        if done.returncode:
            sys.exit(done.stderr.decode(errors="replace"))
        return seconds, done.stdout

    def run(n):
        return sum(run_once()[0] for _ in range(n))

    return run, {"units": 1, "output": hashlib.sha256(run_once()[1]).hexdigest()}


def gru_ext(config):
    """The command gru-ext train --classic."""
    return _training_command("-m", "gru_ext", "train", "input.txt", "--classic")


def numpy(config):
    """The arithmetic of tests/notebook.py, with the output and the file of the notebook."""
    return _training_command("-c", NOTEBOOK_RUN)


def notebook(config):
    """The original NumPy script."""
    return _training_command(config.notebook)


def _import_command(statement):
    # One unit is one process; only the import is timed.
    command = [sys.executable, "-c", TIMED_IMPORT.format(statement)]

    def run(n):
        return sum(float(subprocess.check_output(command)) for _ in range(n))

    run(1)
    return run, {"units": 1}


def import_numpy(config):
    """NumPy only, for comparison."""
    return _import_command("import numpy")


def import_package(config):
    """The package only."""
    return _import_command("import gru_ext")


def import_cli(config):
    """The package and its command line."""
    return _import_command("import gru_ext, gru_ext.cli.main")


def import_model(config):
    """The package with two of its lazily imported names, which import NumPy and gru_ext.core."""
    return _import_command("from gru_ext import Model, Trainer")
