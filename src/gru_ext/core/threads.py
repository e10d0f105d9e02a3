# SPDX-License-Identifier: MIT
"""The default number of threads of a training run."""

from __future__ import annotations

import os
from collections.abc import Iterator

# With fewer streams per thread, the threads wait for each other longer than they compute.
_STREAMS_PER_THREAD = 4


def available_cpus() -> int:
    """The number of processors this process may use, by its affinity and its cgroups' limits.

    A limit of one and a half processors counts as one: two threads that wait for each other would
    spend it waiting.
    """
    cpus = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cpus = len(os.sched_getaffinity(0))
    return max(1, min([cpus, *map(int, cgroup_limits())]))


def cgroup_limits(groups: str = "/proc/self/cgroup", mount: str = "/sys/fs/cgroup") -> list[float]:
    """The processors that each of the process's control groups allows: its own, up to the root.

    Parameters
    ----------
    groups : str
        The file that lists the process's groups.
    mount : str
        The folder in which the groups are mounted: version 2, version 1, or both.
    """
    try:
        with open(groups) as file:
            lines = file.read().splitlines()
    except (OSError, ValueError):
        lines = ["0::/"]  # version 2 without its list: the root at least
    limits = []
    for line in lines:
        _, controllers, group = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        names = [controllers, "cpu", "cpu,cpuacct"] if controllers else ["", "unified"]
        for folder in dict.fromkeys(os.path.join(mount, name) for name in names):
            for path in _upwards(folder, group):
                limit = _limit_v1(path) if controllers else _limit_v2(path)
                if limit is not None:
                    limits.append(limit)
    return limits


def _upwards(folder: str, group: str) -> Iterator[str]:
    """The folder of a group, that of the group around it, and so on up to the root's."""
    parts = [part for part in group.split("/") if part]
    if ".." in parts:  # a group outside what is mounted here
        parts = []
    for n in range(len(parts), -1, -1):
        yield os.path.join(folder, *parts[:n])


def _limit_v2(path: str) -> float | None:
    quota, _, period = _read(path, "cpu.max").partition(" ")
    return _ratio(quota, period)


def _limit_v1(path: str) -> float | None:
    return _ratio(_read(path, "cpu.cfs_quota_us"), _read(path, "cpu.cfs_period_us"))


def _read(path: str, name: str) -> str:
    try:
        with open(os.path.join(path, name)) as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""


def _ratio(quota: str, period: str) -> float | None:
    """The processors of a quota; None where there is none ("max", -1)."""
    try:
        processors = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        return None
    return processors if processors > 0 else None


def default_threads(batch_size: int) -> int:
    """The default number of threads for this batch size."""
    return max(1, min(available_cpus(), batch_size // _STREAMS_PER_THREAD))
