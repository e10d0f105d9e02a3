# SPDX-License-Identifier: MIT
"""Time of single calls of the C interface, compared with the same step called from Python."""

import statistics
import time

import numpy as np

import gru_ext
from bench.extensions import build
from bench.machine import allowed_cpus, pin
from gru_ext.core.sampler import Sampler
from gru_ext.core.sampling_loop import sample_symbols

HIDDEN_SIZES = (1, 32, 128, 512)
ROUNDS = 15


def time_python_calls(model, n):
    """Seconds of n steps with the cost of the next symbol, and of n steps with a drawn symbol."""
    stream, character = model.stream(), model.vocabulary.characters[0]
    stream.feed(character)
    sampler = Sampler(stream.vocabulary_size, 1, stream.dtype)
    uniforms = np.full((1, 1), 0.5)
    start = time.perf_counter()
    for _ in range(n):
        stream.feed(character)
    middle = time.perf_counter()
    for _ in range(n):
        sample_symbols(stream, sampler, uniforms)
    return middle - start, time.perf_counter() - middle


def main():
    """Print a table of microseconds per call, medians over rounds."""
    extension = build("gru_ext_calls", include_dirs=[gru_ext.get_include()])
    pin(allowed_cpus()[:1])
    vocabulary = gru_ext.Vocabulary("".join(map(chr, range(32, 97))))
    print("| H | step | cost | draw | step and cost from Python | step and draw from Python |")
    print("|---:|---:|---:|---:|---:|---:|")
    for H in HIDDEN_SIZES:
        model = gru_ext.Model.create(vocabulary, H)
        n = 20_000 if H < 512 else 2_000
        rounds = [
            [t / n for t in extension.time_calls(model, n)]
            + [t / (n // 10) for t in time_python_calls(model, n // 10)]
            for _ in range(ROUNDS)
        ]
        cells = (f"{1e6 * statistics.median(column):.2f}" for column in zip(*rounds, strict=True))
        print(f"| {H} | {' | '.join(cells)} |")
