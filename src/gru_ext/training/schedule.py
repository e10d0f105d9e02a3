# SPDX-License-Identifier: MIT
"""The learning rate of each update: a function of the update's number and of the run's length."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# With a thousandth of a rate nothing is learned any more.
_MOST_LOWERED = 10


@dataclass
class Schedule:
    """A rise over the first updates, and what follows.

    Attributes
    ----------
    name : {"constant", "cosine", "plateau"}
        What lowers a plateau's rate is :attr:`lowered`, by whoever measures the loss.
    learning_rate : float
        The largest.
    warmup : int
        Updates in which the rate rises to it in even steps.
    planned_steps : int, optional
        Updates of the whole run, over which a cosine falls to 0.
    halvings : int
        How often all rates were halved, which is exact: after the run diverged.
    lowered : list of int
        Numbers of updates, in order, after each of which the rates of all later ones are half as
        large: on plateaus of the loss.
    """

    name: str
    learning_rate: float
    warmup: int
    planned_steps: int | None = None
    halvings: int = 0
    lowered: list[int] = field(default_factory=list)

    @property
    def peak(self) -> float:
        """The largest rate that is still to come: halved as often, and lowered."""
        return self.learning_rate * 0.5 ** (self.halvings + len(self.lowered))

    def lower(self, done: int) -> bool:
        """Halve the rates of the updates after the first ``done``; False where they are too low."""
        if len(self.lowered) >= _MOST_LOWERED:
            return False
        self.lowered.append(done)
        return True

    def go_back(self, done: int) -> None:
        """Forget what was lowered after more updates than ``done``."""
        self.lowered = [number for number in self.lowered if number <= done]

    def rates(self, done: int, count: int) -> NDArray[np.float64]:
        """The rates of the ``count`` updates after the first ``done``.

        Raises
        ------
        ValueError
            Where a cosine has no planned steps.
        """
        updates = done + 1 + np.arange(count, dtype=np.float64)
        largest = self.learning_rate * 0.5**self.halvings
        rates = largest * np.minimum(1.0, updates / max(1, self.warmup))
        if self.name == "cosine":
            rates *= [self._cosine(update) for update in range(done + 1, done + count + 1)]
        for number in self.lowered:
            rates[updates > number] *= 0.5
        return rates

    def _cosine(self, update: int) -> float:
        # math.cos: numpy.cos may round by an element's place in its array
        if self.planned_steps is None:
            raise ValueError("a cosine schedule needs the planned steps")
        falling = max(1, self.planned_steps - self.warmup)
        share = min(1.0, max(0, update - 1 - self.warmup) / falling)
        return 0.5 + 0.5 * math.cos(math.pi * share)


def are_lowered(lowered: object, step: int) -> bool:
    """Whether this may be :attr:`Schedule.lowered`: updates up to this one, in order."""
    return (
        isinstance(lowered, list)
        and len(lowered) <= _MOST_LOWERED
        and all(type(number) is int and 0 <= number <= step for number in lowered)
        and lowered == sorted(lowered)
    )
