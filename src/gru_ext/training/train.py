# SPDX-License-Identifier: MIT
"""A whole training run: data, model, trainer, run, files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gru_ext.arguments.keywords import keywords_of
from gru_ext.arguments.messages import counted
from gru_ext.distributed.calls import Calls
from gru_ext.distributed.launched import launched
from gru_ext.model.checkpoint import CheckpointError, errors_name
from gru_ext.model.model import Model
from gru_ext.text.given import Documents, Given, Text, given_text
from gru_ext.training.checkpoints import CheckpointWriter
from gru_ext.training.data import TrainingData, read_training_data
from gru_ext.training.defaults import (
    default_log_every,
    default_patience,
    default_steps,
    default_warmup,
    settle,
    settle_resumed,
    steps_of,
)
from gru_ext.training.handover import handed_over
from gru_ext.training.interrupts import StopRequest, stop_on_signals
from gru_ext.training.options import TrainingOptions
from gru_ext.training.outputs import check_outputs, locked_outputs
from gru_ext.training.start import StartingPoint, check_sizes, initial_model, starting_point

if TYPE_CHECKING:
    from gru_ext.training.trainer import Trainer


@keywords_of(TrainingOptions)
def train(text: Text, options: TrainingOptions) -> Model:
    """Train a model on a text.

    Without any option this trains a good small model: sizes, number of streams, steps and learning
    rate follow from the length of the text.

    Parameters
    ----------
    text : str, bytes, path-like, iterable of str or bytes, or list of paths
        A str is the text itself, and so are bytes; one that looks like a path is refused. Several
        of them are documents, which are joined with the document separator; empty ones are left
        out. Files are read one after the other (``join``).
    {options}

    Returns
    -------
    Model
        With the weights of the best evaluation, or the last ones where there is no validation part
        or ``keep`` asks for them. The output file has the same.

    Raises
    ------
    TypeError, ValueError, OSError
        An option, the text or a file is not as described. Nothing is written before training.
    NotSavedError
        An OSError: the model could not be written at the end. The exception holds the model.
    TrainingInterrupted
        A KeyboardInterrupt: Ctrl-C, SIGTERM or another signal that would have ended the process
        stopped training. The model so far was written, and the exception holds it.
    Exception
        Whatever else ends training, such as an exception of a callback, passes through. The state
        so far was written, as a note of the exception says, and its attribute ``model`` is the
        model.
    """
    communicator = options.communicator or launched()
    if communicator.rank:
        from gru_ext.training.following import follow

        return follow(communicator)
    if communicator.size == 1:
        return _train_given(text, options, Calls(communicator))
    from gru_ext.training.following import leading

    with leading(communicator) as leads:
        leads.model = _train_given(text, options, leads.calls)
    return leads.model


def _train_given(text: Text, options: TrainingOptions, calls: Calls) -> Model:
    given = given_text(text)
    first = given.texts[0] if isinstance(given, Documents) else given
    if isinstance(first, bytes):
        options = options.over({"units": "bytes"})
    if options.classic:
        from gru_ext.training.classic import check_classic

        check_classic(options)
        if calls.communicator.size > 1:
            raise ValueError("`classic` trains in one process, as the original script does")
    check_outputs(options)
    with locked_outputs(options):
        return _train_text(given, options, calls)


def _train_text(text: Given, options: TrainingOptions, calls: Calls) -> Model:
    start = starting_point(options)
    data = read_training_data(
        text,
        encoding=options.encoding,
        units=options.units,
        min_count=options.given().get("min_count"),
        document_separator=options.document_separator,
        join=options.join,
        weights=start.checkpoint,
        source=start.name,
        resume=options.resume,
        classic=options.classic,
        folder=_folder(options),
    )
    writer = CheckpointWriter(
        options.output,
        options.checkpoint_every,
        options.checkpoint_minutes,
        resumed=options.resume,
        forced=options.force,
        classic=options.classic,
    )
    with stop_on_signals() as stop:
        if options.classic:
            from gru_ext.training.classic import train_classic

            with errors_name(start.name):
                model = train_classic(data, options, start.checkpoint, writer, stop)
        else:
            model = _train(text, data, options, start, writer, stop, calls)
    if stop:
        raise stop.interrupted(model)
    return model


def _folder(options: TrainingOptions) -> Path | None:
    """The folder for temporary files: that of the output."""
    return None if options.output is None else Path(os.path.realpath(options.output)).parent


def _train(
    text: Given,
    data: TrainingData,
    options: TrainingOptions,
    start: StartingPoint,
    writer: CheckpointWriter,
    stop: StopRequest,
    calls: Calls,
) -> Model:
    # imported here, as train_classic above: each way of training loads only its own parts
    from gru_ext.training.made_from import about_run, made_from
    from gru_ext.training.memory import check_memory, memory_of_run
    from gru_ext.training.parts import split_data, with_older_split
    from gru_ext.training.resume import resumed_options
    from gru_ext.training.run import Run
    from gru_ext.training.teamwork import settle_workers
    from gru_ext.training.trainer import Trainer
    from gru_ext.training.validation import (
        Validation,
        check_split,
        check_validation_part,
        default_eval_every,
    )

    weights, resumed = start.checkpoint, start.checkpoint if options.resume else None
    asked = options
    if resumed is not None:
        with errors_name(start.name):
            options = resumed_options(options, resumed)
            options = with_older_split(options, resumed, len(data.symbols))
    elif weights is not None:
        dtype = str(weights.weights["Wz"].dtype)
        sizes = {"hidden_size": weights.hidden_size, "layers": weights.layers, "dtype": dtype}
        options = options.over(sizes)
    check_sizes(start, options)
    with _errors_of_resume(start, options):
        options, plan = settle_workers(options, calls.communicator.size)
        parts, options = split_data(data, options, _folder(options))
        n_trained, n_validation = len(parts.training), len(parts.validation)
        # of a resumed run, the file says which part it had
        check_validation_part(options if resumed is None else asked, n_validation)
        documents = data.document_separator is not None
        if resumed is not None:
            options = settle_resumed(options)
        else:
            options = settle(options, n_trained, documents)
        if resumed is None and n_validation:
            options = options.over({"patience": default_patience(options)})
        _check_length(n_trained, n_validation, options)
        keeping = options.keeps_best and n_validation > 0
        held = -(-(options.workers or 1) // calls.communicator.size)
        needed = memory_of_run(options, len(data.vocabulary), documents, keeping, held)
        shuffled = parts.training.nbytes if options.shuffle else 0
        needed += shuffled
        check_memory(needed, shuffled)
    model = initial_model(data.vocabulary, start, options)
    if data.document_separator is not None:
        model.about["document_separator"] = data.document_separator
    with errors_name(start.name):
        made = made_from(text, options, resumed)
    if made is not None:
        model.about["made_from"] = made
    with _errors_of_resume(start, options):
        settings: dict[str, Any] = {
            "seq_length": options.seq_length,
            "batch_size": options.batch_size,
            "optimizer": options.optimizer,
            "learning_rate": options.learning_rate,
            "clip": options.clip,
            "clip_norm": options.clip_norm,
            "weight_decay": options.weight_decay,
            "schedule": options.schedule,
            "warmup_steps": options.warmup,
            "dropout": options.dropout,
            "weight_dropout": options.weight_dropout,
            "state_reset": options.state_reset,
            "average_over": options.average_over,
            "tied": options.tied,
            "products": options.products,
            "threads": options.threads,
            "shuffle": bool(options.shuffle),
        }
        trainer: Trainer
        if plan is None:
            trainer = Trainer(model, parts.training, seed=options.seed, **settings)
        else:
            from gru_ext.training.leader import Leader

            trainer = Leader(calls, plan, model, parts.training, options.seed, stop, **settings)
    if resumed is not None:
        with errors_name(start.name):
            check_split(resumed.metadata, n_trained, n_validation, data.document_separator)
            trainer.resume(resumed)
        if options.learning_rate != resumed.metadata["options"].get("learning_rate"):
            trainer.learning_rate = options.learning_rate  # another rate was asked for
    steps = _steps(options, trainer, start)
    trainer.schedule.planned_steps = steps
    if resumed is None and options.warmup is None:
        # recorded where it is shorter than that of older files, which do not record it
        warmup = default_warmup(trainer.windows_per_epoch, steps)
        if warmup < trainer.schedule.warmup:
            trainer.schedule.warmup = warmup
            options = options.over({"warmup": warmup})
    model.about["options"] = options.record()
    every = options.eval_every
    if every is None:
        per_step, log_every = trainer.characters_per_step, default_log_every(steps)
        every = default_eval_every(n_validation, per_step, log_every)
    evaluator = trainer.evaluator(parts.validation)
    validation = Validation(parts.validation, every, options.patience, evaluator, trainer.threads)
    about = about_run(trainer, options, steps, n_validation)
    run = Run(trainer, options, steps, validation, writer, parts, needed, about)
    if resumed is not None:
        with errors_name(start.name):
            run.resume(resumed)
        if validation.exhausted:
            raise ValueError(
                f"{start.name} has ended after {counted(validation.waited, 'evaluation')} without "
                f"a better loss: to continue, give a larger `patience`"
            )
    with handed_over(stop, run.rescue):
        run.train(stop)
        trained = run.result()
        writer.finish(*run.checkpoints(), trained)
    run.draw_plot()
    return trained


@contextmanager
def _errors_of_resume(start: StartingPoint, options: TrainingOptions) -> Iterator[None]:
    """Name the file whose options a resumed run has, where they do not fit."""
    try:
        yield
    except ValueError as error:
        if not options.resume:
            raise
        raise CheckpointError(
            f"{start.name} cannot be resumed with this text and these options: {error}"
        ) from None


def _check_length(n_trained: int, n_validation: int, options: TrainingOptions) -> None:
    """Raise where the text is too short for one window of each stream."""
    T, B, workers = options.seq_length, options.batch_size, options.workers or 1
    if n_trained < T * B * workers + 1:
        windows = f"a batch of {B} windows" if B > 1 else "a window"
        windows += f" of {counted(T, 'character')}"
        windows += f" for each of {workers} workers" if workers > 1 else ""
        beside = f" beside the {n_validation} for validation" if n_validation else ""
        raise ValueError(
            f"the text has {counted(n_trained, 'character')} for training{beside}: {windows} needs "
            f"at least {T * B * workers + 1}"
        )


def _steps(options: TrainingOptions, trainer: Trainer, start: StartingPoint) -> int:
    """The steps that are made when the run ends."""
    with _errors_of_resume(start, options):
        steps = steps_of(options, trainer.windows_per_epoch)
    if steps is None:
        steps = default_steps(trainer.windows_per_epoch, trainer.characters)
    if steps <= trainer.steps_done:
        raise ValueError(
            f"{start.name} has already made {trainer.steps_done:,} of {counted(steps, 'step')}: to "
            f"continue, ask for more with `max_steps` or `epochs`"
        )
    return steps
