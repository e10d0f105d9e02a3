# SPDX-License-Identifier: MIT
"""The peak: NumPy's product of two square matrices."""

import numpy as np

SIZES = {"float32": 2048, "float64": 1536}


def multiply(config):
    """One unit is one product, 2 n^3 floating-point operations."""
    n = SIZES[config.dtype]
    random = np.random.default_rng(0)
    a, b = (random.random((n, n)).astype(config.dtype) for _ in range(2))
    out = np.empty_like(a)

    def run(count):
        for _ in range(count):
            np.matmul(a, b, out=out)

    run(1)
    return run, {"units": 1, "flops": 2 * n**3}
