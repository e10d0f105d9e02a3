# SPDX-License-Identifier: MIT
"""What is compiled and run in a process of its own, with the installed package."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

needs_compiler = pytest.mark.skipif(
    not (find_spec("Cython") and find_spec("setuptools") and shutil.which("cc")),
    reason="needs Cython, setuptools and a C compiler",
)


WARNINGS = ("-Wall", "-Wextra", "-Werror")


def run(folder, *command, **options):
    """Run a command in a folder; returns what it prints. For C compilers, warnings are errors."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment["CFLAGS"] = " ".join([os.environ.get("CFLAGS", ""), *WARNINGS])
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(folder, *arguments, **options):
    return run(folder, sys.executable, *arguments, **options)


def built(folder, example):
    """Build a copy of an example in a folder, and return where it is."""
    shutil.copytree(EXAMPLES / example, folder / example)
    python(folder / example, "setup.py", "-q", "build_ext", "--inplace")
    return folder / example
