# SPDX-License-Identifier: MIT
"""A whole training run: options, model, trainer, progress, file."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from gru_ext import checkpoint, model as models
from gru_ext.checkpoint import Checkpoint, CheckpointError
from gru_ext.classic import train_classic
from gru_ext.console import Console
from gru_ext.files import StrPath, check_writable
from gru_ext.model import Model
from gru_ext.options import (
    TrainingOptions,
    default_learning_rate,
    default_steps,
    defaults,
    held_out,
)
from gru_ext.pace import Pace, StopRequest, stop_on_interrupt
from gru_ext.sampling import sample_chunks
from gru_ext.scoring import evaluate_symbols
from gru_ext.trainer import Trainer
from gru_ext.vocabulary import Vocabulary

_LOG_LINES = 20
_SAMPLES = 4
_SAMPLE_LENGTH = 200


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C ended training in order; the model so far is in ``model``, and written."""

    def __init__(self, model: Model) -> None:
        super().__init__("training was interrupted")
        self.model = model


def train(text: str, *, output: StrPath | None = None, hidden_size: int | None = None,
          seq_length: int | None = None, batch_size: int | None = None, dtype: str | None = None,
          optimizer: str | None = None, learning_rate: float | None = None,
          clip: float | None = None, max_steps: int | None = None, epochs: float | None = None,
          val_fraction: float | None = None, seed: int | None = None, threads: int | None = None,
          sample_every: int | None = None, sample_length: int | None = None,
          log_every: int | None = None, quiet: bool = False, resume: bool = False,
          init_from: StrPath | Model | None = None, classic: bool = False,
          force: bool = False) -> Model:
    """Train a model on a text.

    Without an option it trains a good small model: sizes, number of streams, updates and learning
    rate follow from the text's length (:func:`gru_ext.options.defaults`).

    Parameters
    ----------
    text : str
    output : path-like, optional
        File to write the model and the state of its training to.
    hidden_size, seq_length, batch_size : int, optional
        H; T, the characters of a window of truncated BPTT; B, the streams the text is cut into.
    dtype : {"float32", "float64"}, optional
    optimizer : {"adagrad"}, optional
    learning_rate : float, optional
    clip : float, optional
        Bound of each gradient; infinity for none.
    max_steps : int, optional
        Updates to make in all; wins over ``epochs``.
    epochs : float, optional
        Passes over the text to make in all.
    val_fraction : float, optional
        Share of the text, at its end, that is not trained on but measured; a tenth by default
        where the text is long enough.
    seed : int, optional
        Of the initial weights and of the samples; 0 by default.
    threads : int, optional
        By default as many as help. The result has the same bits for any number.
    sample_every, log_every : int, optional
        Updates between samples and between lines of progress; 0 for none.
    sample_length : int, optional
    quiet : bool
        Print nothing and show no progress.
    resume : bool
        Go on with the run whose state is in ``output``.
    init_from : path-like or Model, optional
        Start from these weights, with a new optimiser state.
    classic : bool
        Do what the notebook does, to the bit; the other options override its own.
    force : bool
        Replace ``output`` where it exists.

    Returns
    -------
    Model

    Raises
    ------
    ValueError, OSError
        Where an option, the text or a file does not fit; nothing is written then.
    TrainingInterrupted
        A KeyboardInterrupt: after Ctrl-C, when the model so far is written.
    """
    given = TrainingOptions(hidden_size, seq_length, batch_size, dtype, optimizer, learning_rate,
                            clip, max_steps, epochs, val_fraction, seed)
    for name, value, least in (("threads", threads, 1), ("sample every", sample_every, 0),
                               ("sample length", sample_length, 0), ("log every", log_every, 0)):
        if value is not None and value < least:
            raise ValueError(f"{name} must be {least} or more, not {value}")
    if not text:
        raise ValueError("the text is empty")
    _check_output(output, resume, force, classic, init_from)
    shown: dict[str, Any] = {"sample_every": sample_every, "sample_length": sample_length,
                             "log_every": log_every, "quiet": quiet}
    with stop_on_interrupt() as stop:
        if classic:
            source = init_from if init_from is not None else _existing(output)
            weights = _weights(source)
            trained = _named(source, train_classic, text, given, weights, stop=stop, **shown)
            data = trained.checkpoint()
        else:
            trained, data = _train(text, given, output if resume else None, init_from, threads,
                                   stop, **shown)
        if output is not None:
            checkpoint.write(output, data)
    if stop:
        raise TrainingInterrupted(trained)
    return trained


def _check_output(output: StrPath | None, resume: bool, force: bool, classic: bool,
                  init_from: StrPath | Model | None) -> None:
    """Refuse before a long run what would fail or lose something at its end."""
    if resume and classic:
        raise ValueError("--resume and --classic contradict: --classic reads the weights it finds "
                         "at its output by itself, as the notebook does")
    if resume and init_from is not None:
        raise ValueError("--resume and --init-from contradict: one goes on, the other starts anew")
    if resume and output is None:
        raise ValueError("to resume, name the model file as output")
    if output is None:
        return
    exists = Path(output).exists()
    if resume and not exists:
        raise FileNotFoundError(f"{output} does not exist: there is nothing to resume")
    if exists and not (resume or force or classic):
        raise FileExistsError(f"{output} exists: go on with it by --resume, replace it by --force, "
                              f"or name another with --output")
    check_writable(output)


def _existing(output: StrPath | None) -> StrPath | None:
    return output if output is not None and Path(output).exists() else None


def _weights(source: StrPath | Model | None) -> Checkpoint | None:
    if source is None:
        return None
    return source.checkpoint() if isinstance(source, Model) else checkpoint.read(source)


def _named(source: StrPath | Model | None, function: Any, *arguments: Any, **named: Any) -> Any:
    """Call a function, and put the file's name before what it finds wrong with its content."""
    try:
        return function(*arguments, **named)
    except CheckpointError as error:
        name = "the model" if source is None or isinstance(source, Model) else os.fspath(source)
        raise CheckpointError(f"{name} {error}") from None


def _train(text: str, given: TrainingOptions, resume: StrPath | None,
           init_from: StrPath | Model | None, threads: int | None, stop: StopRequest, *,
           sample_every: int | None, sample_length: int | None, log_every: int | None,
           quiet: bool) -> tuple[Model, Checkpoint]:
    source = resume if resume is not None else init_from
    weights = _weights(source)
    options = given
    if resume is not None:
        assert weights is not None
        options = _named(resume, _resumed_options, given, weights)
    n_held_out = held_out(len(text), options.val_fraction)
    n_trained = len(text) - n_held_out
    if weights is None:
        vocabulary = Vocabulary.from_text(text)
    elif weights.characters is not None:
        vocabulary = Vocabulary(weights.characters)
    else:
        vocabulary = Vocabulary.from_text(text)  # the notebook's: in the order of the text's own
    symbols = _named(source, vocabulary.encode, text)
    options = options.over({} if weights is None else {
        "hidden_size": weights.hidden_size, "dtype": str(weights.weights["Wz"].dtype)})
    options = options.over(defaults(n_trained))
    H, T, B = options.hidden_size, options.seq_length, options.batch_size
    assert H is not None and T is not None and B is not None
    options = options.over(TrainingOptions(learning_rate=default_learning_rate(H)))
    assert options.learning_rate is not None and options.clip is not None
    if n_trained < T * B + 1:
        windows = f"{B} windows" if B > 1 else "a window"
        held = f" beside the {n_held_out} held out" if n_held_out else ""
        raise ValueError(f"the text has {n_trained} characters to train on{held}: {windows} of "
                         f"{T} need at least {T * B + 1}")

    if weights is None:
        seed = 0 if options.seed is None else options.seed
        model = Model.create(vocabulary, H, options.dtype, seed)
    else:
        model = _named(source, models.from_checkpoint, weights, vocabulary)
        if model.hidden_size != H:
            raise ValueError(f"{source} has hidden size {model.hidden_size}, not {H}")
        if model.dtype != options.dtype:
            converted = models.Parameters(len(vocabulary), H, options.dtype)
            converted.assign(model.parameters)
            model = Model(vocabulary, converted)
    trainer = Trainer(model, symbols[:n_trained], seq_length=T, batch_size=B,
                      learning_rate=options.learning_rate, clip=options.clip, threads=threads)
    if resume is not None:
        _named(resume, trainer.resume, weights)
    steps = options.max_steps
    if steps is None:
        steps = (math.ceil(options.epochs * trainer.windows_per_epoch)
                 if options.epochs is not None
                 else default_steps(trainer.windows_per_epoch, n_trained))
    if steps <= trainer.steps_done:
        raise ValueError(f"{source} has made {trainer.steps_done} of {steps} steps already: ask "
                         f"for more with --max-steps or --epochs")
    model.about = {"options": options.given()}
    run = _Run(trainer, steps, symbols[n_trained:], seed=options.seed or 0,
               sample_every=max(1, steps // _SAMPLES) if sample_every is None else sample_every,
               sample_length=_SAMPLE_LENGTH if sample_length is None else sample_length,
               log_every=max(1, steps // _LOG_LINES) if log_every is None else log_every)
    run.go(stop, quiet)
    model.about["step"] = trainer.steps_done
    return model, trainer.checkpoint()


def _resumed_options(given: TrainingOptions, saved: Checkpoint) -> TrainingOptions:
    """The saved run's options, with what may change in the middle of a run changed."""
    before = saved.metadata.get("options")
    if not isinstance(before, dict):
        raise CheckpointError("holds no options of a training run: start from its weights with "
                              "--init-from")
    for name in ("hidden_size", "seq_length", "batch_size", "dtype", "optimizer", "val_fraction",
                 "seed"):
        asked = getattr(given, name)
        if asked is not None and asked != before.get(name, asked):
            raise CheckpointError(f"was trained with {name.replace('_', ' ')} "
                                  f"{before[name]}, not {asked}")
    if given.epochs is not None and given.max_steps is None:
        before = {name: value for name, value in before.items() if name != "max_steps"}
    try:
        return given.over(before)
    except TypeError:
        raise CheckpointError("has damaged options") from None


class _Run:
    """The updates of a run, with what is printed on the way."""

    def __init__(self, trainer: Trainer, steps: int, held_out_symbols: np.ndarray, *, seed: int,
                 sample_every: int, sample_length: int, log_every: int) -> None:
        self.trainer, self.steps, self.held_out = trainer, steps, held_out_symbols
        self.seed = seed
        self.sample_every, self.sample_length = sample_every, sample_length
        self.log_every = log_every

    def go(self, stop: StopRequest, quiet: bool) -> None:
        trainer = self.trainer
        per_step = trainer.characters_per_step
        pace = Pace()
        since, began, loss_sum = trainer.steps_done, time.perf_counter(), 0.0
        with Console(self.steps * per_step, trainer.steps_done * per_step, quiet) as console:
            console.print(self._heading())
            while trainer.steps_done < self.steps and not stop:
                done = trainer.steps_done
                until = min(self.steps, *(
                    (done // every + 1) * every for every in (self.sample_every, self.log_every)
                    if every))
                losses = trainer.advance(pace.next(until - done))
                done = trainer.steps_done
                loss_sum += float(losses.sum())
                console.advance(len(losses) * per_step, trainer.smooth_loss / math.log(2))
                if self.log_every and (done % self.log_every == 0 or done == self.steps):
                    seconds = time.perf_counter() - began
                    console.print(self._progress(loss_sum / (done - since),
                                                 (done - since) * per_step / seconds))
                    since, began, loss_sum = done, time.perf_counter(), 0.0
                if self.sample_every and (done % self.sample_every == 0 or done == self.steps):
                    console.print(self._sample())
            if len(self.held_out) and not quiet:
                console.print(self._measure())

    def _heading(self) -> str:
        trainer, model = self.trainer, self.trainer.model
        held = f" and {len(self.held_out):,} held out" if len(self.held_out) else ""
        return (f"{len(trainer._symbols):,} characters to train on{held}, "
                f"{len(model.vocabulary)} different; hidden size {model.hidden_size}, "
                f"{model.dtype}, {trainer.batch_size} streams of windows of {trainer.seq_length}, "
                f"learning rate {trainer.learning_rate:.4g}, {self.steps:,} steps, "
                f"{trainer.threads} thread{'s' * (trainer.threads > 1)}")

    def _progress(self, nats: float, characters_per_second: float) -> str:
        done = self.trainer.steps_done
        return (f"step {done:,} of {self.steps:,}, epoch "
                f"{done / self.trainer.windows_per_epoch:.2f}: {nats / math.log(2):.3f} bits per "
                f"character, {characters_per_second:,.0f} characters a second")

    def _sample(self) -> str:
        model, seed = self.trainer.model, hash((self.seed, self.trainer.steps_done)) % 2**32
        text = "".join(sample_chunks(model.parameters, model.vocabulary, self.sample_length,
                                     seed=seed))
        return f"----\n{text}\n----"

    def _measure(self) -> str:
        result = evaluate_symbols(self.trainer.model.parameters, self.held_out)
        return (f"held out, {result.characters:,} characters: {result.bits_per_char:.3f} bits per "
                f"character")
