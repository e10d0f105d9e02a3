# SPDX-License-Identifier: MIT
"""What a call of the C interface costs beside the same step from Python: python -m bench.calls."""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from setuptools import Distribution, Extension

import gru_ext
from bench.machine import allowed_cpus, pin
from gru_ext.core.windows import Workspace, forward_window, sample_streams

SIZES = (1, 32, 128, 512)
ROUNDS = 15


def build():
    """The module of calls.c, compiled into a temporary folder."""
    folder = tempfile.mkdtemp()
    source = str(Path(__file__).with_name("c_interface_calls.c"))
    extension = Extension("gru_ext_calls", [source], include_dirs=[gru_ext.get_include()])
    command = Distribution({"ext_modules": [extension]}).get_command_obj("build_ext")
    command.build_lib = command.build_temp = folder
    command.ensure_finalized()
    command.run()
    sys.path.insert(0, folder)
    import gru_ext_calls

    return gru_ext_calls


def from_python(model, n):
    """Seconds for n steps with the next symbol's cost, and n draws, each a call of its own."""
    flat = model.parameters.flat
    sizes = (model.parameters.vocabulary_size, model.parameters.hidden_size, 1, 1)
    workspace = Workspace(*sizes, training=False)
    symbols, uniforms = np.zeros((1, 1), np.int32), np.full((1, 1), 0.5)
    began = time.perf_counter()
    for _ in range(n):
        forward_window(flat, symbols, symbols, workspace)
    middle = time.perf_counter()
    for _ in range(n):
        sample_streams(flat, symbols[0], uniforms, workspace)
    return middle - began, time.perf_counter() - middle


def main():
    """Print a table of microseconds a call, medians over rounds that alternate."""
    calls = build()
    pin(allowed_cpus()[:1])
    vocabulary = gru_ext.Vocabulary("".join(map(chr, range(32, 97))))
    print("| H | step | cost | draw | step and cost from Python | step and draw from Python |")
    print("|---:|---:|---:|---:|---:|---:|")
    for H in SIZES:
        model = gru_ext.Model.create(vocabulary, H)
        n = 20_000 if H < 512 else 2_000
        rows = [
            [t / n for t in calls.time_calls(model, n)]
            + [t / (n // 10) for t in from_python(model, n // 10)]
            for _ in range(ROUNDS)
        ]
        cells = (f"{1e6 * statistics.median(column):.2f}" for column in zip(*rows, strict=True))
        print(f"| {H} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
