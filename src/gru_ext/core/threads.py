# SPDX-License-Identifier: MIT
"""The default number of threads, and the processors from which it follows."""

from __future__ import annotations

import os

from gru_ext.core.cgroups import Group, groups_of

VARIABLE = "GRU_EXT_NUM_THREADS"
_WORTH = 1.1  # more threads are used for at least a tenth more speed
# Several threads are used from these estimated gains in speed: what is not in the estimate is done
# by one thread, or costs a barrier (docs/explanation/design/threads.md).
READING, SAMPLING = 1.3, 1.6
_FEWEST_UNITS = 16  # of a thread that shares streams with others: a cache line in float32


def available_cpus() -> int:
    """The number of processors this process may use, by its affinity and its cgroups' quotas.

    A quota of one and a half processors counts as one: two threads that wait for each other would
    spend it waiting.
    """
    cpus = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cpus = len(os.sched_getaffinity(0))
    quota = cpu_quota()
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def cpu_quota() -> float | None:
    """The processors that the process's cgroups allow, which need not be whole; None without limit.

    It is the smallest quota of the process's own cgroup and of those around it, in version 1 or 2.
    """
    return min(filter(None, map(_quota, groups_of("cpu"))), default=None)


def _quota(group: Group) -> float | None:
    """The processors of a group's quota; None where there is none ("max", -1)."""
    if group.version == 2:
        quota, _, period = group.read("cpu.max").partition(" ")
    else:
        quota, period = group.read("cpu.cfs_quota_us"), group.read("cpu.cfs_period_us")
    try:
        processors = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        return None
    return processors if processors > 0 else None


def threads_of_environment() -> int | None:
    """What the environment variable GRU_EXT_NUM_THREADS says; None where it is not set, or empty.

    Raises
    ------
    ValueError
        It is not a whole number of 1 or more.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise ValueError(
            f"the environment variable {VARIABLE} must be a whole number, 1 or more, not "
            f"{text[:40]!a}"
        )
    return int(text)


def usable_threads() -> int:
    """The threads that may run at the same time: those of the environment, or of the processors."""
    return threads_of_environment() or available_cpus()


def default_threads(batch_size: int, hidden_size: int, itemsize: int = 4) -> int:
    """The default number of threads of a run: that of the environment, or what helps.

    Parameters
    ----------
    batch_size, hidden_size : int
        B and H.
    itemsize : int
        The bytes of a weight: 4 (float32) or 8 (float64).
    """
    threads = threads_of_environment()
    return threads or helpful_threads(batch_size, hidden_size, itemsize, available_cpus())


def helpful_threads(
    batch_size: int, hidden_size: int, itemsize: int, most: int, gain: float = _WORTH
) -> int:
    """The number of threads, up to `most`, of which each makes a time step faster.

    ``itemsize`` are the bytes of a weight: 1 (int8), 2 (bfloat16), 4 or 8. It is 1 where the
    estimated gain in speed is less than ``gain``.
    """
    from gru_ext.core.training_loop import step_time

    counts = range(1, most + 1)
    times = [step_time(hidden_size, batch_size, itemsize, threads) for threads in counts]
    if times[0] < gain * min(times):
        return 1
    return next(n for n, time in zip(counts, times, strict=True) if time <= _WORTH * min(times))


def most_threads(batch_size: int, hidden_size: int) -> int:
    """The largest number of threads that can have a part of a time step."""
    return batch_size * max(1, hidden_size // _FEWEST_UNITS)
