# SPDX-License-Identifier: MIT
"""The validation part: when a model is evaluated on it, the best loss, early stopping."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.messages import counted
from gru_ext.model.checkpoint import CheckpointError
from gru_ext.model.evaluation import Evaluation, evaluate_symbols
from gru_ext.model.model import Model
from gru_ext.reporting.progress import finite
from gru_ext.text.corpus import digest
from gru_ext.training.calibration import calibrate
from gru_ext.training.interrupts import StopRequest
from gru_ext.training.options import PLATEAU, TrainingOptions
from gru_ext.training.recorded import VALIDATION, checked_state
from gru_ext.training.resume import Match, check_matches

# Evaluating a character costs half to four fifths as much as training on it.
_TRAINED_PER_EVALUATED = 12


class _Stopped(Exception):
    """A stop was requested in the middle of an evaluation."""


def default_eval_every(validation_size: int, characters_per_step: int, log_every: int) -> int:
    """The steps between evaluations: a multiple of those between progress lines, at a low cost.

    Parameters
    ----------
    validation_size : int
        The characters of the validation part.
    characters_per_step, log_every : int
        The characters of a step; the steps between progress lines.
    """
    steps = validation_size * _TRAINED_PER_EVALUATED / characters_per_step
    return log_every * max(1, math.ceil(steps / log_every))


def check_validation_part(options: TrainingOptions, size: int) -> None:
    """Refuse options that need a validation part where there is none."""
    needing = {
        "`eval_every`": bool(options.eval_every),
        "`patience`": bool(options.patience),
        "a plateau `schedule`": options.schedule == "plateau",
    }
    for name, needs in needing.items():
        if needs and not size:
            raise ValueError(
                f"{name} needs a validation part: give a `val_fraction`, such as 0.1, or a text as "
                f"`validation`"
            )


def check_split(saved: Mapping[str, Any], trained: int, size: int, separator: str | None) -> None:
    """Refuse to resume where a text of the same length is split in another way.

    With another document separator it is: the trainer refuses that.
    """
    if saved.get("document_separator") != separator:
        return
    try:
        before = saved["run"]["validation"]["characters"]
        whole = before + saved["training"]["text_characters"]
    except (KeyError, TypeError):
        return  # an older file, or a damaged one, which is reported elsewhere
    if whole == trained + size:
        hint = " characters: leave `val_fraction` as it was"
        check_matches([Match("a validation part of", str(before), str(size), hint)])


def _checking(stop: StopRequest) -> Callable[[int], None]:
    """What an evaluation calls now and then, and which ends it where a stop is requested."""

    def check(_: int) -> None:
        stop.deliver()
        if stop:
            raise _Stopped

    return check


class Validation:
    """The validation part, and the last and the best loss on it.

    Parameters
    ----------
    symbols : ndarray of symbols, shape (n,)
        The validation part. It may be empty: then nothing is evaluated.
    every : int
        The steps between evaluations; 0 for one at the end only.
    patience : int, optional
        The evaluations in a row without a better loss after which the run ends.
    evaluator : callable, optional
        What evaluates a model on the symbols, by default :func:`evaluate_symbols`; it gets the
        model, and a function to call now and then.
    threads : int
        The most threads that read the symbols.
    """

    def __init__(
        self,
        symbols: NDArray[np.integer],
        every: int,
        patience: int | None = None,
        evaluator: Callable[..., Evaluation] | None = None,
        threads: int = 1,
    ) -> None:
        self._threads = threads
        self._evaluator = evaluator or self._evaluated
        self.symbols, self.every, self.patience = symbols, every, patience or None
        self._sha256: str | None = None
        self.last: Evaluation | None = None
        self.step = 0  # that of the last evaluation
        self.best_step = 0
        self.best_nats = math.inf
        self.waited = 0

    @property
    def exhausted(self) -> bool:
        """Whether the loss has not fallen for as many evaluations as patience allows."""
        return self.patience is not None and self.waited >= self.patience

    @property
    def on_plateau(self) -> bool:
        """Whether the last evaluation was the second, fourth, ... in a row without a better loss.

        The count is the one that patience has: a better loss sets it to 0.
        """
        return self.waited > 0 and self.waited % PLATEAU == 0

    def is_due(self, step: int, last: bool) -> bool:
        """Whether an evaluation is due after this step, which may be the run's last."""
        if not len(self.symbols) or step == 0 or step == self.step:
            return False
        return last or (self.every > 0 and step % self.every == 0)

    def evaluate(self, model: Model, step: int, stop: StopRequest) -> bool:
        """Evaluate the model; return whether it is the best so far.

        A request to stop ends it in the middle, as if it had not begun.
        """

        try:
            self.last = self._evaluator(model, _checking(stop))
        except _Stopped:
            return False
        self.step = step
        if self.last.nats_per_char < self.best_nats:
            self.best_nats, self.best_step, self.waited = self.last.nats_per_char, step, 0
            return True
        if step > self.best_step:  # else the best step was rolled back
            self.waited += 1
        return False

    def calibrate(self, model: Model, stop: StopRequest) -> dict[str, float] | None:
        """Calibrate the model that has the best loss; return what its file says of that.

        It is None, and the model is as it was, where no temperature is better than 1, by 0.001
        bits, or where a stop is requested in the middle.
        """
        before = self.best_nats
        try:
            found = calibrate(model, self.symbols, before, _checking(stop), self._threads)
        except _Stopped:
            return None
        if found is None:
            return None
        temperature, loss = found
        return {
            "nats_per_char": loss.nats_per_char,
            "temperature": temperature,
            "nats_per_char_before": before,
        }

    def _evaluated(self, model: Model, progress: Callable[[int], object]) -> Evaluation:
        return evaluate_symbols(
            model.parameters, self.symbols, progress, model.separator, most_threads=self._threads
        )

    def digest(self) -> str:
        """The SHA-256 of the validation part, by which a resumed run recognises it."""
        if self._sha256 is None:
            self._sha256 = digest(self.symbols)
        return self._sha256

    @property
    def counters(self) -> tuple[int, float | None, int]:
        """Step and loss of the last evaluation, and the evaluations since the best one."""
        nats = None if self.last is None else finite(self.last.nats_per_char)
        return self.step, nats, self.waited

    def roll_back(self, step: int, nats: float | None, waited: int) -> None:
        """Restore :attr:`counters`; but the best stays the best."""
        self.step = step
        self.last = None if nats is None else Evaluation(nats, len(self.symbols) - 1)
        self.waited = waited if self.best_step <= step else 0

    def forget_best(self) -> None:
        """Start looking for the best again."""
        self.best_nats, self.best_step, self.waited = math.inf, 0, 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of this."""
        return {
            "text_sha256": self.digest(),
            "characters": len(self.symbols),
            "step": self.step,
            "nats": finite(self.last.nats_per_char) if self.last is not None else None,
            "best_step": self.best_step,
            "best_nats": self.best_nats if self.best_step else None,
            "waited": self.waited,
        }

    def resume(self, state: object) -> None:
        """Continue from what a checkpoint holds; older files hold nothing."""
        if state is None:
            return
        checked = checked_state(state, VALIDATION, "validation state")
        if checked["text_sha256"] != self.digest():
            raise CheckpointError(
                f"was evaluated on another validation part than this one of "
                f"{counted(len(self.symbols), 'character')}"
                + (": give its `validation` again" if not len(self.symbols) else "")
            )
        self.step, self.best_step, self.waited = (
            checked[name] for name in ("step", "best_step", "waited")
        )
        if checked["nats"] is not None and len(self.symbols) > 1:
            self.last = Evaluation(checked["nats"], len(self.symbols) - 1)
        self.best_nats = math.inf if checked["best_nats"] is None else checked["best_nats"]
