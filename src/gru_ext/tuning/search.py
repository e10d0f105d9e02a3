# SPDX-License-Identifier: MIT
"""Successive halving: trials are compared after equal fractions of their schedules."""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gru_ext.reporting.progress import Progress
from gru_ext.reporting.table import as_clock
from gru_ext.text.given import Text
from gru_ext.training.interrupts import StopRequest
from gru_ext.training.options import TrainingOptions
from gru_ext.tuning.console import SearchConsole
from gru_ext.tuning.options import TuneOptions
from gru_ext.tuning.processes import Process, Processes
from gru_ext.tuning.space import EVALUATIONS, Plan, Space
from gru_ext.tuning.table import trial_line
from gru_ext.tuning.trial import State, TuneTrial
from gru_ext.tuning.worker import End

if TYPE_CHECKING:
    import optuna

_POLL = 0.2  # seconds after which a signal or the end of the time is noticed
_REDRAWN = 50  # values that are drawn until one fits into the time
_LONGEST = 0.25  # of the whole time, for one trial


def check_optuna() -> None:
    """Raise an ImportError where Optuna is missing."""
    if importlib.util.find_spec("optuna") is None:
        raise ImportError(
            'a search needs Optuna, which is not installed: python -m pip install "gru-ext[tune]"'
        )


@dataclass
class _Running:
    """A trial that is being made, and what its process has reported."""

    number: int
    plan: Plan
    asked: optuna.Trial
    began: float
    best: bool
    speed: float | None = None
    bits: float | None = None
    epochs: float = 0.0
    compared: int = 0  # the quarters of the schedule after which it was compared with others
    pruned: bool = False

    def note(self, progress: Progress) -> None:
        """Take over a report; the loss is the last one, or the best where that is kept."""
        if progress.characters_per_second is not None:
            self.speed = progress.characters_per_second
        if progress.val_nats is None and progress.step < progress.steps:
            return
        bits = progress.val_bits
        if not self.best or self.bits is None or (bits is not None and bits < self.bits):
            self.bits, self.epochs = bits, progress.epoch

    def outcome(self, state: State, error: str | None = None) -> TuneTrial:
        """The trial as it has ended."""
        return TuneTrial(
            number=self.number,
            options=self.plan.options,
            sizes=self.plan.sizes,
            bits=self.bits,
            epochs=self.epochs,
            seconds=time.monotonic() - self.began,
            characters_per_second=self.speed,
            state=state,
            error=error,
        )


class Search:
    """The trials of a search, and what decides which are made and which are pruned.

    Parameters
    ----------
    space : Space
    options : TuneOptions
    ends : float
        When the search ends, as ``time.monotonic`` has it.
    speed : float, optional
        The characters per second of the default run.

    Raises
    ------
    ValueError
        The default run would take longer than the search may.
    """

    def __init__(
        self, space: Space, options: TuneOptions, ends: float, speed: float | None
    ) -> None:
        self._space, self._options, self._ends = space, options, ends
        default = space.plan(space.default)
        self._speeds = {} if speed is None else {default.work: speed}
        needed = space.seconds(default, self._speeds)
        if needed > 60 * options.minutes:
            raise ValueError(
                f"the first run alone would take about {as_clock(needed)}: give more `minutes`, or "
                f"fewer `epochs`"
            )
        self._study = _study(options.seed)
        self._study.enqueue_trial(space.default)
        self._running: dict[Process, _Running] = {}
        self._begun, self._nothing_fits = 0, False
        self.trials: list[TuneTrial] = []

    def run(self, text: Text, jobs: int, stop: StopRequest) -> None:
        """Make the trials, until there are enough, the time is over, or a stop is requested."""
        options = self._options
        console = SearchConsole(options.trials, options.quiet)
        with _quiet_optuna(), console, Processes(text, min(jobs, options.trials)) as processes:
            try:
                while not stop and time.monotonic() < self._ends:
                    while processes.free and self._begin(processes):
                        pass
                    if not processes.busy:
                        break
                    left = self._ends - time.monotonic()
                    came = processes.next(max(0.0, min(_POLL, left)))
                    if came is not None:
                        self._handle(*came, console)
                    console.move(0, self._best)
            finally:
                for running in self._running.values():
                    self._keep(running.outcome("stopped"), console)
                self.trials.sort(key=lambda trial: trial.number)

    @property
    def _best(self) -> float | None:
        """The lowest loss of the trials that were finished."""
        found = [t.bits for t in self.trials if t.state == "finished" and t.bits is not None]
        return min(found, default=None)

    def _begin(self, processes: Processes) -> bool:
        """Begin another trial; return whether there was one to begin."""
        if self._begun >= self._options.trials or self._nothing_fits:
            return False
        for _ in range(_REDRAWN):
            asked = self._study.ask(self._space.distributions())
            plan = self._space.plan(asked.params)
            if not self._begun or self._fits(plan):
                break
            self._study.tell(asked, state=_states().FAIL)  # the sampler ignores it
        else:
            self._nothing_fits = True
            return False
        process = processes.start(plan.evaluated | {"threads": self._options.threads})
        best = TrainingOptions(**plan.options).keeps_best
        self._running[process] = _Running(self._begun, plan, asked, time.monotonic(), best)
        self._begun += 1
        return True

    def _fits(self, plan: Plan) -> bool:
        """Whether a trial can be finished in time, as far as is known."""
        longest = min(self._ends - time.monotonic(), 60 * self._options.minutes * _LONGEST)
        return self._space.seconds(plan, self._speeds) <= longest

    def _handle(self, process: Process, message: Progress | End, console: SearchConsole) -> None:
        if isinstance(message, End):
            self._end(self._running.pop(process), message.error, console)
            return
        running = self._running[process]
        running.note(message)
        if running.speed is not None:
            self._speeds[running.plan.work] = running.speed
        running.pruned = self._is_worse(running, message)
        process.send(running.pruned)

    def _is_worse(self, running: _Running, at: Progress) -> bool:
        """Whether others had a lower loss after the same fraction of their schedules.

        The first trial is made to its end: its loss is what the others must be better than.
        """
        fraction = EVALUATIONS * at.step // at.steps
        if at.val_nats is None or not running.compared < fraction < EVALUATIONS:
            return False
        running.compared = fraction
        running.asked.report(at.val_nats, fraction)
        worse = bool(running.asked.should_prune())  # this also notes the loss, for the others
        return worse and running.number > 0

    def _end(self, running: _Running, error: str | None, console: SearchConsole) -> None:
        if error is None and not running.pruned and running.bits is None:
            error = "the run has no validation loss at its end"
        if error is not None:
            self._study.tell(running.asked, state=_states().FAIL)
            self._keep(running.outcome("failed", error), console)
        elif running.pruned:
            self._study.tell(running.asked, state=_states().PRUNED)
            self._keep(running.outcome("pruned"), console)
        else:
            self._study.tell(running.asked, running.bits)
            self._keep(running.outcome("finished"), console)

    def _keep(self, trial: TuneTrial, console: SearchConsole) -> None:
        self.trials.append(trial)
        console.print(trial_line(trial, self._options.trials))
        console.move(1, self._best)


def _study(seed: int) -> optuna.Study:
    """A study that prunes the worse half after a quarter and after a half of the schedule."""
    import optuna

    with _quiet_optuna(), warnings.catch_warnings():
        # Optuna 4 calls the arguments of the sampler experimental
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True),
            pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
        )


def _states() -> Any:
    from optuna.trial import TrialState

    return TrialState


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Keep Optuna from logging each step of this search."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
