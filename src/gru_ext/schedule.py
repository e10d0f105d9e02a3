# SPDX-License-Identifier: MIT
"""The learning rate of each update: a function of the update's number and of the run's length."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass
class Schedule:
    """A rise over the first updates, and what follows.

    Attributes
    ----------
    name : {"constant", "cosine"}
    learning_rate : float
        The largest.
    warmup : int
        Updates in which the rate rises to it in even steps.
    planned_steps : int, optional
        Updates of the whole run, over which a cosine falls to 0.
    halvings : int
        How often all rates were halved, which is exact.
    """

    name: str
    learning_rate: float
    warmup: int
    planned_steps: int | None = None
    halvings: int = 0

    @property
    def peak(self) -> float:
        """The largest rate, halved as often."""
        return self.learning_rate * 0.5**self.halvings

    def rates(self, done: int, count: int) -> NDArray[np.float64]:
        """The rates of the ``count`` updates after the first ``done``.

        Raises
        ------
        ValueError
            Where a cosine has no planned steps.
        """
        updates = done + 1 + np.arange(count, dtype=np.float64)
        rates = self.peak * np.minimum(1.0, updates / max(1, self.warmup))
        if self.name == "cosine":
            rates *= [self._cosine(update) for update in range(done + 1, done + count + 1)]
        return rates

    def _cosine(self, update: int) -> float:
        # math.cos: numpy.cos may round by an element's place in its array
        if self.planned_steps is None:
            raise ValueError("a cosine schedule needs the planned steps")
        falling = max(1, self.planned_steps - self.warmup)
        share = min(1.0, max(0, update - 1 - self.warmup) / falling)
        return 0.5 + 0.5 * math.cos(math.pi * share)
