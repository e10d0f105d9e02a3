# SPDX-License-Identifier: MIT
"""The numbers of a training run at one step: a progress line or an evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


def finite(value: float | None) -> float | None:
    """The number if it is finite, else None: JSON has no other numbers."""
    return None if value is None or not math.isfinite(value) else value


class RecentLoss:
    """The mean of the latest losses, each with 1 % less weight than the one after it.

    It starts at the first loss: the average is divided by the sum of the weights.
    """

    _KEPT = 0.99

    def __init__(self) -> None:
        self._sum = self._weight = 0.0

    def add(self, mean: float, count: int) -> None:
        """Add so many losses of this mean."""
        kept = self._KEPT**count
        self._sum = self._sum * kept + mean * (1 - kept)
        self._weight = self._weight * kept + (1 - kept)

    @property
    def mean(self) -> float:
        """The mean, NaN before there is any loss."""
        return self._sum / self._weight if self._weight else math.nan


@dataclass(frozen=True)
class Progress:
    """What a run reports to its log, its metrics file and its callback.

    Attributes
    ----------
    step, steps : int
        The steps made so far, and those of the whole run.
    epoch : float
        The epochs so far.
    characters : int
        The characters seen in training so far.
    train_nats : float
        The mean training loss since the last report, in nats per character, before each update.
    val_nats : float or None
        The validation loss in nats per character; None without an evaluation at this step.
    learning_rate : float
        The learning rate of the last step.
    characters_per_second : float or None
        The speed of the steps since the last report, without evaluations, samples and files. It is
        None where these are so few that their time says nothing; the next report counts them too.
    seconds : float
        The duration of the training so far, including that before a resume if a metrics file
        records it.
    """

    step: int
    steps: int
    epoch: float
    characters: int
    train_nats: float
    val_nats: float | None
    learning_rate: float
    characters_per_second: float | None
    seconds: float

    @property
    def share(self) -> float:
        """The fraction of the run that is done, from 0 to 1."""
        return self.step / self.steps

    @property
    def train_bits(self) -> float:
        """train_nats / log 2, in bits per character."""
        return self.train_nats / math.log(2)

    @property
    def val_bits(self) -> float | None:
        """val_nats / log 2, in bits per character; None where val_nats is not a finite number."""
        nats = finite(self.val_nats)
        return None if nats is None else nats / math.log(2)

    def record(self) -> dict[str, Any]:
        """The numbers as a record of a metrics file."""
        speed = finite(self.characters_per_second)
        return {
            "step": self.step,
            "epoch": round(self.epoch, 6),
            "characters": self.characters,
            "train_nats": self.train_nats,
            "train_bits": self.train_bits,
            "val_nats": finite(self.val_nats),
            "val_bits": self.val_bits,
            "learning_rate": self.learning_rate,
            "characters_per_second": None if speed is None else round(speed, 1),
            "seconds": round(self.seconds, 3),
        }

    def _repr_html_(self) -> str:
        from gru_ext.reporting.notebook import progress_html

        return progress_html(self)
