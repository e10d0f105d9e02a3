# SPDX-License-Identifier: MIT
"""The peak of the processor: fused multiply-adds in registers (bench/fma_peak.c)."""

from concurrent.futures import ThreadPoolExecutor

from bench.extensions import build
from gru_ext.core import kernels

SHORT = 1e-3  # seconds: so short that some runs are not interrupted


def multiply_add(config):
    """One unit is a short run of the loop on each thread; a round has the time of its best runs."""
    loops = build("fma_peak", extra_compile_args=["-O3", "-ffp-contract=fast"])
    kind, steps = (kernels.active_isa(), config.dtype), 1000
    while loops.time_steps(*kind, steps)[0] < SHORT:
        steps *= 2
    _, flops = loops.time_steps(*kind, steps)

    def best(count):
        return min(loops.time_steps(*kind, steps)[0] for _ in range(count))

    def run(count):
        with ThreadPoolExecutor(config.threads) as pool:
            times = list(pool.map(best, [count] * config.threads))
        return count * config.threads / sum(1 / seconds for seconds in times)

    return run, {"units": 1, "flops": config.threads * flops}
