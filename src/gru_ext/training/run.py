# SPDX-License-Identifier: MIT
"""The updates of a training run, and what is measured, shown and written on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.model.sampling import sample_chunks
from gru_ext.reporting.console import Console, tell
from gru_ext.reporting.metrics import Metrics
from gru_ext.reporting.progress import Progress
from gru_ext.reporting.tensorboard import EventFile
from gru_ext.training.checkpoints import Saver, read_best
from gru_ext.training.interrupts import Pace, StopRequest, next_event
from gru_ext.training.outputs import Watching
from gru_ext.training.recovery import Stability
from gru_ext.training.trainer import Trainer
from gru_ext.training.validation import Validation

_LINES = 20


def default_log_every(steps: int) -> int:
    """Updates between lines of progress."""
    return max(1, steps // _LINES)


class Run:
    """The updates of a run.

    Parameters
    ----------
    trainer : Trainer
    steps : int
        Updates to have made at the end.
    validation : Validation
    watching : Watching
    saver : Saver
    seed : int
        Of the samples.
    keep_best : bool
        Keep the weights of the best evaluation.
    added : int
        Characters that the weights it starts from did not know.
    """

    def __init__(
        self,
        trainer: Trainer,
        steps: int,
        validation: Validation,
        watching: Watching,
        saver: Saver,
        seed: int,
        keep_best: bool,
        added: int = 0,
    ) -> None:
        self.trainer, self.steps, self.validation, self.saver = trainer, steps, validation, saver
        self.watching, self.seed, self.keep_best, self.added = watching, seed, keep_best, added
        self.best: Checkpoint | None = None
        self.stability = Stability(trainer)
        self.unit = "byte" if trainer.model.vocabulary.units == "bytes" else "character"
        chosen = watching.sample_every, watching.sample_length, watching.log_every
        self.sample_every = max(1, steps // 4) if chosen[0] is None else chosen[0]
        self.sample_length = 200 if chosen[1] is None else chosen[1]
        self.log_every = default_log_every(steps) if chosen[2] is None else chosen[2]
        # an evaluation that nobody sees is left out
        seen = keep_best or validation.patience or watching.metrics or watching.plot
        seen = seen or watching.tensorboard or trainer.schedule.name == "plateau"
        self.measures = bool(seen) or watching.callback is not None or not watching.quiet
        # the point before, and since: losses, seconds of updates, updates that these were for
        self._point, self._nats, self._seconds, self._timed = trainer.steps_done, 0.0, 0.0, 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the trainer's state."""
        return {
            "point": self._point,
            "nats": self._nats,
            "validation": self.validation.state(),
            "stability": self.stability.state(self._ended),
        }

    def resume(self, data: Checkpoint) -> None:
        """Go on from what a checkpoint kept; older files have nothing."""
        state = data.metadata.get("run")
        if state is None:
            return
        if not isinstance(state, dict):
            raise CheckpointError("has a damaged state of its run")
        point, nats = state.get("point"), state.get("nats")
        if (
            type(point) is not int
            or not 0 <= point <= self.trainer.steps_done
            or not isinstance(nats, float)
            or not math.isfinite(nats)
        ):
            raise CheckpointError("has a damaged state of its run")
        self._point, self._nats = point, nats
        self.validation.resume(state.get("validation"))
        self.stability.resume(state.get("stability"), data.good)
        if self.keep_best and self.watching.output is not None and self.validation.best_step:
            self.best = read_best(self.watching.output)
            if self.best is None or not self._is_ours(self.best):
                self.best = None
                self.validation.forget_best()  # and look for it anew

    def _is_ours(self, best: Checkpoint) -> bool:
        """Whether weights are this run's best, or a better one that a killed run came to later."""
        about = best.metadata.get("validation")
        nats = about.get("nats_per_char") if isinstance(about, dict) else None
        model = self.trainer.model
        return (
            isinstance(nats, float)
            and nats <= self.validation.best_nats
            and best.vocabulary == model.vocabulary
            and (best.hidden_size, best.layers) == (model.hidden_size, model.layers)
        )

    def checkpoint(self) -> Checkpoint:
        """The trainer's checkpoint, and this run's state."""
        data = self.trainer.checkpoint()
        data.metadata["run"] = self.state()
        data.good = self.stability.good(self._ended)
        return data

    @property
    def _ended(self) -> bool:
        return self.trainer.steps_done >= self.steps

    def go(self, stop: StopRequest) -> None:
        """Make the updates that are left, or until a stop is requested."""
        trainer = self.trainer
        per_step = trainer.characters_per_step
        begun = self._begun = trainer.steps_done
        self._metrics = Metrics(self.watching.metrics, begun)
        self._events = EventFile(self.watching.tensorboard, begun)
        self._began = time.perf_counter() - self._metrics.seconds
        pace, took = Pace(), 0.0
        with Console(self.steps * per_step, begun * per_step, self.watching.quiet) as console:
            console.print(self._heading())
            while not self._ends(console, begun, stop):
                done = trainer.steps_done
                self.stability.keep((self._point, self._nats, *self.validation.numbers))
                until = next_event(
                    done,
                    self.steps,
                    self.sample_every,
                    self.log_every,
                    self.validation.every,
                    self.saver.every,
                    self.stability.every,
                )
                started = time.perf_counter()
                losses = trainer.advance(pace.next(until - done, took))
                took = time.perf_counter() - started
                self._seconds += took
                self._timed += len(losses)
                wrong = self.stability.judge(losses, self._ended)
                if wrong is not None:
                    self._go_back(wrong)
                else:
                    for loss in losses.tolist():  # one by one: the same sum, whatever the pieces
                        self._nats += loss
                made = trainer.steps_done - done
                console.advance(made * per_step, trainer.smooth_loss / math.log(2))
            if not self._ended and self.stability.is_doubtful():
                self._restore()  # a resume makes these updates again
        self._metrics.flush()
        self._events.flush()

    def _go_back(self, wrong: str) -> None:
        """Go on from the last good state with half the learning rate, or give up."""
        trainer, rate = self.trainer, self.trainer.learning_rate
        self._restore()
        if self.stability.exhausted:
            raise ValueError(self._given_up(wrong, rate))
        trainer.schedule.halvings += 1
        tell(
            f"{wrong}: back to step {trainer.steps_done:,}, and on with half the learning rate, "
            f"{trainer.learning_rate:.4g}"
        )

    def _restore(self) -> None:
        self._point, self._nats, step, nats, waited = self.stability.go_back()
        self.validation.go_back(step, nats, waited)
        self._metrics.take_back(self.trainer.steps_done)
        self._events.take_back(self.trainer.steps_done)
        self.saver.go_back()

    def _given_up(self, wrong: str, rate: float) -> str:
        step, there = self.trainer.steps_done, ""
        if step > self._begun and self.saver.save(self.checkpoint(), step):
            there = (
                f"; the last good state, of step {step:,}, is in {self.watching.output}: go on "
                f"from there with --resume"
            )
        return (
            f"training diverged, {self.trainer.schedule.halvings} times half the learning rate "
            f"did not help: {wrong}; train with a learning rate lower than {rate:.4g}{there}"
        )

    def draw(self) -> None:
        """Draw the picture that was asked for."""
        if self.watching.plot is None or not self._metrics.records:
            return
        from gru_ext.reporting.plot import plot_records

        try:
            plot_records({"": self._metrics.records}, self.watching.plot)
        except OSError as error:  # the model is written, and worth more than its picture
            tell(str(error))

    def _ends(self, console: Console, begun: int, stop: StopRequest) -> bool:
        """Do what is due after the last update; whether the run ends here."""
        step, validation = self.trainer.steps_done, self.validation
        last = step >= self.steps
        if self.measures and validation.is_due(step, last) and not self.stability.is_doubtful():
            if validation.measure(self.trainer.model, step, stop):
                if self.keep_best:
                    self._keep_best()
            elif validation.step == step:  # not stopped in the middle
                self._lower()
        if stop and not last:
            return True  # a resume does what is due here
        ended = last or validation.exhausted
        due = last or validation.step == step or (self.log_every and step % self.log_every == 0)
        if due and step > self._point:
            progress = self._progress(step)
            if self.log_every:
                console.print(self._line(progress))
            if not ended and self.trainer.schedule.lowered[-1:] == [step]:
                console.print(self._lowered())
            self._point, self._nats, self._seconds, self._timed = step, 0.0, 0.0, 0
            self._metrics.add(progress.record())
            self._events.add(progress.record())
            if self.watching.callback is not None and self.watching.callback(progress):
                ended = True
        if step > begun and self.sample_every and (last or step % self.sample_every == 0):
            console.print(self._sample())
        if ended:
            for line in self._ending():
                console.print(line)
        elif step > begun and self.saver.is_due(step) and not self.stability.is_doubtful():
            self.saver.save(self.checkpoint(), step)
        return ended

    def _lower(self) -> None:
        """Lower the learning rate where the held-out loss is on a plateau.

        While it rises nothing is lowered: a loss is no judgement of a rate that is not reached yet.
        """
        schedule, step = self.trainer.schedule, self.trainer.steps_done
        if schedule.name == "plateau" and self.validation.on_plateau and step >= schedule.warmup:
            self.trainer.lower_learning_rate()

    def _lowered(self) -> str:
        return (
            f"no better held-out loss in {self.validation.waited} evaluations: learning rate "
            f"lowered to {self.trainer.learning_rate:.4g}"
        )

    def _keep_best(self) -> None:
        data = self.trainer.model.checkpoint()
        data.weights = {name: array.copy() for name, array in data.weights.items()}
        data.metadata |= {
            "step": self.validation.best_step,
            "validation": {"nats_per_char": self.validation.best_nats},
        }
        self.best = data
        self.saver.save_best(data)

    def _progress(self, step: int) -> Progress:
        trainer, validation = self.trainer, self.validation
        measured = validation.last is not None and validation.step == step
        characters = self._timed * trainer.characters_per_step
        return Progress(
            step=step,
            steps=self.steps,
            epoch=step / trainer.windows_per_epoch,
            characters=step * trainer.characters_per_step,
            train_nats=self._nats / (step - self._point),
            val_nats=validation.last.nats_per_char if validation.last and measured else None,
            learning_rate=trainer.current_rate,
            characters_per_second=characters / self._seconds if self._seconds else 0.0,
            seconds=time.perf_counter() - self._began,
        )

    def _heading(self) -> str:
        trainer, model, held_out = self.trainer, self.trainer.model, len(self.validation.held_out)
        held = f" and {held_out:,} held out" if held_out else ""
        added = f" ({self.added} of them new to the model)" if self.added else ""
        dropout = f", dropout {trainer.dropout:g}" if trainer.dropout else ""
        return (
            f"{trainer.characters:,} {self.unit}s to train on{held}, "
            f"{len(model.vocabulary)} different{added}; {model.parameters.sizes}{dropout}, "
            f"{model.dtype}, {trainer.batch_size} streams of windows of {trainer.seq_length}, "
            f"{trainer.optimizer} with learning rate {trainer.learning_rate:.4g}, "
            f"{self.steps:,} steps, "
            f"{trainer.threads} thread{'s' * (trainer.threads > 1)}"
        )

    def _line(self, progress: Progress) -> str:
        held, validation = "", self.validation
        if validation.last is not None:
            when = "" if validation.step == progress.step else f" at step {validation.step:,}"
            held = f" (held out {validation.last.bits_per_char:.3f}{when})"
        return (
            f"step {progress.step:,} of {self.steps:,} ({progress.share:.0%}), epoch "
            f"{progress.epoch:.2f}: {progress.train_bits:.3f} bits per {self.unit}{held}, "
            f"{progress.characters_per_second:,.0f} {self.unit}s a second"
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

    def _ending(self) -> Iterator[str]:
        validation = self.validation
        if validation.exhausted and validation.best_step:
            yield (
                f"no better held-out loss in {validation.waited} evaluations; the best was "
                f"{validation.best_nats / math.log(2):.3f} bits per {self.unit} at step "
                f"{validation.best_step:,}"
            )
        if validation.last is not None and validation.step == self.trainer.steps_done:
            yield (
                f"held out, {validation.last.characters:,} {self.unit}s: "
                f"{validation.last.bits_per_char:.3f} bits per {self.unit}"
            )
