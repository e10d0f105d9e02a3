# SPDX-License-Identifier: MIT
"""The held-out part while training: when it is measured, what was best, when to stop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.checkpoint import CheckpointError
from gru_ext.model.evaluation import Evaluation, evaluate_symbols
from gru_ext.model.model import Model
from gru_ext.reporting.progress import finite
from gru_ext.text.corpus import digest
from gru_ext.training.interrupts import StopRequest
from gru_ext.training.options import PLATEAU, TrainingOptions, keeps_best

# Measuring a character costs half to four fifths of learning from one.
_TRAINED_PER_MEASURED = 12


class _Stopped(Exception):
    """A stop was requested in the middle of an evaluation."""


def default_eval_every(held_out: int, characters_per_step: int, log_every: int) -> int:
    """Updates from one evaluation to the next: at lines of progress, where it costs little.

    Parameters
    ----------
    held_out : int
        Characters to measure.
    characters_per_step, log_every : int
        Characters of an update; updates between lines.
    """
    steps = held_out * _TRAINED_PER_MEASURED / characters_per_step
    return log_every * max(1, math.ceil(steps / log_every))


def check_held_out(given: TrainingOptions, held_out: int) -> None:
    """Refuse options that need a held-out part where there is none."""
    asked = {
        "eval every": bool(given.eval_every),
        "patience": given.patience is not None,
        "keeping the best": keeps_best(given),
        "schedule plateau": given.schedule == "plateau",
    }
    for name, needs in asked.items():
        if needs and not held_out:
            raise ValueError(
                f"{name} needs a held-out part to measure: give a val fraction, such as 0.1"
            )


def check_split(saved: Mapping[str, Any], trained: int, held_out: int) -> None:
    """Refuse to go on where a text of the same length was divided elsewhere."""
    try:
        before = saved["run"]["validation"]["characters"]
        whole = before + saved["training"]["text_characters"]
    except (KeyError, TypeError):
        return  # an older file, or a damaged one, which is told elsewhere
    if whole == trained + held_out and before != held_out:
        raise CheckpointError(
            f"was trained with {before} characters held out, not {held_out}: leave the val "
            f"fraction as it was"
        )


class Validation:
    """The held-out part, its last and its best loss.

    Parameters
    ----------
    held_out : ndarray of symbols
        May be empty: then nothing is measured.
    every : int
        Updates between evaluations; 0 for none but at the end.
    patience : int, optional
        Evaluations in a row without a better loss after which the run is to end.
    """

    def __init__(
        self, held_out: NDArray[np.integer], every: int, patience: int | None = None
    ) -> None:
        self.held_out, self.every, self.patience = held_out, every, patience
        self._sha256: str | None = None
        self.last: Evaluation | None = None
        self.step = 0  # of the last evaluation
        self.best_step = 0
        self.best_nats = math.inf
        self.waited = 0

    @property
    def exhausted(self) -> bool:
        """Whether the loss has not fallen for as many evaluations as patience allows."""
        return self.patience is not None and self.waited >= self.patience

    @property
    def on_plateau(self) -> bool:
        """Whether the last evaluation was the second in a row, or the fourth, that was no better.

        Nothing else has to be remembered: a better one sets the count that patience has to 0.
        """
        return self.waited > 0 and self.waited % PLATEAU == 0

    def is_due(self, step: int, last: bool) -> bool:
        """Whether to measure after this update, the last one or not."""
        if not len(self.held_out) or step == 0 or step == self.step:
            return False
        return last or (self.every > 0 and step % self.every == 0)

    def measure(self, model: Model, step: int, stop: StopRequest) -> bool:
        """Measure the model; whether it is the best so far.

        A request to stop ends it in the middle, as if it had not begun.
        """

        def go_on(_: int) -> None:
            if stop:
                raise _Stopped

        try:
            self.last = evaluate_symbols(model.parameters, self.held_out, go_on, model.separator)
        except _Stopped:
            return False
        self.step = step
        if self.last.nats_per_char < self.best_nats:
            self.best_nats, self.best_step, self.waited = self.last.nats_per_char, step, 0
            return True
        if step > self.best_step:  # or else the best is of a way that was gone back
            self.waited += 1
        return False

    def _digest(self) -> str:
        if self._sha256 is None:
            self._sha256 = digest(self.held_out)
        return self._sha256

    @property
    def numbers(self) -> tuple[int, float | None, int]:
        """Step and loss of the last evaluation, and how many the best is waited for."""
        nats = None if self.last is None else finite(self.last.nats_per_char)
        return self.step, nats, self.waited

    def go_back(self, step: int, nats: float | None, waited: int) -> None:
        """As when these were the :attr:`numbers`; but the best stays the best."""
        self.step = step
        self.last = None if nats is None else Evaluation(nats, len(self.held_out) - 1)
        self.waited = waited if self.best_step <= step else 0

    def forget_best(self) -> None:
        """Look for the best anew."""
        self.best_nats, self.best_step, self.waited = math.inf, 0, 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {
            "text_sha256": self._digest(),
            "characters": len(self.held_out),
            "step": self.step,
            "nats": finite(self.last.nats_per_char) if self.last is not None else None,
            "best_step": self.best_step,
            "best_nats": self.best_nats if self.best_step else None,
            "waited": self.waited,
        }

    def resume(self, state: object) -> None:
        """Go on from what a checkpoint kept; files before evaluations were kept have none."""
        if state is None:
            return
        if not isinstance(state, dict):
            raise CheckpointError("has a damaged state of its evaluations")
        if state.get("text_sha256") != self._digest():
            raise CheckpointError(
                f"was measured on another held-out part than this one of {len(self.held_out)} "
                f"characters"
            )
        steps = [state.get(name) for name in ("step", "best_step", "waited")]
        nats = [state.get(name) for name in ("nats", "best_nats")]
        if not all(type(value) is int and value >= 0 for value in steps) or not all(
            value is None or (isinstance(value, float) and math.isfinite(value)) for value in nats
        ):
            raise CheckpointError("has a damaged state of its evaluations")
        self.step, self.best_step, self.waited = (int(value or 0) for value in steps)
        if nats[0] is not None and len(self.held_out) > 1:
            self.last = Evaluation(nats[0], len(self.held_out) - 1)
        self.best_nats = math.inf if nats[1] is None else nats[1]
