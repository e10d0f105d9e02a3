# SPDX-License-Identifier: MIT
"""The outcome of a search: its trials, and the best of them."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gru_ext.model.model import Model
from gru_ext.text.given import Text, given_text
from gru_ext.training.made_from import command_with

State = Literal["finished", "pruned", "stopped", "failed"]


@dataclass(frozen=True, kw_only=True)
class TuneTrial:
    """A model that a search has trained.

    Attributes
    ----------
    number : int
        The place in the order in which the trials began, from 0. Trial 0 has the default values.
    options : dict
        The keyword arguments with which :func:`gru_ext.train` trains the same model.
    sizes : dict
        What the model was trained with, whether given, searched or a default: ``hidden_size``,
        ``layers``, ``dropout``, ``learning_rate``, ``batch_size`` and ``seq_length``.
    bits : float or None
        The validation loss in bits per character, the best one or, where the options keep the last
        weights, the last one. It is None where there was no evaluation.
    epochs : float
        The epochs until this loss.
    seconds : float
        The duration of the training.
    characters_per_second : float or None
        The speed of the training; None where it took too little time to tell.
    state : {"finished", "pruned", "stopped", "failed"}
        How it ended: a pruned one was worse than others after the same fraction of its schedule, a
        stopped one was not finished when the search ended.
    error : str or None
        Why it failed.
    """

    number: int
    options: dict[str, Any]
    sizes: dict[str, Any]
    bits: float | None
    epochs: float
    seconds: float
    characters_per_second: float | None
    state: State
    error: str | None = None

    @property
    def pruned(self) -> bool:
        """Whether it was stopped because it was worse than others."""
        return self.state == "pruned"

    @property
    def rank(self) -> tuple[int, float, int]:
        """The place in a table: finished ones first, and the lowest loss first."""
        order = ("finished", "pruned", "stopped", "failed").index(self.state)
        return order, math.inf if self.bits is None else self.bits, self.number

    def record(self) -> dict[str, Any]:
        """The trial as JSON has it."""
        values = vars(self) | {"options": _plain(self.options), "sizes": _plain(self.sizes)}
        return values | {"seconds": round(self.seconds, 3)}


@dataclass(frozen=True, repr=False)
class TuneResult:
    """What a search has found. Printed, it is a table of the trials, the best first.

    Attributes
    ----------
    trials : tuple of TuneTrial
        In the order in which they began.
    texts : tuple of str
        The names of the text's files; empty where the text was given itself.
    """

    trials: tuple[TuneTrial, ...]
    texts: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether there is a trial that was finished."""
        return any(trial.state == "finished" for trial in self.trials)

    @property
    def best_trial(self) -> TuneTrial:
        """The finished trial with the lowest validation loss.

        Raises
        ------
        ValueError
            No trial was finished.
        """
        best = min(self.trials, key=lambda trial: trial.rank, default=None)
        if best is None or best.state != "finished":
            raise ValueError("no trial was finished")
        return best

    @property
    def best(self) -> dict[str, Any]:
        """The keyword arguments of the best trial: ``gru_ext.train(text, **result.best)``."""
        return dict(self.best_trial.options)

    @property
    def command(self) -> str:
        """The command that trains the best trial's model.

        TEXT and VALIDATION are texts that have no file.
        """
        options = self.best
        start, validation = options.pop("init_from", None), options.pop("validation", None)
        made: dict[str, Any] = {"texts": list(self.texts) or ["TEXT"]}
        if start is not None:
            made["init_from"] = "MODEL" if isinstance(start, Model) else os.fspath(start)
        if validation is not None:
            made["validation"] = list(names_of(validation)) or ["VALIDATION"]
        return command_with(made, options) or ""

    def record(self) -> dict[str, Any]:
        """The result as JSON has it."""
        return {
            "texts": list(self.texts),
            "command": self.command if self.finished else None,
            "best": _plain(self.best) if self.finished else None,
            "trials": [trial.record() for trial in self.trials],
        }

    @property
    def promising(self) -> TuneTrial | None:
        """The trial that was not finished but already had a lower loss than the best, if any."""
        stopped = [t for t in self.trials if t.state == "stopped" and t.bits is not None]
        trial = min(stopped, key=lambda trial: trial.rank, default=None)
        best = self.best_trial if self.finished else None
        if trial is None or best is None or trial.rank[1] >= best.rank[1]:
            return None
        return trial

    def __repr__(self) -> str:
        from gru_ext.tuning.table import result_lines

        return "\n".join(result_lines(self))


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as JSON can hold them."""
    return {name: _plain_value(name, value) for name, value in options.items()}


def _plain_value(name: str, value: Any) -> Any:
    if name == "validation":
        return list(names_of(value)) or "a text"
    if isinstance(value, Model):
        return "a model"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def names_of(text: Text) -> tuple[str, ...]:
    """The paths of a text that is in files, as they were given; ``-`` is standard input."""
    given = given_text(text)
    return tuple(os.fspath(path) for path in given) if isinstance(given, list) else ()
