# SPDX-License-Identifier: MIT
"""The trainer of a run of several workers, on rank 0: it leads the workers of all processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.messages import counted
from gru_ext.distributed.calls import Calls
from gru_ext.distributed.combination import workers_of
from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.model.evaluation import Evaluation
from gru_ext.model.model import Model
from gru_ext.model.parameters import Parameters
from gru_ext.text.corpus import digest
from gru_ext.training.interrupts import StopRequest
from gru_ext.training.shares import Symbols, distributed, share_of
from gru_ext.training.snapshot import RollBack
from gru_ext.training.workers import LocalWorkers, Plan

# Symbols that a worker reads before its part of the validation part, so that its hidden state is
# about that of a model which has read everything before.
_READ_BEFORE = 512

States = list[list[NDArray[np.floating]]]


class Leader(LocalWorkers):
    """The first worker of a run, which says what all workers do.

    To a run it is a trainer: it takes steps, evaluates, is saved and restored. Each of its methods
    is carried out by all ranks; the others wait for it in :func:`gru_ext.training.following.follow`
    meanwhile.

    Parameters
    ----------
    calls : Calls
    plan : Plan
    model : Model
    symbols : ndarray of symbols, shape (n,)
        The text of all workers.
    seed : int
    stop : StopRequest
    threads : int, optional
        The threads of each worker's steps; by default as many as help and are free.
    trained : keyword arguments of :class:`Trainer`
    """

    def __init__(
        self,
        calls: Calls,
        plan: Plan,
        model: Model,
        symbols: Symbols,
        seed: int,
        stop: StopRequest,
        *,
        threads: int | None = None,
        **trained: Any,
    ) -> None:
        self.calls, self._text, self._text_digest = calls, symbols, ""
        communicator, workers = calls.communicator, plan.workers
        batch_size = trained["batch_size"]
        shares = [share_of(symbols, number, workers, batch_size) for number in range(workers)]
        own = workers_of(0, communicator.size, workers)
        trained["threads"] = threads
        super().__init__(communicator, plan, model, shares[: len(own)], seed, stop, trained)
        how = f"combined every {counted(plan.sync_every, 'step')}"
        if plan.sync_every > 1:
            how += f" by {'nesterov' if plan.momentum else 'mean'}"
        processes = f"{communicator.size} process{'es' if communicator.size > 1 else ''}"
        self.about_workers = f"{counted(workers, 'worker')} in {processes}, {how}"
        calls.announce("start", plan, model, seed, trained, symbols.dtype)
        with calls.together():
            distributed(communicator, symbols.dtype, shares, own)
        if threads is None:
            calls.call(self, "share_processors")

    @property
    def characters(self) -> int:
        return len(self._text)

    @property
    def characters_per_step(self) -> int:
        return self.workers * super().characters_per_step

    def text_digest(self) -> str:
        self._text_digest = self._text_digest or digest(self._text)
        return self._text_digest

    def advance(self, steps: int) -> NDArray[np.float64]:
        """Make so many steps of all workers, and combine them after the last one too.

        Returns
        -------
        ndarray, float64, shape (steps,)
            The mean loss of the workers at each step.
        """
        rates = self.schedule.rates(self.steps_done, steps)
        losses: NDArray[np.float64] = self.calls.call(self, "advance_all", steps, rates)
        self._smooth(losses)
        return losses

    def is_finite(self) -> bool:
        """Whether all values of all workers are finite."""
        return bool(self.calls.call(self, "are_finite"))

    def snapshot(self) -> RollBack:
        """A copy of the state of all workers; a trainer has one at a time."""
        return _Snapshot(self)

    def evaluator(self, symbols: Symbols) -> Callable[..., Evaluation]:
        """A function that evaluates the averaged weights on these symbols, a part by each worker.

        It is called with a model, which must be :attr:`averaged`, and the ``progress`` of
        :func:`gru_ext.model.evaluation.evaluate_symbols`.
        """
        n, parts, begins = max(0, len(symbols) - 1), [], []
        for worker in range(self.workers):
            begin, end = n * worker // self.workers, n * (worker + 1) // self.workers
            first = max(0, begin - _READ_BEFORE)
            parts.append(symbols[first : end + 1])
            begins.append(begin - first)
        empty = [symbols[:0]] * self.workers  # the others get them by themselves
        self.calls.announce("receive_validation", empty, begins)
        with self.calls.together():
            self.receive_validation(parts, begins)

        def evaluate(_: Model, progress: Callable[[int], object] | None) -> Evaluation:
            self.progress = progress
            total = self.calls.call(self, "evaluate_all")
            if self.ended_by is not None:
                raise self.ended_by
            return Evaluation(total / n, n)

        return evaluate

    def checkpoint(self) -> Checkpoint:
        """The model and the complete state of all workers."""
        data = super().checkpoint()
        data.workers = self.stacked(self.calls.call(self, "collect", False))
        return data

    def assign(self, data: Checkpoint) -> None:
        states = self.unstacked(data)
        super().assign(data)
        common = {"weights": self.model.parameters, **self.beside}
        states = [self.arrays_of(self), *states]
        self.calls.call(self, "assign_all", self.counters, common, states, False)

    def stacked(self, states: States) -> dict[str, NDArray[np.floating]]:
        """What a file holds of the workers after the first, as :class:`Checkpoint` has it."""
        shape = self.hidden.shape
        arrays = {"hidden": np.stack([state[0].reshape(shape) for state in states])}
        for place, name in enumerate(self.own_arrays, start=1):
            each = [self._named(state[place]) for state in states]
            arrays |= {f"{name}_{n}": np.stack([one[n] for one in each]) for n in each[0]}
        return arrays

    def unstacked(self, data: Checkpoint) -> States:
        """The states of the workers after the first from a file.

        Raises
        ------
        CheckpointError
            The file does not have them as this run needs them.
        """
        arrays, shape = data.workers or {}, self.hidden.shape
        names = [f"{name}_{n}" for name in self.own_arrays for n in self.model.parameters]
        if (
            arrays.keys() != {"hidden", *names}
            or data.other_workers != self.workers - 1
            or arrays["hidden"].shape[1:] != shape
        ):
            raise CheckpointError("has a damaged state of the workers")
        states: States = []
        for row in range(self.workers - 1):
            state = [arrays["hidden"][row]]
            for name in self.own_arrays:
                named = self.model.parameters.like()
                named.assign({n: arrays[f"{name}_{n}"][row] for n in named})
                state.append(named.flat)
            states.append(state)
        return states

    def _named(self, flat: NDArray[np.floating]) -> Parameters:
        named = self.model.parameters.like()
        named.flat[...] = flat
        return named


class _Snapshot:
    """A copy of the state of all workers, each on its own rank."""

    def __init__(self, leader: Leader) -> None:
        self._leader = leader
        self.take()

    @property
    def counters(self) -> tuple[int, int, float]:
        """Those of the copy."""
        return self._leader.kept[0].counters

    @counters.setter
    def counters(self, values: tuple[int, int, float]) -> None:
        self._leader.kept[0].counters = values

    def take(self) -> None:
        self._leader.calls.call(self._leader, "take_all")

    def restore(self) -> None:
        self._leader.calls.call(self._leader, "restore_all")

    def checkpoint(self) -> Checkpoint:
        leader = self._leader
        data = leader.kept[0].checkpoint()
        data.workers = leader.stacked(leader.calls.call(leader, "collect", True))
        return data

    def assign(self, data: Checkpoint, counters: tuple[int, int, float]) -> None:
        leader = self._leader
        first, states = leader.kept[0], leader.unstacked(data)
        first.assign(data, counters)
        common = {"weights": first.weights, **first.beside}
        states = [leader.arrays_of(first), *states]
        leader.calls.call(leader, "assign_all", counters, common, states, True)
