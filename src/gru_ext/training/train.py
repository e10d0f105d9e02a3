# SPDX-License-Identifier: MIT
"""A whole training run: options, model, trainer, progress, file."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gru_ext.files import StrPath
from gru_ext.model.checkpoint import Checkpoint
from gru_ext.model.model import Model, from_checkpoint
from gru_ext.text.reader import Text
from gru_ext.training.checkpoints import Saver
from gru_ext.training.data import TrainingData, read_training_data
from gru_ext.training.initial_model import (
    check_length,
    existing,
    named,
    resumed_options,
    starting_model,
    weights_of,
)
from gru_ext.training.interrupts import StopRequest, stop_on_signals
from gru_ext.training.options import (
    TrainingOptions,
    check_whole,
    default_steps,
    held_out,
    keeps_best,
    settle,
    steps_of,
)
from gru_ext.training.outputs import Callback, Watching


class TrainingInterrupted(KeyboardInterrupt):
    """A signal ended training in order; the model so far is in ``model``, and written.

    ``signal`` is its number: that of Ctrl-C, SIGINT, or SIGTERM.
    """

    def __init__(self, model: Model, signal: int | None = None) -> None:
        super().__init__("training was interrupted")
        self.model, self.signal = model, signal


def train(
    text: Text,
    *,
    encoding: str = "utf-8",
    units: str | None = None,
    min_count: int | None = None,
    document_separator: str | None = None,
    output: StrPath | None = None,
    hidden_size: int | None = None,
    seq_length: int | None = None,
    batch_size: int | None = None,
    layers: int | None = None,
    dropout: float | None = None,
    tied: bool | None = None,
    dtype: str | None = None,
    optimizer: str | None = None,
    learning_rate: float | None = None,
    clip: float | None = None,
    clip_norm: float | None = None,
    weight_decay: float | None = None,
    schedule: str | None = None,
    warmup: int | None = None,
    max_steps: int | None = None,
    epochs: float | None = None,
    val_fraction: float | None = None,
    seed: int | None = None,
    threads: int | None = None,
    sample_every: int | None = None,
    sample_length: int | None = None,
    log_every: int | None = None,
    eval_every: int | None = None,
    patience: int | None = None,
    keep: str | None = None,
    checkpoint_every: int | None = None,
    checkpoint_minutes: float | None = None,
    metrics: StrPath | None = None,
    plot: StrPath | None = None,
    tensorboard: StrPath | None = None,
    callback: Callback | None = None,
    quiet: bool = False,
    resume: bool = False,
    init_from: StrPath | Model | None = None,
    classic: bool = False,
    force: bool = False,
) -> Model:
    """Train a model on a text.

    Without an option it trains a good small model: sizes, number of streams, updates and learning
    rate follow from the text's length (:func:`gru_ext.training.options.settle`).

    Parameters
    ----------
    text : str, bytes, path-like, or list of paths
        A str is the text itself, and so are bytes; in a list a str is a path, ``-`` standard input.
    encoding : str
        Of files.
    units : {"chars", "bytes"}, optional
        What the model reads and writes; characters, where the text is not given as bytes. With
        bytes any file trains, whatever its encoding, and every length below is one of bytes.
    min_count : int, optional
        Characters seen less often become one unknown, shown as U+FFFD.
    document_separator : str, optional
        What stands between documents. The hidden state is zero again before the last character of
        each is read, so that nothing of a document is known to the next.
    output : path-like, optional
        File to write the model and the state of its training to.
    hidden_size, seq_length, batch_size : int, optional
        H; T, the characters of a window of truncated BPTT; B, the streams the text is cut into.
    layers : int, optional
        GRU layers, 1 by default; each above the first reads the hidden states of the one below.
    dropout : float, optional
        The share of each layer's outputs that is dropped while training; 0 by default.
    tied : bool, optional
        The output's weights are those of the first layer's candidate, transposed: fewer to learn
        where the vocabulary is large.
    dtype : {"float32", "float64"}, optional
    optimizer : {"adagrad", "adam", "adamw", "rmsprop"}, optional
        Adam by default.
    learning_rate : float, optional
        The largest.
    clip : float, optional
        Bound of each gradient; infinity for none.
    clip_norm : float, optional
        Bound of the whole gradient's norm; none by default. It costs a pass over the gradient.
    weight_decay : float, optional
        Of AdamW, for all parameters but the biases; 0.01 by default.
    schedule : {"constant", "cosine", "plateau"}, optional
        What the learning rate does after its rise: a cosine falls to 0 at the end of the run, and
        is the default of all optimisers but Adagrad. A resumed run that is given more steps goes
        on where the longer cosine is by then. With a plateau the rate is halved after each two
        evaluations in a row without a better held-out loss, ten times at most.
    warmup : int, optional
        Updates in which the learning rate rises to its value; by default those of the first pass,
        but 200 at least and 400 at most.
    max_steps : int, optional
        Updates to make in all; wins over ``epochs``.
    epochs : float, optional
        Passes over the text to make in all.
    val_fraction : float, optional
        Share of the text, at its end, that is not trained on but measured; by default a tenth
        where the text is long enough, and a million characters at most.
    seed : int, optional
        Of the initial weights and of the samples; 0 by default.
    threads : int, optional
        By default as many as help. The result has the same bits for any number.
    sample_every, log_every : int, optional
        Updates between samples and between lines of progress; 0 for none.
    sample_length : int, optional
    eval_every : int, optional
        Updates between evaluations of the held-out part; 0 for none but at the end. By default at
        lines of progress, as often as costs little.
    patience : int, optional
        End the run after so many evaluations in a row without a better loss.
    keep : {"last", "best,last"}, optional
        With ``best`` the weights of the best evaluation are what is returned, and are written to
        ``model.best.npz`` beside the last state in ``model.npz``; the default with ``patience``.
    checkpoint_every : int, optional
        Updates between checkpoints; 0, the default, for none. Each keeps the one before, as
        ``model.previous.npz`` beside ``model.npz``.
    checkpoint_minutes : float, optional
        Minutes between checkpoints; 10 by default, 0 for none.
    metrics : path-like, optional
        File to append a JSON object a line to, at each line of progress and each evaluation.
    plot : path-like, optional
        Picture of loss and speed to draw at the end, ``.png`` or ``.svg``; needs matplotlib.
    tensorboard : path-like, optional
        Folder to write an event file to, with the loss of training and of the held-out part in
        bits per character, the learning rate and the speed of each line of ``metrics``, by their
        updates. A resumed run goes on there. Needs tensorboardX (``gru-ext[tensorboard]``).
    callback : callable, optional
        Called with a :class:`gru_ext.Progress` where ``metrics`` gets a line; where it returns
        True, training ends in order. What it raises ends training, and nothing more is written.
        Steps come again where a run that diverged has gone back.
    quiet : bool
        Print nothing and show no progress.
    resume : bool
        Go on with the run whose state is in ``output``.
    init_from : path-like or Model, optional
        Start from these weights, with a new optimiser state. Characters of the text that the
        model does not know get weights as in a new model, unless an unknown stands for them.
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
    NotSavedError
        An OSError: where the model could not be written at the end; it holds the model.
    TrainingInterrupted
        A KeyboardInterrupt: after Ctrl-C or SIGTERM, when the model so far is written.
    """
    if units is None and isinstance(text, bytes):
        units = "bytes"
    given = TrainingOptions(
        hidden_size,
        seq_length,
        batch_size,
        dtype,
        optimizer,
        learning_rate,
        clip,
        max_steps,
        epochs,
        val_fraction,
        seed,
        units,
        min_count,
        weight_decay,
        clip_norm,
        schedule,
        warmup,
        layers,
        dropout,
        tied,
        eval_every=eval_every,
        patience=patience,
        keep=keep,
    )
    check_whole("threads", threads, 1)
    shown: dict[str, Any] = {
        "sample_every": sample_every,
        "sample_length": sample_length,
        "log_every": log_every,
        "quiet": quiet,
    }
    watching = Watching(
        output=output,
        metrics=metrics,
        plot=plot,
        tensorboard=tensorboard,
        callback=callback,
        checkpoint_every=checkpoint_every,
        checkpoint_minutes=checkpoint_minutes,
        **shown,
    )
    watching.check(given, resume=resume, init_from=init_from, classic=classic, force=force)
    source = output if resume else init_from
    if classic and source is None:
        source = existing(output)
    weights = weights_of(source, resume)
    data = read_training_data(
        text,
        encoding=encoding,
        units=units,
        min_count=min_count,
        document_separator=document_separator,
        weights=weights,
        source="the model" if isinstance(source, Model) else source,
        resume=resume,
        classic=classic,
        folder=None if output is None else Path(os.path.realpath(output)).parent,
    )
    saver = Saver(output, checkpoint_every, checkpoint_minutes, resume, force and not classic)
    with stop_on_signals() as stop:
        if classic:
            from gru_ext.training.classic import train_classic

            trained: Model = named(
                source,
                train_classic,
                data.symbols,
                data.vocabulary,
                given,
                weights,
                stop=stop,
                **shown,
            )
            saver.finish(trained.checkpoint(), trained)
        else:
            trained = _train(data, given, watching, saver, resume, source, weights, threads, stop)
    if stop:
        raise TrainingInterrupted(trained, stop.signal)
    return trained


def _train(
    data: TrainingData,
    given: TrainingOptions,
    watching: Watching,
    saver: Saver,
    resume: bool,
    source: StrPath | Model | None,
    weights: Checkpoint | None,
    threads: int | None,
    stop: StopRequest,
) -> Model:
    # here, as train_classic above: each way of training loads its own parts alone
    from gru_ext.training.run import Run, default_log_every
    from gru_ext.training.trainer import Trainer
    from gru_ext.training.validation import (
        Validation,
        check_held_out,
        check_split,
        default_eval_every,
    )

    symbols = data.symbols
    if resume:
        given = named(source, resumed_options, given, weights)
    elif weights is not None:
        sizes = {"hidden_size": weights.hidden_size, "layers": weights.layers}
        given = given.over(sizes | {"dtype": str(weights.weights["Wz"].dtype)})
    n_trained = len(symbols) - held_out(len(symbols), given.val_fraction)
    n_held_out = len(symbols) - n_trained
    check_held_out(given, n_held_out)
    options = settle(given, n_trained)
    check_length(n_trained, n_held_out, options)
    model = starting_model(data.vocabulary, weights, source, options)
    if data.document_separator is not None:
        model.about["document_separator"] = data.document_separator
    trainer = Trainer(
        model,
        symbols[:n_trained],
        seq_length=options.seq_length,
        batch_size=options.batch_size,
        optimizer=options.optimizer,
        learning_rate=options.learning_rate,
        clip=options.clip,
        clip_norm=options.clip_norm,
        weight_decay=options.weight_decay,
        schedule=options.schedule,
        warmup_steps=options.warmup,
        dropout=options.dropout,
        tied=options.tied,
        seed=options.seed,
        threads=threads,
    )
    if resume and weights is not None:
        named(source, check_split, weights.metadata, n_trained, n_held_out)
        named(source, trainer.resume, weights)
        if options.learning_rate != weights.metadata["options"].get("learning_rate"):
            trainer.learning_rate = options.learning_rate  # another one was asked for
    steps = steps_of(given, trainer.windows_per_epoch)
    if steps is None:
        steps = default_steps(trainer.windows_per_epoch, n_trained)
    if steps <= trainer.steps_done:
        raise ValueError(
            f"{source} has made {trainer.steps_done} of {steps} steps already: ask "
            f"for more with --max-steps or --epochs"
        )
    trainer.schedule.planned_steps = steps
    model.about["options"] = asdict(options) | given.given()
    eval_every = given.eval_every
    if eval_every is None:
        eval_every = default_eval_every(
            n_held_out, trainer.characters_per_step, default_log_every(steps)
        )
    validation = Validation(symbols[n_trained:], eval_every, given.patience)
    keep_best = keeps_best(given)
    run = Run(trainer, steps, validation, watching, saver, options.seed, keep_best, data.added)
    if resume and weights is not None:
        named(source, run.resume, weights)
        if validation.exhausted:
            raise ValueError(
                f"{source} has ended after {validation.waited} evaluations without a better loss: "
                f"ask for more with --patience"
            )
    run.go(stop)
    model.about["step"] = trainer.steps_done
    trained = model if run.best is None else from_checkpoint(run.best)
    saver.finish(run.checkpoint(), trained)
    run.draw()
    return trained
