# SPDX-License-Identifier: MIT
"""Recovery from divergence: losses and weights are checked, and a run can be rolled back.

What is kept, and when a run is rolled back, depends only on the numbers and losses of the steps. It
depends neither on a clock nor on where the run was interrupted
(docs/explanation/design/recovery.md).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.training.chunks import on_sync
from gru_ext.training.recorded import RUN_COUNTERS, STABILITY, checked_state
from gru_ext.training.snapshot import RollBack
from gru_ext.training.trainer import Trainer

# What a run rolls back beside its arrays: the step of its last report, the sum of losses since,
# and its validation's counters.
RunCounters = tuple[int, float, int, float | None, int]


class Recovery:
    """Checks the losses and arrays of a run, and keeps its last good state.

    Parameters
    ----------
    trainer : Trainer

    Attributes
    ----------
    every : int
        Steps between the states that are kept.
    most_halvings : int
        How often the learning rate is halved in a run, at most.
    most_strikes, most_at_end : int
        A window with an exploded loss is a strike; any other window takes one back. So many strikes
        mean divergence, in the middle of the run and at its planned end.
    """

    every = 1000
    most_halvings = 5
    most_strikes = 100
    most_at_end = 40

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self.every = on_sync(self.every, trainer.sync_every)
        # A uniform guess has the loss log V. A window may be worse where the text changes or T is
        # small, but not most of a hundred windows, and not by so much: the biases of the output
        # alone learn to do better in about thirty.
        self.limit = math.log(trainer.model.parameters.vocabulary_size) + 2
        self.strikes = 0
        self._kept: RollBack | None = None
        self._run_counters: RunCounters = (0, 0.0, 0, None, 0)

    @property
    def exhausted(self) -> bool:
        """Whether the learning rate was already halved as often as allowed."""
        return self._trainer.schedule.halvings >= self.most_halvings

    def may_have_diverged(self) -> bool:
        """Whether the state is in doubt, and should not be written to a file."""
        return self.strikes >= self.most_at_end or not self._trainer.is_finite()

    def find_divergence(self, losses: NDArray[np.float64], last: bool) -> str | None:
        """Say how a run has diverged in its latest steps; None if it has not.

        Parameters
        ----------
        losses : ndarray, shape (n,)
            The losses of these steps in nats per character. They do not go past a multiple of
            ``every``.
        last : bool
            Whether they are the last steps of the run.
        """
        step = self._trainer.steps_done
        if self.strikes or not losses.max() <= self.limit:  # not: a NaN compares as False
            for number, loss in enumerate(losses.tolist(), start=step - len(losses) + 1):
                if not math.isfinite(loss):
                    return f"the loss of step {number:,} is not finite"
                strikes = 1 if loss > self.limit else -1
                # a change of the text cannot cause so large a loss: the logits have exploded
                self.strikes = max(0, self.strikes + (10 if loss > self.limit + 100 else strikes))
                if self.strikes >= self.most_strikes:
                    return self._exploded(number)
        if last and self.strikes >= self.most_at_end:
            return self._exploded(step)
        if (last or step % self.every == 0) and not self._trainer.is_finite():
            return f"weights or optimiser state are not finite after step {step:,}"
        return None

    def _exploded(self, step: int) -> str:
        guess = math.log(self._trainer.model.parameters.vocabulary_size) / math.log(2)
        return (
            f"the loss exploded before step {step:,}: it was above {self.limit / math.log(2):.1f} "
            f"bits per character, where a uniform guess has {guess:.1f}"
        )

    def _is_kept(self) -> bool:
        return self._trainer.steps_done % self.every == 0 and self.strikes == 0

    def keep(self, counters: RunCounters) -> None:
        """Keep the state after this step and the run's counters, if the step is one of those."""
        if self._kept is None:
            self._kept = self._trainer.snapshot()
        elif self._is_kept():
            self._kept.take()
        else:
            return
        self._run_counters = counters

    def roll_back(self) -> RunCounters:
        """Restore the state that was kept; return the run's counters at that step."""
        if self._kept is None:
            raise RuntimeError("no state was kept")
        self._kept.restore()
        self.strikes = 0
        return self._run_counters

    def good(self, ended: bool) -> Checkpoint | None:
        """The kept state, if a file must hold it beside the trainer's state.

        It need not at the planned end, nor where the trainer's state is itself the one to keep.
        """
        return self._kept.checkpoint() if self._kept is not None and self._needed(ended) else None

    def _needed(self, ended: bool) -> bool:
        return not (ended or self._is_kept())

    def state(self, ended: bool) -> dict[str, Any]:
        """What a checkpoint holds of this, beside the arrays of :meth:`good`."""
        state: dict[str, Any] = {"strikes": self.strikes}
        if self._kept is not None and self._needed(ended):
            state["good"] = [*self._kept.counters, *self._run_counters]
        return state

    def resume(self, state: object, good: Checkpoint | None) -> None:
        """Continue from what a checkpoint holds; older files hold nothing."""
        if state is None:
            return
        checked = checked_state(state, STABILITY, "recovery state")
        self.strikes, named = checked["strikes"], checked["good"]
        if self.strikes >= self.most_at_end:
            raise CheckpointError("has a damaged recovery state")
        if named is None:
            return
        if good is None:
            raise CheckpointError("has a damaged last good state")
        latest = max(named["reported step"], named["validated step"])
        if not latest <= named["step"] <= self._trainer.steps_done:
            raise CheckpointError("has a damaged last good state")
        kept, now = self._trainer.snapshot(), self._trainer.counters
        kept.assign(good, (named["step"], named["position"], named["loss"]))
        try:
            self._trainer.counters = kept.counters
        except ValueError as error:
            raise CheckpointError(f"has a damaged last good state: {error}") from None
        self._trainer.counters = now
        self._kept = kept
        reported, loss_sum, *validation = (named[name] for name in RUN_COUNTERS)
        self._run_counters = (reported, loss_sum, *validation)
