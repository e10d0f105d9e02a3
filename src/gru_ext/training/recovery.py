# SPDX-License-Identifier: MIT
"""Whether a run is still sound: its losses and arrays are watched, its last good state is kept.

What is kept, and when a run goes back to it, depends on the updates' numbers and losses alone, not
on a clock, nor on where the run was interrupted (docs/design.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.training.trainer import Trainer

# Numbers of a run that go back with it: its point, the losses since, those of its evaluations.
Numbers = tuple[int, float, int, float | None, int]


class Snapshot:
    """A copy of a trainer's state.

    Parameters
    ----------
    trainer : Trainer
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self.weights = trainer.model.parameters.copy()
        self.memory = trainer.memory.copy()
        self.mean = None if trainer.mean is None else trainer.mean.copy()
        self.hidden = trainer.hidden.copy()
        self.numbers = trainer.numbers

    def _pairs(self) -> Iterator[tuple[NDArray[np.floating], NDArray[np.floating]]]:
        yield self._trainer.model.parameters.flat, self.weights.flat
        yield self._trainer.memory.flat, self.memory.flat
        if self.mean is not None and self._trainer.mean is not None:
            yield self._trainer.mean.flat, self.mean.flat
        yield self._trainer.hidden, self.hidden

    def take(self) -> None:
        """Copy the trainer's state."""
        for own, copy in self._pairs():
            copy[...] = own
        self.numbers = self._trainer.numbers

    def give_back(self) -> None:
        """Put the trainer into the state that was copied."""
        self._trainer.forget_windows()
        for own, copy in self._pairs():
            own[...] = copy
        self._trainer.numbers = self.numbers
        self._trainer.schedule.go_back(self.numbers[0])

    def checkpoint(self) -> Checkpoint:
        """Its arrays."""
        return Checkpoint(self.weights, {}, self.memory, self.hidden, self.mean)

    def assign(self, data: Checkpoint, numbers: tuple[int, int, float]) -> None:
        """Copy a state from a file.

        Raises
        ------
        CheckpointError
            Where it is of other sizes.
        """
        if (
            data.memory is None
            or data.hidden is None
            or data.hidden.shape != self.hidden.shape
            or (data.mean is None) != (self.mean is None)
        ):
            raise CheckpointError("has a damaged last good state")
        self.weights.assign(data.weights)
        self.memory.assign(data.memory)
        if self.mean is not None and data.mean is not None:
            self.mean.assign(data.mean)
        self.hidden[...] = data.hidden
        self.numbers = numbers


class Stability:
    """Judges a run's losses and arrays, and keeps its last good state.

    Parameters
    ----------
    trainer : Trainer

    Attributes
    ----------
    every : int
        Updates between the states that are kept.
    tries : int
        How often the learning rate is halved in a run.
    most_strikes, most_at_end : int
        Windows of an exploded loss, less others, after which the run is not sound; or not at its
        planned end, where no more will come.
    """

    every = 1000
    tries = 5
    most_strikes = 100
    most_at_end = 40

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        # A guess has log V. Windows may be worse where a text changes or T is small, but not most
        # of a hundred by so much: the output's biases alone learn to do better in some thirty.
        self.limit = math.log(trainer.model.parameters.vocabulary_size) + 2
        self.strikes = 0
        self._kept: Snapshot | None = None
        self._numbers: Numbers = (0, 0.0, 0, None, 0)

    @property
    def exhausted(self) -> bool:
        """Whether the learning rate was halved as often as it may be."""
        return self._trainer.schedule.halvings >= self.tries

    def is_sound(self) -> bool:
        """Whether all numbers of the trainer's arrays are finite.

        An update by a gradient that is not leaves its mark in them.
        """
        trainer = self._trainer
        arrays = [trainer.model.parameters.flat, trainer.memory.flat, trainer.hidden]
        if trainer.mean is not None:
            arrays.append(trainer.mean.flat)
        return all(np.isfinite(array).all() for array in arrays)

    def is_doubtful(self) -> bool:
        """Whether it may not be sound, so that its state is nothing to write to a file."""
        return self.strikes >= self.most_at_end or not self.is_sound()

    def judge(self, losses: NDArray[np.float64], last: bool) -> str | None:
        """What is wrong after some updates, the run's last ones or not; None where nothing is.

        Parameters
        ----------
        losses : ndarray
            In nats per character; their number never goes past a multiple of ``every``.
        last : bool
        """
        step = self._trainer.steps_done
        if self.strikes or not losses.max() <= self.limit:  # not: a NaN is no number to compare
            for number, loss in enumerate(losses.tolist(), start=step - len(losses) + 1):
                if not math.isfinite(loss):
                    return f"the loss of step {number:,} is not finite"
                strikes = 1 if loss > self.limit else -1
                # no surprise of a text that changes is so large: logits have lost their bounds
                self.strikes = max(0, self.strikes + (10 if loss > self.limit + 100 else strikes))
                if self.strikes >= self.most_strikes:
                    return self._exploded(number)
        if last and self.strikes >= self.most_at_end:
            return self._exploded(step)
        if (last or step % self.every == 0) and not self.is_sound():
            return f"after step {step:,} weights or memories are not finite"
        return None

    def _exploded(self, step: int) -> str:
        guess = math.log(self._trainer.model.parameters.vocabulary_size) / math.log(2)
        return (
            f"the loss exploded before step {step:,}, to more than {self.limit / math.log(2):.1f} "
            f"bits per character, where a guess has {guess:.1f}"
        )

    def _keeps(self) -> bool:
        return self._trainer.steps_done % self.every == 0 and self.strikes == 0

    def keep(self, numbers: Numbers) -> None:
        """Keep the state after this update, if it is one to be kept, and the run's numbers."""
        if self._kept is None:
            self._kept = Snapshot(self._trainer)
        elif self._keeps():
            self._kept.take()
        else:
            return
        self._numbers = numbers

    def go_back(self) -> Numbers:
        """Go back to the state that was kept, and to its run's numbers."""
        if self._kept is None:
            raise RuntimeError("no state was kept")
        self._kept.give_back()
        self.strikes = 0
        return self._numbers

    def good(self, ended: bool) -> Checkpoint | None:
        """What a file needs to hold beside the trainer's state.

        Nothing at the planned end, nor where the trainer's state is itself the one to be kept.
        """
        return None if ended or self._keeps() or self._kept is None else self._kept.checkpoint()

    def state(self, ended: bool) -> dict[str, Any]:
        """What a checkpoint keeps, beside the arrays of :meth:`good`."""
        state: dict[str, Any] = {"strikes": self.strikes}
        if self._kept is not None and self.good(ended) is not None:
            state["good"] = [*self._kept.numbers, *self._numbers]
        return state

    def resume(self, state: object, good: Checkpoint | None) -> None:
        """Go on from what a checkpoint kept; older files have nothing."""
        if state is None:
            return
        strikes = state.get("strikes") if isinstance(state, dict) else None
        if type(strikes) is not int or not 0 <= strikes < self.most_at_end:
            raise CheckpointError("has a damaged state of its stability")
        self.strikes = strikes
        numbers = state.get("good") if isinstance(state, dict) else None
        if numbers is None:
            return
        if good is None or not _are_numbers(numbers, self._trainer.steps_done):
            raise CheckpointError("has a damaged last good state")
        kept, now = Snapshot(self._trainer), self._trainer.numbers
        kept.assign(good, tuple(numbers[:3]))
        try:
            self._trainer.numbers = kept.numbers
        except ValueError as error:
            raise CheckpointError(f"has a damaged last good state: {error}") from None
        self._trainer.numbers = now
        self._kept, self._numbers = kept, tuple(numbers[3:])


def _are_numbers(numbers: object, step: int) -> bool:
    """Whether they are a trainer's and a run's, of a step before."""
    if not isinstance(numbers, list) or len(numbers) != 8:
        return False
    kinds: tuple[Any, ...] = (int, int, float, int, float, int, float | None, int)
    return (
        all(isinstance(n, k) and type(n) is not bool for n, k in zip(numbers, kinds, strict=True))
        and all(math.isfinite(n) for n in numbers if n is not None)
        and all(n >= 0 for n in (*numbers[:2], numbers[3], numbers[5], numbers[7]))
        and max(numbers[3], numbers[5]) <= numbers[0] <= step
    )
