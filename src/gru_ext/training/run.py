# SPDX-License-Identifier: MIT
"""A run: its steps, and the evaluations, reports, samples and checkpoints between them."""

from __future__ import annotations

import logging
import math
import time
from typing import Any

from gru_ext.arguments.messages import counted
from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.model.model import Model
from gru_ext.model.sampling import iter_sample
from gru_ext.reporting.console import Console
from gru_ext.reporting.history import History
from gru_ext.reporting.metrics import Metrics
from gru_ext.reporting.progress import Progress, RecentLoss
from gru_ext.reporting.table import Table
from gru_ext.reporting.tensorboard import EventFile
from gru_ext.training.best import BestWeights
from gru_ext.training.checkpoints import CheckpointWriter
from gru_ext.training.chunks import ChunkSize, next_event, on_sync
from gru_ext.training.defaults import default_log_every, default_samples
from gru_ext.training.interrupts import StopRequest
from gru_ext.training.options import TrainingOptions
from gru_ext.training.parts import TextParts
from gru_ext.training.progress_lines import (
    calibrated_line,
    ending,
    heading,
    lowered_line,
    sample_lines,
    unit_of,
    wrapped,
)
from gru_ext.training.recorded import RUN, checked_state
from gru_ext.training.recovery import Recovery
from gru_ext.training.trainer import Trainer
from gru_ext.training.validation import Validation

_logger = logging.getLogger("gru_ext")

# Steps and seconds, one of which the speed of an interval must have.
_TIMED_STEPS, _TIMED_SECONDS = 10, 0.5


class Run:
    """The steps of a run and what happens between them.

    Parameters
    ----------
    trainer : Trainer
    options : TrainingOptions
    steps : int
        The steps that are made when the run ends.
    validation : Validation
    writer : CheckpointWriter
    parts : TextParts
        The parts of the text, for its heading.
    memory : int
        The bytes that the run holds, for its heading.
    about : dict, optional
        What metrics and pictures say of the run beside its numbers.
    """

    def __init__(
        self,
        trainer: Trainer,
        options: TrainingOptions,
        steps: int,
        validation: Validation,
        writer: CheckpointWriter,
        parts: TextParts,
        memory: int = 0,
        about: dict[str, Any] | None = None,
    ) -> None:
        self.trainer, self.options, self.steps = trainer, options, steps
        self.validation, self.writer = validation, writer
        self.parts, self.memory, self.about = parts, memory, about or {}
        self.best = BestWeights(trainer, options, validation)
        self.recovery = Recovery(trainer)
        self.unit = unit_of(trainer)
        self.table = Table(self.unit, validates=len(validation.symbols) > 0)
        self.recent = RecentLoss()
        every, length, lines = options.sample_every, options.sample_length, options.log_every
        self.sample_every = default_samples(steps) if every is None else every
        if options.quiet and options.tensorboard is None:  # nobody would see the samples
            self.sample_every = 0
        self.sample_length = 200 if length is None else length
        self.log_every = default_log_every(steps) if lines is None else lines
        sync = trainer.sync_every  # between two of these steps the workers differ
        self.sample_every = on_sync(self.sample_every, sync)
        self.log_every = on_sync(self.log_every, sync)
        validation.every, writer.every = (
            on_sync(validation.every, sync),
            on_sync(writer.every, sync),
        )
        # an evaluation that nobody sees, and that chooses no weights, is left out
        self.evaluates = bool(
            not options.quiet
            or options.keeps_best
            or validation.patience
            or trainer.schedule.name == "plateau"
            or options.metrics
            or options.plot
            or options.tensorboard
            or options.callback is not None
        )
        # the step of the last report; the sum of losses since then; seconds since the last speed,
        # and the steps these were for
        self._reported, self._loss_sum = trainer.steps_done, 0.0
        self._seconds, self._timed = 0.0, 0
        self._begun = self._whole = trainer.steps_done  # the step to which these numbers belong
        self._gave_up = False
        self._metrics = Metrics(None, 0)

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of this, beside the trainer's state."""
        return {
            **self.best.known_by(),
            "point": self._reported,
            "nats": self._loss_sum,
            "validation": self.validation.state(),
            "stability": self.recovery.state(self._ended),
        }

    def resume(self, data: Checkpoint) -> None:
        """Continue from what a checkpoint holds; older files hold nothing."""
        state = data.metadata.get("run")
        if state is None:
            self.best.resume(None)
            return
        checked = checked_state(state, RUN, "state of the run")
        if checked["point"] > self.trainer.steps_done:
            raise CheckpointError("has a damaged state of the run")
        self._reported, self._loss_sum = checked["point"], checked["nats"]
        self.validation.resume(checked["validation"])
        self.recovery.resume(checked["stability"], data.good)
        self.best.resume(checked["id"])

    def checkpoints(self) -> tuple[Checkpoint, Checkpoint]:
        """The state of the trainer and of this run, and the content of the model file."""
        data = self.trainer.checkpoint()
        data.metadata["run"] = self.state()
        data.good = self.recovery.good(self._ended)
        return data, self.best.checkpoint()

    @property
    def _ended(self) -> bool:
        return self.trainer.steps_done >= self.steps

    def train(self, stop: StopRequest) -> None:
        """Make the steps that are left, or those until a stop is requested."""
        trainer, options = self.trainer, self.options
        per_step = trainer.characters_per_step
        begun = self._begun = self._whole = trainer.steps_done
        self._stop, stop.step, stop.steps = stop, begun, self.steps
        self._metrics = Metrics(options.metrics, begun, self.about)
        self._events = EventFile(options.tensorboard, begun, self.about)
        self._started = time.perf_counter()
        self._earlier = self._metrics.seconds
        chunk, seconds = ChunkSize(), 0.0
        whole, done = self.steps * per_step, begun * per_step
        with Console(whole, done, options.quiet, unit=self.unit) as console:
            parts, memory = self.parts, self.memory
            console.print(heading(trainer, parts, self.steps, memory, console.columns))
            while not self._finish_step(console, stop):
                stop.deliver()
                if stop:
                    break
                done = trainer.steps_done
                self.recovery.keep((self._reported, self._loss_sum, *self.validation.counters))
                until = next_event(
                    done,
                    self.steps,
                    self.sample_every,
                    self.log_every,
                    self.validation.every,
                    self.writer.every,
                    self.recovery.every,
                )
                started = time.perf_counter()
                made = on_sync(chunk.next(until - done, seconds), trainer.sync_every)
                losses = trainer.advance(min(until - done, made))
                seconds = time.perf_counter() - started
                self._seconds += seconds
                self._timed += len(losses)
                problem = self.recovery.find_divergence(losses, self._ended)
                if problem is not None:
                    self._recover(problem)
                else:
                    for loss in losses.tolist():  # one by one: the same sum for any chunks
                        self._loss_sum += loss
                    self.recent.add(float(losses.mean()), len(losses))
                self._whole = stop.step = trainer.steps_done
                self._move_bar(console, self._whole - done)
            if trainer.steps_done > begun:
                self._move_bar(console, 0)  # the last evaluation came after the last step
            if not self._ended and self.recovery.may_have_diverged():
                self._roll_back()  # a resumed run makes these steps again
        self._metrics.flush()
        self._events.flush()

    def _move_bar(self, console: Console, steps: int) -> None:
        last, per_step = self.validation.last, self.trainer.characters_per_step
        bits = None if last is None else last.bits_per_char
        console.advance(steps * per_step, self.recent.mean / math.log(2), bits)

    def _recover(self, problem: str) -> None:
        """Roll back to the last good state and halve the learning rate, or give up."""
        trainer, rate = self.trainer, self.trainer.learning_rate
        self._roll_back()
        if self.recovery.exhausted:
            self._gave_up = True
            raise ValueError(self._divergence(problem, rate))
        trainer.schedule.halvings += 1
        _logger.warning(
            "%s; rolled back to step %s, with half the learning rate, %.4g",
            problem,
            f"{trainer.steps_done:,}",
            trainer.learning_rate,
        )

    def _roll_back(self) -> None:
        self._reported, self._loss_sum, step, nats, waited = self.recovery.roll_back()
        self.validation.roll_back(step, nats, waited)
        self._metrics.roll_back(self.trainer.steps_done)
        self._events.roll_back(self.trainer.steps_done)
        self.writer.roll_back()
        self.recent = RecentLoss()
        self._whole = self._stop.step = self.trainer.steps_done

    def _divergence(self, problem: str, rate: float) -> str:
        step, saved = self.trainer.steps_done, ""
        if step > self._begun and self.writer.save(*self.checkpoints()):
            saved = (
                f"; the last good state, of step {step:,}, is in {self.writer.state_path}: "
                f"continue from there with `resume`"
            )
        return (
            f"training diverged, although the learning rate was halved "
            f"{counted(self.trainer.schedule.halvings, 'time')}: {problem}; choose a "
            f"`learning_rate` below {rate:.4g}{saved}"
        )

    def result(self) -> Model:
        """The model that the run returns, with the weights that its file has."""
        model = self.best.model()
        model.history = History(self._metrics.records)
        return model

    def rescue(self) -> tuple[Model, str]:
        """Write the last whole state where an exception ended the run; say where it is."""
        trainer = self.trainer
        if trainer.steps_done <= self._begun:
            return self.result(), ""
        if trainer.steps_done != self._whole or self.recovery.may_have_diverged():
            self._roll_back()
        self._metrics.flush()
        self._events.flush()
        model = self.result()
        if self._gave_up or trainer.steps_done <= self._begun:  # its message says what is written
            return model, ""
        return model, self.writer.rescue(*self.checkpoints(), model)

    def draw_plot(self) -> None:
        """Draw the picture that the options ask for."""
        if self.options.plot is None or not self._metrics.records:
            return
        from gru_ext.reporting.plot import plot

        try:
            plot(History(self._metrics.records), self.options.plot)
        except Exception as error:  # the model is written, and that is what counts
            _logger.warning("%s", str(error) or type(error).__name__)

    def _finish_step(self, console: Console, stop: StopRequest) -> bool:
        """Do what is due after the latest step; return whether the run ends here."""
        step, validation = self.trainer.steps_done, self.validation
        last = step >= self.steps
        if (
            self.evaluates
            and validation.is_due(step, last)
            and not self.recovery.may_have_diverged()
        ):
            if validation.evaluate(self.trainer.averaged, step, stop):
                self.best.keep()
                if self.best.best_data is not None:
                    self.writer.save_model(self.best.best_data)
            elif validation.step == step:  # the evaluation was not stopped in the middle
                self._lower_on_plateau()
        if stop and not last:
            return True  # a resumed run does what is due here
        ended = last or validation.exhausted
        due = last or validation.step == step or (self.log_every and step % self.log_every == 0)
        if due and step > self._reported:
            ended = self._report(console, step, ended)
        if step > self._begun and self.sample_every and (last or step % self.sample_every == 0):
            self._show_sample(console, stop)
        if ended:
            drops = self.trainer.dropout or self.trainer.weight_dropout
            train_nats = math.nan if drops else self.recent.mean
            lines = list(ending(validation, step, train_nats, self.unit))
            calibrated = self.best.calibrate(stop)
            if calibrated is not None:
                lines.append(calibrated_line(calibrated, self.unit))
            for line in lines:
                console.print(wrapped(line, console.columns))
        elif (
            step > self._begun
            and self.writer.is_due(step)
            and not self.recovery.may_have_diverged()
        ):
            self.writer.save(*self.checkpoints())
        return ended

    def _report(self, console: Console, step: int, ended: bool) -> bool:
        """Report the step everywhere; return whether the run ends here."""
        progress = self._progress(step)
        if self.log_every:
            best = self.validation.step == self.validation.best_step == step
            left = self._seconds_left(step)
            console.print(self.table.lines(progress, best, left, console.columns, console.printed))
        if not ended and self.trainer.schedule.lowered[-1:] == [step]:
            line = lowered_line(self.trainer, self.validation)
            console.print(wrapped(line, console.columns))
        self._reported, self._loss_sum = step, 0.0
        if progress.characters_per_second is not None:
            self._seconds, self._timed = 0.0, 0
        self._metrics.add(progress.record())
        self._events.add(progress.record())
        callback = self.options.callback
        if callback is None:
            return ended
        with self._stop.postponed(False):  # the state is whole, and the time is the application's
            self._stop.deliver()
            return bool(callback(progress)) or ended

    def _lower_on_plateau(self) -> None:
        """Lower the learning rate where the validation loss is on a plateau.

        This is not done during the warm-up: the rate that would be lowered is not reached yet.
        """
        schedule, step = self.trainer.schedule, self.trainer.steps_done
        if schedule.name == "plateau" and self.validation.on_plateau and step >= schedule.warmup:
            self.trainer.lower_learning_rate()

    def _progress(self, step: int) -> Progress:
        trainer, validation = self.trainer, self.validation
        evaluated = validation.last is not None and validation.step == step
        characters = self._timed * trainer.characters_per_step
        timed = self._timed >= _TIMED_STEPS or self._seconds >= _TIMED_SECONDS
        return Progress(
            step=step,
            steps=self.steps,
            epoch=step / trainer.windows_per_epoch,
            characters=step * trainer.characters_per_step,
            train_nats=self._loss_sum / (step - self._reported),
            val_nats=validation.last.nats_per_char if validation.last and evaluated else None,
            learning_rate=trainer.current_rate,
            characters_per_second=characters / self._seconds if timed else None,
            seconds=self._earlier + time.perf_counter() - self._started,
        )

    def _seconds_left(self, step: int) -> float | None:
        """The time that the rest of the run takes if it is as fast as this call was so far."""
        made, seconds = step - self._begun, time.perf_counter() - self._started
        return seconds / made * (self.steps - step) if made > 0 else None

    def _show_sample(self, console: Console, stop: StopRequest) -> None:
        """Sample and print a text, unless nobody sees it or a signal comes in the middle."""
        model, step, parts = self.trainer.averaged, self.trainer.steps_done, []
        if not console.shows and not self._events.open:
            return
        seed = self.options.seed, step
        for part in iter_sample(model, self.sample_length, seed=seed):
            parts.append(part)
            stop.deliver()
            if stop:
                return
        console.print(sample_lines(step, "".join(parts)))
        self._events.add_sample(step, "".join(parts))
