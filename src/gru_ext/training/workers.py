# SPDX-License-Identifier: MIT
"""The workers that one process holds: trainers on shares of the text, combined with all others.

A run of K workers has the same result on any number of processes:
docs/explanation/design/distributed.md.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.threads import available_cpus, threads_of_environment
from gru_ext.distributed.combination import as_bytes, mean_of_workers, workers_of
from gru_ext.distributed.communicator import Communicator
from gru_ext.distributed.outer import outer_update
from gru_ext.model.evaluation import total_nats
from gru_ext.model.model import Model
from gru_ext.model.parameters import Parameters
from gru_ext.training.interrupts import StopRequest
from gru_ext.training.shares import Symbols, distributed, seed_of
from gru_ext.training.snapshot import Snapshot
from gru_ext.training.trainer import Trainer


@dataclass(frozen=True)
class Plan:
    """How the workers of a run work together.

    Attributes
    ----------
    workers : int
        K, the number of workers.
    sync_every : int
        The steps after which their weights are combined. With 1 their gradients are, before each
        update.
    momentum : bool
        Whether the outer optimiser has a momentum.
    outer_rate, outer_decay : float
        Its learning rate, and the decay rate of its momentum.
    """

    workers: int
    sync_every: int
    momentum: bool
    outer_rate: float
    outer_decay: float


class LocalWorkers(Trainer):
    """The workers of one process: this trainer is the first of them, and has all others.

    Every rank has one, and all make the same calls in the same order. The weights of all workers
    are equal at the end of each call; so are the outer momentum and the average of the weights,
    which each rank has.

    Parameters
    ----------
    communicator : Communicator
    plan : Plan
    model : Model
        It has the same weights on all ranks.
    shares : list of ndarray of symbols
        Those of the workers that this rank holds, in order.
    seed : int
        The seed of the run.
    stop : StopRequest
        Whether a signal has asked this rank to stop; it then asks all.
    trained : dict
        Keyword arguments of :class:`Trainer`.
    """

    def __init__(
        self,
        communicator: Communicator,
        plan: Plan,
        model: Model,
        shares: list[Symbols],
        seed: int,
        stop: StopRequest,
        trained: dict[str, Any],
    ) -> None:
        self.communicator, self.plan, self._stop = communicator, plan, stop
        self.own = workers_of(communicator.rank, communicator.size, plan.workers)
        first, *others = self.own
        super().__init__(model, shares[0], seed=seed_of(seed, first), **trained)
        self.workers, self.sync_every = plan.workers, plan.sync_every
        self.outer = model.parameters.like() if plan.momentum else None
        # with gradients that are combined, all have the same weights: these share them
        alike = plan.sync_every == 1
        trained = trained | {"average_over": 0.0}
        self.others = [
            Trainer(
                model if alike else Model(model.vocabulary, model.parameters.copy(), model.about),
                share,
                seed=seed_of(seed, worker),
                **trained,
            )
            for worker, share in zip(others, shares[1:], strict=True)
        ]
        self.kept: list[Snapshot] = []
        self._validation: list[tuple[Symbols, int]] = []
        self.progress: Callable[[int], object] | None = None  # of evaluations, on rank 0
        self.ended_by: BaseException | None = None

    @property
    def all(self) -> list[Trainer]:
        """The trainers of the workers that this rank holds."""
        return [self, *self.others]

    @property
    def beside(self) -> dict[str, Parameters]:
        found = super().beside
        return found if self.outer is None else found | {"momentum": self.outer}

    @property
    def own_arrays(self) -> list[str]:
        """What each worker has for itself beside its hidden states."""
        alike = self.plan.sync_every == 1
        return [] if alike else [name for name in ("memory", "mean") if name in self.beside]

    def advance_all(self, steps: int, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Make so many steps of each worker, with these learning rates, and combine the weights.

        Returns
        -------
        ndarray, float64, shape (steps,)
            The mean loss of the workers at each step.
        """
        losses = np.empty((len(self.own), steps))
        made = 0
        while made < steps:
            if self.plan.sync_every == 1:
                until = made + 1
                self._step_together(losses[:, made], rates[made:until])
            else:
                left = self.plan.sync_every - self.steps_done % self.plan.sync_every
                until = min(steps, made + left)
                self._steps_apart(losses[:, made:until], rates[made:until])
            made = until
        return self._shared(losses)

    def _step_together(self, losses: NDArray[np.float64], rates: NDArray[np.float64]) -> None:
        for row, worker in enumerate(self.all):
            losses[row] = worker.make_steps(1, rates, gradient_only=True)[0]
        gradients = [worker.gradients for worker in self.all]
        gradients[0][...] = mean_of_workers(self.communicator, gradients, self.plan.workers)
        self.apply(float(rates[0]))

    def _steps_apart(self, losses: NDArray[np.float64], rates: NDArray[np.float64]) -> None:
        own = [worker.model.parameters.flat for worker in self.all]
        plan, weights = self.plan, own[0].copy()
        for row, worker in enumerate(self.all):
            losses[row] = worker.make_steps(len(rates), rates)
        changes = [each - weights for each in own]
        change = mean_of_workers(self.communicator, changes, plan.workers)
        momentum = None if self.outer is None else self.outer.flat
        outer_update(weights, change, momentum, plan.outer_rate, plan.outer_decay)
        for each in own:
            each[...] = weights
        if self.average is not None:  # as the training loop does it, for the combined weights
            done = -(-self.steps_done // plan.sync_every)
            part = 1 / (1 + self.average_over * (done - 1))
            self.average.flat[...] += part * (weights - self.average.flat)

    def _shared(self, losses: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean losses of all workers; a request to stop on any rank becomes one on all."""
        signal = np.array([self._stop.signal or 0], np.float64)
        mine = np.concatenate([signal, losses.reshape(-1)])
        found = [each.view(np.float64) for each in self.communicator.allgather(as_bytes(mine))]
        asked = max(int(each[0]) for each in found)
        if asked and not self._stop:
            self._stop.ask(asked)
        rows = np.concatenate([each[1:] for each in found]).reshape(self.plan.workers, -1)
        return _sum_in_order(rows) / self.plan.workers

    def take_all(self) -> None:
        """Keep the state of the workers."""
        if not self.kept:
            self.kept = [Snapshot(worker) for worker in self.all]
        for kept in self.kept:
            kept.take()

    def restore_all(self) -> None:
        """Put the workers into the state that was kept."""
        for kept in self.kept:
            kept.restore()

    def are_finite(self) -> bool:
        """Whether all values of all workers on all ranks are finite."""
        finite = all(Trainer.is_finite(worker) for worker in self.all)
        return all(each[0] for each in self.communicator.allgather(np.array([finite], np.uint8)))

    def collect(self, kept: bool) -> list[list[NDArray[np.floating]]]:
        """The states of all workers but the first, on rank 0: in order, as their arrays.

        Rank 0 gets hidden states, and where each worker has its own optimiser state that too.
        """
        sources = self.kept if kept else self.all
        first = self.own[0] == 0
        mine = [self.arrays_of(source) for source in sources[first:]]
        dtype = self.hidden.dtype
        sent = [np.concatenate([array.reshape(-1) for array in arrays]) for arrays in mine]
        data = as_bytes(np.concatenate([*sent, np.empty(0, dtype)]))
        parts = [data if rank == 0 else data[:0] for rank in range(self.communicator.size)]
        received = [each.view(dtype) for each in self.communicator.exchange(parts)]
        if self.communicator.rank:
            return []
        sizes = [array.size for array in self.arrays_of(self)]
        rows = np.concatenate(received).reshape(self.plan.workers - 1, sum(sizes))
        return [np.split(row, np.cumsum(sizes)[:-1]) for row in rows]

    def arrays_of(self, source: Trainer | Snapshot) -> list[NDArray[np.floating]]:
        """What each worker has for itself."""
        return [source.hidden, *(source.beside[name].flat for name in self.own_arrays)]

    def assign_all(
        self,
        counters: tuple[int, int, float],
        common: dict[str, Parameters],
        states: list[list[NDArray[np.floating]]],
        kept: bool,
    ) -> None:
        """Take up a state: the weights and what is equal on all ranks, and the workers' own arrays.

        Parameters
        ----------
        counters : tuple
            As :attr:`Trainer.counters`.
        common : dict of Parameters
            ``weights``, and by their names what the first worker has beside them.
        states : list of list of ndarray
            What :meth:`collect` returns, for all workers.
        kept : bool
            Whether this is the state to roll back to.
        """
        if kept and not self.kept:
            self.kept = [Snapshot(worker) for worker in self.all]
        sources: Sequence[Trainer | Snapshot] = self.kept if kept else self.all
        for number, source in zip(self.own, sources, strict=True):
            weights = source.weights if isinstance(source, Snapshot) else source.model.parameters
            weights.flat[...] = common["weights"].flat
            for name, arrays in source.beside.items():
                arrays.flat[...] = common[name].flat
            for array, own in zip(self.arrays_of(source), states[number], strict=True):
                array[...] = own.reshape(array.shape)
            source.counters = counters

    def receive_validation(self, texts: Iterable[Symbols], begins: list[int]) -> None:
        """Take the parts of the validation part that this rank's workers evaluate.

        A part begins with so many symbols that are only read.
        """
        parts = distributed(self.communicator, self._symbols.dtype, texts, self.own)
        self._validation = list(zip(parts, [begins[number] for number in self.own], strict=True))

    def evaluate_all(self) -> float:
        """The sum of -log p over the validation part, in nats, with the averaged weights.

        It is NaN where an evaluation was ended by an exception, which is then in ``ended_by``.
        """
        parameters, separator = self.averaged.parameters, self.model.separator
        totals = np.full(len(self.own), np.nan)
        self.ended_by = None
        try:
            for row, (part, begin) in enumerate(self._validation):
                totals[row] = total_nats(parameters, part, self.progress, separator, begin)
        except BaseException as error:
            self.ended_by = error
        found = self.communicator.allgather(as_bytes(totals))
        if self.ended_by is not None and self.communicator.rank:
            raise self.ended_by
        return float(_sum_in_order(np.concatenate([each.view(np.float64) for each in found])))

    def share_processors(self) -> None:
        """Use the threads that are left where several ranks share the same processors.

        A number of threads that the environment asks for stays.
        """
        affinity = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        place = as_bytes(np.frombuffer(f"{socket.gethostname()} {affinity}".encode(), np.uint8))
        places = [each.tobytes() for each in self.communicator.allgather(place)]
        left = threads_of_environment() or available_cpus() // places.count(place.tobytes())
        for worker in self.all:
            worker.threads = min(worker.threads, max(1, left))


def _sum_in_order(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum over the first axis, term by term: numpy.sum may add in another order."""
    total = np.zeros(rows.shape[1:])
    for row in rows:
        total += row
    return total
