# SPDX-License-Identifier: MIT
"""The control groups of this process (Linux), whose limits hold for it: its own, and those around.

A limit of a group holds for all groups in it, so that whoever looks for a limit walks from the
process's own group up to the root and takes the smallest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

LISTED = "/proc/self/cgroup"
MOUNTED = "/sys/fs/cgroup"


class Group(NamedTuple):
    """A control group: its folder, and which version's files are there, 1 or 2."""

    folder: str
    version: int

    def read(self, name: str) -> str:
        """What a file of the group says; nothing where there is no such file."""
        try:
            with open(os.path.join(self.folder, name)) as file:
                return file.read().strip()
        except (OSError, ValueError):
            return ""


def groups_of(controller: str) -> Iterator[Group]:
    """The groups in which a controller may limit this process, each from its own to the root's.

    There is one such path in version 2, and one in version 1 where the controller is mounted there.
    A container may see its own group as the root: the folders below it are then missing, and read
    as if they set no limit.
    """
    try:
        with open(LISTED) as file:
            lines = file.read().splitlines()
    except (OSError, ValueError):
        lines = ["0::/"]  # version 2 without its list: the root at least
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:
            mounts, version = ["", "unified"], 2  # "unified" where version 1 is mounted too
        elif controller in controllers.split(","):
            mounts, version = _mounts(controller), 1
        else:
            continue
        for mount in mounts:
            for folder in _upwards(os.path.join(MOUNTED, mount), path):
                yield Group(folder, version)


def _mounts(controller: str) -> list[str]:
    """Where version 1 has a controller, alone or with others: ``cpu`` or ``cpu,cpuacct``."""
    try:
        return sorted(name for name in os.listdir(MOUNTED) if controller in name.split(","))
    except OSError:
        return []


def _upwards(mount: str, path: str) -> Iterator[str]:
    """The folder of a group, that of the group around it, and so on up to the root's."""
    parts = [part for part in path.split("/") if part]
    if ".." in parts:  # a group outside what is mounted here
        parts = []
    for n in range(len(parts), -1, -1):
        yield os.path.join(mount, *parts[:n])
