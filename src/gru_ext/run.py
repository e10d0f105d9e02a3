# SPDX-License-Identifier: MIT
"""The updates of a training run, and what is printed on the way."""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from gru_ext.console import Console
from gru_ext.pace import Pace, StopRequest, next_event
from gru_ext.sampling import sample_chunks
from gru_ext.scoring import evaluate_symbols
from gru_ext.trainer import Trainer


class Run:
    """The updates of a run.

    Parameters
    ----------
    trainer : Trainer
    steps : int
        Updates to have made at the end.
    held_out : ndarray of symbols
        What is measured at the end; may be empty.
    seed : int
        Of the samples.
    sample_every, sample_length, log_every : int, optional
        0 for none; by default four samples of 200 characters and twenty lines in the whole run.
    """

    def __init__(
        self,
        trainer: Trainer,
        steps: int,
        held_out: NDArray[np.integer],
        *,
        seed: int,
        sample_every: int | None = None,
        sample_length: int | None = None,
        log_every: int | None = None,
    ) -> None:
        self.trainer, self.steps, self.held_out, self.seed = trainer, steps, held_out, seed
        self.sample_every = max(1, steps // 4) if sample_every is None else sample_every
        self.sample_length = 200 if sample_length is None else sample_length
        self.unit = "byte" if trainer.model.vocabulary.units == "bytes" else "character"
        self.log_every = max(1, steps // 20) if log_every is None else log_every

    def go(self, stop: StopRequest, quiet: bool) -> None:
        """Make the updates that are left, or until a stop is requested."""
        trainer = self.trainer
        per_step = trainer.characters_per_step
        pace = Pace()
        since, began, loss_sum = trainer.steps_done, time.perf_counter(), 0.0
        with Console(self.steps * per_step, trainer.steps_done * per_step, quiet) as console:
            console.print(self._heading())
            while trainer.steps_done < self.steps and not stop:
                done = trainer.steps_done
                until = next_event(done, self.steps, self.sample_every, self.log_every)
                losses = trainer.advance(pace.next(until - done))
                done = trainer.steps_done
                loss_sum += float(losses.sum())
                if not math.isfinite(loss_sum):
                    raise ValueError(
                        f"training diverged before step {done}: the loss is not finite; train "
                        f"with a learning rate lower than {trainer.learning_rate:.4g}"
                    )
                console.advance(len(losses) * per_step, trainer.smooth_loss / math.log(2))
                if self.log_every and (done % self.log_every == 0 or done == self.steps):
                    seconds = time.perf_counter() - began
                    console.print(
                        self._progress(
                            loss_sum / (done - since), (done - since) * per_step / seconds
                        )
                    )
                    since, began, loss_sum = done, time.perf_counter(), 0.0
                if self.sample_every and (done % self.sample_every == 0 or done == self.steps):
                    console.print(self._sample())
            if len(self.held_out) and not quiet:
                console.print(self._measure())

    def _heading(self) -> str:
        trainer, model = self.trainer, self.trainer.model
        held = f" and {len(self.held_out):,} held out" if len(self.held_out) else ""
        return (
            f"{trainer.characters:,} {self.unit}s to train on{held}, "
            f"{len(model.vocabulary)} different; hidden size {model.hidden_size}, "
            f"{model.dtype}, {trainer.batch_size} streams of windows of {trainer.seq_length}, "
            f"{trainer.optimizer} with learning rate {trainer.learning_rate:.4g}, "
            f"{self.steps:,} steps, "
            f"{trainer.threads} thread{'s' * (trainer.threads > 1)}"
        )

    def _progress(self, nats: float, characters_per_second: float) -> str:
        done = self.trainer.steps_done
        return (
            f"step {done:,} of {self.steps:,}, epoch "
            f"{done / self.trainer.windows_per_epoch:.2f}: {nats / math.log(2):.3f} bits per "
            f"{self.unit}, {characters_per_second:,.0f} {self.unit}s a second"
        )

    def _sample(self) -> str:
        model = self.trainer.model
        text = "".join(
            sample_chunks(
                model.parameters,
                model.vocabulary,
                self.sample_length,
                seed=(self.seed, self.trainer.steps_done),
                separator=model.separator,
            )
        )
        return f"----\n{text}\n----"

    def _measure(self) -> str:
        model = self.trainer.model
        result = evaluate_symbols(model.parameters, self.held_out, separator=model.separator)
        return (
            f"held out, {result.characters:,} {self.unit}s: {result.bits_per_char:.3f} bits per "
            f"{self.unit}"
        )
