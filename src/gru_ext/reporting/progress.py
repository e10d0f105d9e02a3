# SPDX-License-Identifier: MIT
"""The numbers of a training run at one of its points, a line of progress or an evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


def finite(value: float | None) -> float | None:
    """The number; None where there is none, or none that is finite, which JSON cannot hold."""
    return None if value is None or not math.isfinite(value) else value


@dataclass(frozen=True)
class Progress:
    """What a run tells its log, its metrics file and its callback.

    Attributes
    ----------
    step, steps : int
        Updates made, and to be made in all.
    epoch : float
        Passes over the text.
    characters : int
        Characters learned from: those of all updates.
    train_nats : float
        Mean loss of each character since the point before, in nats, before each update.
    val_nats : float or None
        Loss of the held-out part, in nats per character, where it was measured at this point.
    learning_rate : float
        Of the last update.
    characters_per_second : float
        Of the updates since the point before, without evaluations, samples and files.
    seconds : float
        That training has taken; those before a resume included where a metrics file tells them.
    """

    step: int
    steps: int
    epoch: float
    characters: int
    train_nats: float
    val_nats: float | None
    learning_rate: float
    characters_per_second: float
    seconds: float

    @property
    def share(self) -> float:
        """Share of the run that is done, from 0 to 1."""
        return self.step / self.steps

    @property
    def train_bits(self) -> float:
        """train_nats / log 2, in bits per character."""
        return self.train_nats / math.log(2)

    @property
    def val_bits(self) -> float | None:
        """val_nats / log 2, in bits per character; None where val_nats is no finite number."""
        nats = finite(self.val_nats)
        return None if nats is None else nats / math.log(2)

    def record(self) -> dict[str, Any]:
        """A line of a metrics file."""
        return {
            "step": self.step,
            "epoch": round(self.epoch, 6),
            "characters": self.characters,
            "train_nats": self.train_nats,
            "train_bits": self.train_bits,
            "val_nats": finite(self.val_nats),
            "val_bits": self.val_bits,
            "learning_rate": self.learning_rate,
            "characters_per_second": round(self.characters_per_second, 1),
            "seconds": round(self.seconds, 3),
        }
