# SPDX-License-Identifier: MIT
"""The learning rate of each step: a function of the step's number and of the run's length."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gru_ext.training.optimizers import ScheduleName

MOST_LOWERED = 10
"""A model learns nothing more with a thousandth of the learning rate."""


@dataclass
class Schedule:
    """A learning-rate schedule: a linear warm-up and what follows it.

    Attributes
    ----------
    name : {"constant", "cosine", "plateau"}
        With a plateau the rate is lowered by :meth:`lower`, by whoever evaluates the model.
    learning_rate : float
        The peak learning rate.
    warmup : int
        The steps in which the rate rises to the peak linearly.
    planned_steps : int, optional
        The steps of the whole run, over which a cosine falls to 0.
    halvings : int
        How often all rates were halved because the run diverged. Halving is exact.
    lowered : list of int
        The steps, in order, after each of which all later rates are half as large, because the
        validation loss was on a plateau.
    """

    name: ScheduleName
    learning_rate: float
    warmup: int
    planned_steps: int | None = None
    halvings: int = 0
    lowered: list[int] = field(default_factory=list)

    @property
    def peak(self) -> float:
        """The peak learning rate after all halvings and lowerings."""
        return self.learning_rate * 0.5 ** (self.halvings + len(self.lowered))

    def lower(self, done: int) -> bool:
        """Halve the rates after the first ``done`` steps; False where they are too low for that."""
        if len(self.lowered) >= MOST_LOWERED:
            return False
        self.lowered.append(done)
        return True

    def roll_back(self, done: int) -> None:
        """Undo the lowerings after more than ``done`` steps."""
        self.lowered = [number for number in self.lowered if number <= done]

    def rates(self, done: int, count: int) -> NDArray[np.float64]:
        """The rates of the ``count`` steps after the first ``done``, shape (count,).

        Raises
        ------
        ValueError
            A cosine has no planned steps.
        """
        steps = done + 1 + np.arange(count, dtype=np.float64)
        peak = self.learning_rate * 0.5**self.halvings
        rates = peak * np.minimum(1.0, steps / max(1, self.warmup))
        if self.name == "cosine":
            rates *= [self._cosine(step) for step in range(done + 1, done + count + 1)]
        for number in self.lowered:
            rates[steps > number] *= 0.5
        return rates

    def _cosine(self, step: int) -> float:
        # math.cos: numpy.cos may round differently at different places of an array. C libraries
        # differ in its last bit, so it is rounded to a multiple of 2^-32.
        if self.planned_steps is None:
            raise ValueError("a cosine schedule needs the planned steps")
        falling = max(1, self.planned_steps - self.warmup)
        progress = min(1.0, max(0, step - 1 - self.warmup) / falling)
        return round((0.5 + 0.5 * math.cos(math.pi * progress)) * 2**32) / 2**32


def are_lowered(lowered: list[int], step: int) -> bool:
    """Whether numbers may be :attr:`Schedule.lowered`: steps up to this one, in order."""
    return all(number <= step for number in lowered) and lowered == sorted(lowered)
