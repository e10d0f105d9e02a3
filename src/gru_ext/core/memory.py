# SPDX-License-Identifier: MIT
"""How much memory this process may use: the machine's, and the limits of its cgroup (Linux)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_V2, _V1 = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory")


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
        found = [_machine(), *_cgroups()]
    except (OSError, ValueError, KeyError):
        return None
    return Memory(min(m.limit for m in found), min(m.available for m in found))


def _fields(path: Path) -> dict[str, int]:
    """The numbers of a file of lines that begin with a name."""
    lines = (line.replace(":", " ").split() for line in path.read_text().splitlines())
    return {line[0]: int(line[1]) for line in lines if len(line) > 1}


def _machine() -> Memory:
    kib = _fields(Path("/proc/meminfo"))
    swap = kib.get("SwapTotal", 0), kib.get("SwapFree", 0)
    return Memory(1024 * (kib["MemTotal"] + swap[0]), 1024 * (kib["MemAvailable"] + swap[1]))


def _cgroups() -> Iterator[Memory]:
    """Each limit from the process's own cgroup upwards."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            names = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
            root = _V1
        elif controllers == "":
            names, root = ("memory.max", "memory.current", "inactive_file"), _V2
        else:
            continue
        own = root / path.lstrip("/")
        # a container may see its own cgroup as the root, so that the path leads nowhere
        for folder in (own, *own.parents):
            if root in (folder, *folder.parents):
                yield from _limit(folder, *names)


def _limit(folder: Path, limit: str, usage: str, cache: str) -> Iterator[Memory]:
    try:
        most = int((folder / limit).read_text())
        used = int((folder / usage).read_text()) - _fields(folder / "memory.stat").get(cache, 0)
    except (OSError, ValueError):
        return  # there is no such file, or no limit ("max")
    yield Memory(most, max(0, most - used))
