# SPDX-License-Identifier: MIT
"""The command line in tests: how it is run, what it left."""

import os
import sys

import pytest

from gru_ext.cli.main import main

COMMAND = [sys.executable, "-m", "gru_ext"]
SMALL = ["--hidden-size", "8", "--max-steps", "12"]
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals, pipes and terminals of POSIX")


def run(*arguments):
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return stop.code


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
