# SPDX-License-Identifier: MIT
"""How many threads a run should take."""

from __future__ import annotations

import os

# Fewer streams a thread, and the threads wait for one another longer than they compute.
_STREAMS_PER_THREAD = 4


def available_cpus() -> int:
    """Processors this process may use: its affinity and its cgroup's limit are honoured."""
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
    """Threads for so many streams: no more than help."""
    return max(1, min(available_cpus(), batch_size // _STREAMS_PER_THREAD))
