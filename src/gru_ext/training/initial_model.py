# SPDX-License-Identifier: MIT
"""What a run starts from: the model and the options of before, or new ones."""

from __future__ import annotations

import os
from typing import Any

from gru_ext.files import StrPath
from gru_ext.model import checkpoint
from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.model.model import Model, from_checkpoint
from gru_ext.model.parameters import Parameters
from gru_ext.text.vocabulary import Vocabulary
from gru_ext.training.checkpoints import told_previous
from gru_ext.training.options import Settled, TrainingOptions

# What older files, which do not tell, were trained with.
_BEFORE = {"units": "chars", "min_count": 1, "layers": 1, "tied": False}


def existing(output: StrPath | None) -> StrPath | None:
    """The output, where there is one already."""
    return output if output is not None and os.path.exists(output) else None


def weights_of(source: StrPath | Model | None, resume: bool = False) -> Checkpoint | None:
    """What a model, or a model file, holds; or what there is instead, where a run resumes it."""
    if source is None:
        return None
    if isinstance(source, Model):
        return source.checkpoint()
    try:
        return checkpoint.read(source)
    except CheckpointError as error:
        raise CheckpointError(f"{error}{told_previous(source) if resume else ''}") from None


def named(source: StrPath | Model | None, function: Any, *arguments: Any, **options: Any) -> Any:
    """Call a function, and put the file's name before what it finds wrong with its content."""
    try:
        return function(*arguments, **options)
    except CheckpointError as error:
        name = "the model" if source is None or isinstance(source, Model) else os.fspath(source)
        raise CheckpointError(f"{name} {error}") from None


def check_length(n_trained: int, n_held_out: int, options: Settled) -> None:
    """Raise where the text is too short for one window of each stream."""
    T, B = options.seq_length, options.batch_size
    if n_trained < T * B + 1:
        windows = f"{B} windows of {T}" if B > 1 else f"a window of {T}"
        held = f" beside the {n_held_out} held out" if n_held_out else ""
        raise ValueError(
            f"the text has {n_trained} characters to train on{held}: {windows} "
            f"characters need at least {T * B + 1}"
        )


def starting_model(
    vocabulary: Vocabulary,
    weights: Checkpoint | None,
    source: StrPath | Model | None,
    options: Settled,
) -> Model:
    """A new model, or that of the weights in the dtype asked for.

    Characters that the weights do not know have those of a new model.
    """
    if weights is None:
        return _new_model(vocabulary, options)
    if weights.hidden_size != options.hidden_size:
        raise ValueError(
            f"{source} has hidden size {weights.hidden_size}, not {options.hidden_size}"
        )
    if weights.layers != options.layers:
        raise ValueError(f"{source} has layers {weights.layers}, not {options.layers}")
    known = weights.vocabulary
    if known is not None and set(known.characters) < set(vocabulary.characters):
        return _widened(vocabulary, known, weights, options)
    loaded: Model = named(source, from_checkpoint, weights, vocabulary)
    sizes = len(vocabulary), options.hidden_size, options.dtype
    parameters = Parameters(*sizes, layers=options.layers)
    parameters.assign(loaded.parameters)
    return Model(vocabulary, parameters)


def _new_model(vocabulary: Vocabulary, options: Settled) -> Model:
    sizes = options.hidden_size, options.dtype, options.seed, options.layers
    return Model.create(vocabulary, *sizes)


def _widened(
    vocabulary: Vocabulary, known: Vocabulary, weights: Checkpoint, options: Settled
) -> Model:
    model = _new_model(vocabulary, options)
    symbol = {character: i for i, character in enumerate(vocabulary.characters)}
    places = [symbol[character] for character in known.characters]
    for name, view in model.parameters.items():
        if name in ("Wz", "Wr", "Wh"):  # (H, V)
            view[:, places] = weights.weights[name]
        elif name in ("Wy", "by"):  # (V, H), (V, 1)
            view[places] = weights.weights[name]
        else:
            view[...] = weights.weights[name]
    return model


def resumed_options(given: TrainingOptions, saved: Checkpoint) -> TrainingOptions:
    """The saved run's options, with what may change in the middle of a run changed."""
    before = saved.metadata.get("options")
    if not isinstance(before, dict):
        raise CheckpointError(
            "holds no options of a training run: start from its weights with --init-from"
        )
    for name in (
        "hidden_size",
        "seq_length",
        "batch_size",
        "dtype",
        "optimizer",
        "val_fraction",
        "seed",
        "units",
        "min_count",
        "layers",
        "tied",
    ):
        asked = getattr(given, name)
        saved = before.get(name, _BEFORE.get(name, asked))
        if asked is not None and asked != saved:
            raise CheckpointError(f"was trained with {name.replace('_', ' ')} {saved}, not {asked}")
    if given.epochs is not None and given.max_steps is None:
        before = {name: value for name, value in before.items() if name != "max_steps"}
    try:
        return given.over(before)
    except TypeError:
        raise CheckpointError("has damaged options") from None
