# SPDX-License-Identifier: MIT
"""Compression and decompression of bytes in memory."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from tqdm import tqdm

import gru_ext
from gru_compress._group import Group, update
from gru_compress._network import Network, instruction_sets
from gru_compress.container import Container, ContainerError, unpack
from gru_compress.plan import LEARNING_RATE_GIVEN, Plan, choose_plan
from gru_compress.weights import Given, first_weights

MEMORY_LIMIT = 1 << 30
"""Bytes that coding may take, by default."""
DECAY = 0.005
"""Of the learning rate: that of step k, from 0, is divided by sqrt(1 + DECAY * k)."""


def compress(
    data: bytes,
    model: Given | None = None,
    *,
    threads: int | None = None,
    isa: str | None = None,
    memory_limit: int = MEMORY_LIMIT,
    progress: bool = False,
    **given: float | None,
) -> bytes:
    """Compress bytes.

    Parameters
    ----------
    data : bytes
        Anything.
    model : Given, optional
        The model to begin with. By default the network begins with random weights.
    threads : int, optional
        The result does not depend on it. By default, as many as this process may use.
    isa : str, optional
        The instruction set; by default the best one.
    memory_limit : int
        Bytes that this may take.
    progress : bool
        Whether to show the progress on the standard error stream, if it is a terminal.
    **given
        ``hidden_size``, ``layers``, ``streams``, ``groups``, ``window``, ``learning_rate`` of the
        plan.

    Returns
    -------
    bytes
        A container.

    Raises
    ------
    ValueError
        An option is out of range, or more memory than the limit is needed.
    """
    alphabet = b"" if model else bytes(sorted(set(data)) or [0])
    points = model.points if model else list(alphabet)
    if model:
        for name in ("hidden_size", "layers"):
            if given.get(name) is not None:
                raise ValueError(f"`{name}` must not be given with a model, which has its own")
        given |= {"hidden_size": model.hidden_size, "layers": model.layers}
        if given.get("learning_rate") is None:
            given["learning_rate"] = LEARNING_RATE_GIVEN
    plan = choose_plan(len(data), len(points), **given)
    plan = replace(plan, learning_rate=float(np.float32(plan.learning_rate)))
    _check_memory(plan, memory_limit)
    coder = _Coder(plan, points, model, isa or instruction_sets()[0], threads)
    fingerprint, codes = coder.fingerprint(), coder.code(bytearray(data), None, progress)
    identity = model.identity if model else bytes(8)
    made = Container(plan, bool(model), identity, alphabet, zlib.crc32(data), fingerprint, codes)
    return made.pack()


def decompress(
    data: bytes,
    model: Given | None = None,
    *,
    threads: int | None = None,
    memory_limit: int = MEMORY_LIMIT,
    progress: bool = False,
) -> bytes:
    """Decompress a container.

    Where the best instruction set of this machine does not compute as the one that wrote it, the
    others are tried.

    Parameters
    ----------
    data : bytes
        The container.
    model, threads, memory_limit, progress
        As for :func:`compress`.

    Raises
    ------
    ContainerError
        It is damaged, needs another model, more memory or another machine.
    """
    found = unpack(data, len(model.points) if model else None)
    plan = found.plan
    if found.with_model != bool(model):
        raise ContainerError(
            "needs the model it was written with"
            if found.with_model
            else "was written without a model"
        )
    if model:
        if found.model != model.identity:
            raise ContainerError("was written with another model than the one that is given")
        if (plan.hidden_size, plan.layers) != (model.hidden_size, model.layers):
            raise ContainerError("is damaged: its sizes are not those of the model")
    try:
        _check_memory(plan, memory_limit)
    except ValueError as error:
        raise ContainerError(str(error)) from None
    points = model.points if model else list(found.alphabet)
    for isa in instruction_sets():
        coder = _Coder(plan, points, model, isa, threads)
        if coder.fingerprint() == found.fingerprint:
            break
    else:
        raise ContainerError(
            "was written where a processor or compiler rounds in another way than any instruction "
            "set here: decompress it there"
        )
    result = bytearray(plan.size)
    coder.code(result, found.codes, progress)
    if zlib.crc32(result) != found.checksum:
        raise ContainerError(
            "is damaged, or was written where numbers are rounded in another way: the checksum "
            "of its data is another"
        )
    return bytes(result)


class _Coder:
    """A plan, with the weights to begin with."""

    def __init__(
        self,
        plan: Plan,
        points: list[int],
        model: Given | None,
        isa: str,
        threads: int | None,
    ) -> None:
        self.plan, self.points, self.isa = plan, points, isa
        self.threads = min(threads or usable_processors(), plan.groups)
        self.weights: Callable[[], gru_ext.Parameters] = (
            model.weights
            if model
            else lambda: first_weights(plan.vocabulary, plan.hidden_size, plan.layers)
        )

    def code(
        self, data: bytearray, codes: list[bytes] | None, progress: bool = False
    ) -> list[bytes]:
        """Encode data, or decode codes into data; returns what was encoded."""
        _, groups = self._run(self.plan, data, codes, progress)
        return [group.finish() for group in groups] if codes is None else []

    def fingerprint(self) -> int:
        """CRC-32 of what the network makes of a fixed text, four windows of each stream.

        Of the code, the weights and the states: a difference in the last bit is seen.
        """
        known = np.array([point for point in self.points if point >= 0], np.uint8)
        at = np.arange(4 * self.plan.window * self.plan.streams, dtype=np.uint64)
        text = bytearray(known[(at * at * 40503 >> 7) % known.size])
        plan = replace(self.plan, size=len(text))
        weights, groups = self._run(plan, text, None, False)
        found = zlib.crc32(weights.flat)
        for group in groups:
            found = zlib.crc32(group.finish(), zlib.crc32(group.state, found))
        return found

    def _run(
        self, plan: Plan, data: bytearray, codes: list[bytes] | None, progress: bool
    ) -> tuple[gru_ext.Parameters, list[Group]]:
        weights = self.weights()
        network = Network(weights, self.points, plan, self.isa)
        groups = [
            Group(network, plan, part.start, len(part), None if codes is None else codes[i])
            for i, part in enumerate(plan.parts)
        ]
        windows = range(0, plan.length, plan.window)
        with ThreadPoolExecutor(self.threads) as pool:
            for step, begin in enumerate(
                tqdm(windows, unit="window", leave=False, disable=None if progress else True)
            ):
                learn = plan.learning_rate > 0 and begin + plan.window < plan.length
                work = [pool.submit(group.work, data, begin, learn) for group in groups]
                for done in work:
                    done.result()
                if learn:
                    rate = plan.learning_rate / (1 + DECAY * step) ** 0.5
                    update(network, groups, step + 1, rate)
        return weights, groups


def usable_processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_memory(plan: Plan, limit: int) -> None:
    if plan.memory > limit:
        raise ValueError(
            f"needs up to {plan.memory >> 20:,} MiB of memory, and the limit is {limit >> 20:,} MiB"
        )
