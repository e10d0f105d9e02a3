# SPDX-License-Identifier: MIT
"""How the processes of a run begin and end together: rank 0 leads, the others follow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gru_ext.distributed.calls import Calls, next_call
from gru_ext.distributed.combination import workers_of
from gru_ext.distributed.communicator import Communicator
from gru_ext.model.model import Model
from gru_ext.training.interrupts import StopRequest, TrainingInterrupted, stop_on_signals
from gru_ext.training.shares import distributed
from gru_ext.training.workers import LocalWorkers, Plan


class LeaderEnded(RuntimeError):
    """An exception has ended the run on rank 0; the message is that one's."""


class Leading:
    """What rank 0 tells the others at the end: the calls it makes, and the model of the run."""

    def __init__(self, communicator: Communicator) -> None:
        self.calls = Calls(communicator)
        self.model: Model | None = None


@contextmanager
def leading(communicator: Communicator) -> Iterator[Leading]:
    """Lead the other ranks, and end them when the run ends, however that is.

    An exception that comes while the others wait in the middle of a call ends all processes.
    """
    leads = Leading(communicator)
    try:
        yield leads
    except BaseException as error:
        if communicator.size > 1:
            if leads.calls.broken:
                communicator.abort(_said(communicator, error))
            leads.calls.announce("end", *_outcome(error))
        raise
    leads.calls.announce("end", leads.model)


def _outcome(error: BaseException) -> tuple[Any, ...]:
    if isinstance(error, TrainingInterrupted):
        return error.model, error.signal, error.step, error.steps
    return None, f"{type(error).__name__}: {error}"


def _said(communicator: Communicator, error: BaseException) -> str:
    where = f"rank {communicator.rank} of {communicator.size}"
    return f"gru-ext: {where}: {type(error).__name__}: {error}"


def follow(communicator: Communicator) -> Model:
    """Do what rank 0 says until the run ends.

    An exception here ends all processes, with its message.

    Returns
    -------
    Model
        That of rank 0.

    Raises
    ------
    TrainingInterrupted, LeaderEnded
        The run on rank 0 was stopped by a signal, or ended by an exception.
    """
    try:
        with stop_on_signals() as stop:
            model, *why = _followed(communicator, stop)
    except BaseException as error:
        communicator.abort(_said(communicator, error))
    if len(why) > 1:
        raise TrainingInterrupted(model, *why)
    if why:
        raise LeaderEnded(f"the run was ended on rank 0 by {why[0]}")
    found: Model = model
    return found


def _followed(communicator: Communicator, stop: StopRequest) -> tuple[Any, ...]:
    workers: LocalWorkers | None = None
    while True:
        name, arguments = next_call(communicator)
        if name == "end":
            return arguments
        if name == "start":
            workers = _started(communicator, stop, *arguments)
        else:
            getattr(workers, name)(*arguments)


def _started(
    communicator: Communicator,
    stop: StopRequest,
    plan: Plan,
    model: Model,
    seed: int,
    trained: dict[str, Any],
    dtype: np.dtype[Any],
) -> LocalWorkers:
    own = workers_of(communicator.rank, communicator.size, plan.workers)
    shares = distributed(communicator, dtype, [np.empty(0, dtype)] * plan.workers, own)
    return LocalWorkers(communicator, plan, model, shares, seed, stop, trained)
