# SPDX-License-Identifier: MIT
"""How much memory this process may use: the machine's, and the limits of its cgroup (Linux)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gru_ext.core.cgroups import groups_of

MEMINFO = "/proc/meminfo"
# For each version: the limit, what is used, and what of this is a cache that can be given back.
_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


class Memory(NamedTuple):
    """Bytes of memory: all that the process may ever use, and what is free of it now."""

    limit: int
    available: int


def process_memory() -> Memory | None:
    """The memory of this process; None where the system does not say.

    It is the smallest of the machine's memory with its swap space and the limits of the process's
    own cgroup and of those above it, in version 1 or 2.
    """
    try:
        found = [_machine(), *_limits()]
    except (OSError, ValueError, KeyError):
        return None
    return Memory(min(m.limit for m in found), min(m.available for m in found))


def _fields(text: str) -> dict[str, int]:
    """The numbers of a file of lines that begin with a name."""
    lines = (line.replace(":", " ").split() for line in text.splitlines())
    return {line[0]: int(line[1]) for line in lines if len(line) > 1}


def _machine() -> Memory:
    with open(MEMINFO) as file:
        kib = _fields(file.read())
    swap = kib.get("SwapTotal", 0), kib.get("SwapFree", 0)
    return Memory(1024 * (kib["MemTotal"] + swap[0]), 1024 * (kib["MemAvailable"] + swap[1]))


def _limits() -> Iterator[Memory]:
    """Each limit from the process's own cgroup upwards."""
    for group in groups_of("memory"):
        limit, usage, cache = _FILES[group.version]
        try:
            most, used = int(group.read(limit)), int(group.read(usage))
            used -= _fields(group.read("memory.stat")).get(cache, 0)
        except ValueError:
            continue  # there is no such file, or no limit ("max")
        yield Memory(most, max(0, most - used))
