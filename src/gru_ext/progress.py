# SPDX-License-Identifier: MIT
"""The numbers of a training run at one of its points, a line of progress or an evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


def bits(nats: float | None) -> float | None:
    """nats / log 2; None where there is no number, or none that is finite."""
    return None if nats is None or not math.isfinite(nats) else nats / math.log(2)


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
        return bits(self.val_nats)

    def record(self) -> dict[str, Any]:
        """A line of a metrics file; JSON has no numbers that are not finite."""
        return {
            "step": self.step,
            "epoch": round(self.epoch, 6),
            "characters": self.characters,
            "train_nats": self.train_nats,
            "train_bits": self.train_bits,
            "val_nats": None if self.val_bits is None else self.val_nats,
            "val_bits": self.val_bits,
            "learning_rate": self.learning_rate,
            "characters_per_second": round(self.characters_per_second, 1),
            "seconds": round(self.seconds, 3),
        }
