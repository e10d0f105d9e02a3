# SPDX-License-Identifier: MIT
"""The default number of threads of a training run."""

from __future__ import annotations

import os

# With fewer streams per thread, the threads wait for each other longer than they compute.
_STREAMS_PER_THREAD = 4


def available_cpus() -> int:
    """The number of processors this process may use, by its affinity and its cgroup's limit."""
    cpus = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cpus = len(os.sched_getaffinity(0))
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()[:2]
        cpus = min(cpus, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass  # no cgroup, or no limit ("max")
    return cpus


def default_threads(batch_size: int) -> int:
    """The default number of threads for this batch size."""
    return max(1, min(available_cpus(), batch_size // _STREAMS_PER_THREAD))
