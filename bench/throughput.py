# SPDX-License-Identifier: MIT
"""How many characters a second does training learn from? python bench/throughput.py"""

import statistics
import time

import numpy as np

from gru_ext import Model, Trainer, Vocabulary, kernels

SIZES = ((128, 1, 25), (256, 32, 64))

if __name__ == "__main__":
    print(kernels.active_isa(), kernels.compiler())
    vocabulary = Vocabulary("".join(map(chr, range(32, 97))))
    symbols = np.random.default_rng(0).integers(65, size=300_000, dtype=np.uint8)
    for H, B, T in SIZES:
        model = Model.create(vocabulary, H)
        trainer = Trainer(model, symbols, seq_length=T, batch_size=B, learning_rate=0.01)
        steps = max(2, 20_000 // (T * B))
        speeds = []
        for _ in range(5):
            began = time.perf_counter()
            trainer.advance(steps)
            speeds.append(steps * T * B / (time.perf_counter() - began))
        print(f"H={H} B={B} T={T}: {statistics.median(speeds):,.0f} characters a second")
