# SPDX-License-Identifier: MIT
"""Whole processes: the notebook's config from start to end, and imports."""

import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import workload
from bench.implementations.notebook import ARITHMETIC

AS_A_PROCESS = f"""
import sys
sys.path.insert(0, {str(ARITHMETIC.parent)!r})
import notebook, numpy
with open("input.txt") as file:
    text = file.read()
printed, weights = notebook.run(text)
print(printed, end="")
with open("gru_weights.data", "wb") as file:
    numpy.savez(file, **weights)
"""
TIMED_IMPORT = """
import time
began = time.perf_counter()
{}
print(time.perf_counter() - began)
"""


def _trainer(*command):
    # A unit is one process, with an empty folder but for input.txt.
    def once():
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "input.txt").write_text(workload.PATTERN)
            began = time.perf_counter()
            done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True)
            seconds = time.perf_counter() - began
        if done.returncode:
            sys.exit(done.stderr.decode(errors="replace"))
        return seconds, done.stdout

    def run(n):
        return sum(once()[0] for _ in range(n))

    return run, {"units": 1, "printed": hashlib.sha256(once()[1]).hexdigest()}


def ours(config):
    """The command."""
    return _trainer("-m", "gru_ext", "train", "input.txt", "--classic")


def numpy(config):
    """tests/notebook.py, printing and saving as the notebook does."""
    return _trainer("-c", AS_A_PROCESS)


def original(config):
    """The notebook itself, as a script."""
    return _trainer(config.notebook)


def _importer(what):
    # A unit is one process; the seconds are those of the import alone.
    command = [sys.executable, "-c", TIMED_IMPORT.format(what)]

    def run(n):
        return sum(float(subprocess.check_output(command)) for _ in range(n))

    run(1)
    return run, {"units": 1}


def import_numpy(config):
    """What any user of NumPy pays."""
    return _importer("import numpy")


def import_package(config):
    """The package."""
    return _importer("import gru_ext")


def import_cli(config):
    """The package and its command line."""
    return _importer("import gru_ext, gru_ext.cli.main")


def import_model(config):
    """The package, once its lazy names are used: NumPy and the core with it."""
    return _importer("from gru_ext import Model, Trainer")
