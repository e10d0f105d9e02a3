# SPDX-License-Identifier: MIT
"""A copy of a trainer's state, to which it can be restored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.checkpoint import Checkpoint, CheckpointError

if TYPE_CHECKING:
    from gru_ext.training.trainer import Trainer


class RollBack(Protocol):
    """A state of all that a trainer trains, to which it can be restored."""

    counters: tuple[int, int, float]

    def take(self) -> None:
        """Copy the present state."""

    def restore(self) -> None:
        """Return to the state that was copied."""

    def checkpoint(self) -> Checkpoint:
        """The arrays of the copy."""

    def assign(self, data: Checkpoint, counters: tuple[int, int, float]) -> None:
        """Copy a state from a file."""


class Snapshot:
    """A copy of a trainer's state.

    Parameters
    ----------
    trainer : Trainer
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self.weights = trainer.model.parameters.copy()
        self.beside = {name: arrays.copy() for name, arrays in trainer.beside.items()}
        self.hidden = trainer.hidden.copy()
        self.counters = trainer.counters

    def _pairs(self) -> Iterator[tuple[NDArray[np.floating], NDArray[np.floating]]]:
        yield self._trainer.model.parameters.flat, self.weights.flat
        for name, copy in self.beside.items():
            yield self._trainer.beside[name].flat, copy.flat
        yield self._trainer.hidden, self.hidden

    def take(self) -> None:
        """Copy the trainer's state."""
        for own, copy in self._pairs():
            copy[...] = own
        self.counters = self._trainer.counters

    def restore(self) -> None:
        """Put the trainer into the state that was copied."""
        self._trainer.clear_workspace()
        for own, copy in self._pairs():
            own[...] = copy
        self._trainer.counters = self.counters
        self._trainer.schedule.roll_back(self.counters[0])

    def checkpoint(self) -> Checkpoint:
        """The arrays of the copy."""
        data = Checkpoint(self.weights, hidden=self.hidden)
        data.put_beside(self.beside)
        return data

    def assign(self, data: Checkpoint, counters: tuple[int, int, float]) -> None:
        """Copy a state from a file.

        Raises
        ------
        CheckpointError
            The state has other sizes.
        """
        if (
            data.hidden is None
            or data.hidden.shape != self.hidden.shape
            or data.beside.keys() != self.beside.keys()
        ):
            raise CheckpointError("has a damaged last good state")
        self.weights.assign(data.weights)
        for name, arrays in data.beside.items():
            self.beside[name].assign(arrays)
        self.hidden[...] = data.hidden
        self.counters = counters
