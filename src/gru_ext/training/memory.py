# SPDX-License-Identifier: MIT
"""The memory that a run needs, compared with what the process may use before the run begins.

A process that takes more than its cgroup or machine has is killed without a message.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gru_ext.training.optimizers import OPTIMIZERS
from gru_ext.training.options import TrainingOptions

_logger = logging.getLogger("gru_ext")


class Memory(NamedTuple):
    """Bytes: all that a process may ever use, and those that are free now."""

    total: int
    free: int


def check_memory(needed: int, root: Path = Path("/")) -> None:
    """Refuse a run that needs more memory than there is; warn of one that needs more than is free.

    Parameters
    ----------
    needed : int
        The bytes that the run needs at least.
    root : Path
        The folder in which the system describes itself.

    Raises
    ------
    MemoryError
        The run needs more than there is.
    """
    here = available(root)
    if here is None:
        return
    if needed > here.total:
        raise MemoryError(
            f"training needs at least {_shown(needed)}, and this process may use "
            f"{_shown(here.total)}: choose a smaller `hidden_size`, `batch_size` or `seq_length`, "
            f"or fewer characters with `min_count`"
        )
    if needed > here.free:
        _logger.warning(
            "training needs at least %s of memory, and %s are free: it may be slow, or be killed",
            _shown(needed),
            _shown(here.free),
        )


def needed_bytes(options: TrainingOptions, vocabulary_size: int, resetting: bool) -> int:
    """The bytes of the arrays of a run: parameters, their copies, and activations."""
    # imported here: the original script does without
    from gru_ext.core.threads import default_threads
    from gru_ext.core.windows import Workspace
    from gru_ext.model.parameters import shapes

    V, H, B, T = vocabulary_size, options.hidden_size, options.batch_size, options.seq_length
    size = np.dtype(options.dtype).itemsize
    parameters = size * sum(math.prod(shape) for shape in shapes(V, H, options.layers).values())
    threads = min(options.threads or default_threads(B), B)
    try:  # only addresses are reserved: memory is taken when it is first written to
        activations = Workspace(
            V,
            H,
            B,
            T,
            options.dtype,
            threads=threads,
            resetting=resetting,
            layers=options.layers,
            dropping=options.dropout > 0,
        ).nbytes
    except MemoryError:  # too many even for that: the hidden states and probabilities alone
        activations = B * T * (options.layers * H + V) * size
    state = 3 if OPTIMIZERS[options.optimizer].has_mean else 2  # weights and moments
    # beside the state and its copy for a roll back: the gradient, and the best weights
    copies = 2 * state + 1 + options.keeps_best
    return copies * parameters + activations


def available(root: Path = Path("/")) -> Memory | None:
    """The memory of the machine or, where that is less, of the process's cgroup.

    None where the system does not say.
    """
    found = list(_limits(root))
    if not found:
        return None
    return Memory(min(m.total for m in found), max(0, min(m.free for m in found)))


def _limits(root: Path) -> Iterator[Memory]:
    about = {}
    for line in _lines(root / "proc/meminfo"):
        name, _, value = line.partition(":")
        number = value.split()[:1]
        if number and number[0].isdecimal():
            about[name] = int(number[0]) * 1024
    if {"MemTotal", "MemAvailable"} <= about.keys():
        swap = about.get("SwapTotal", 0), about.get("SwapFree", 0)
        yield Memory(about["MemTotal"] + swap[0], about["MemAvailable"] + swap[1])
    for line in _lines(root / "proc/self/cgroup"):
        parts = line.split(":", 2)
        if len(parts) < 3:
            continue
        _, controllers, path = parts
        if not controllers:
            folder, names = root / "sys/fs/cgroup", ("memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            folder = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        # a limit of any folder above holds too; in a container the path may be the host's
        own = folder / path.lstrip("/")
        for group in (own, *own.parents):
            if group == folder or folder in group.parents:
                yield from _limit(group, *names)


def _limit(group: Path, limit: str, usage: str) -> Iterator[Memory]:
    total, used = _number(group / limit), _number(group / usage)
    if total is None:
        return
    cache = 0  # the system takes it back when it is needed
    for line in _lines(group / "memory.stat"):
        name, _, value = line.partition(" ")
        if name == "inactive_file" and value.isdecimal():
            cache = int(value)
    yield Memory(total, total - max(0, (used or 0) - cache))


def _number(path: Path) -> int | None:
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].isdecimal() else None


def _lines(path: Path) -> list[str]:
    try:
        return os.fsdecode(path.read_bytes()).splitlines()
    except OSError:
        return []


def _shown(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"
