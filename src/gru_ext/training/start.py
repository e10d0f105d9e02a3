# SPDX-License-Identifier: MIT
"""What a run starts from: a new model, the weights of another model, or a run to be resumed."""

from __future__ import annotations

import os
from typing import NamedTuple

from gru_ext.files import StrPath
from gru_ext.model import checkpoint
from gru_ext.model.checkpoint import Checkpoint, errors_name
from gru_ext.model.model import Model, from_checkpoint
from gru_ext.model.parameters import Parameters
from gru_ext.text.vocabulary import Vocabulary
from gru_ext.training.options import TrainingOptions
from gru_ext.training.state_files import read_state


class StartingPoint(NamedTuple):
    """A model or model file to start from, and what it holds; None and None for a new model."""

    source: StrPath | Model | None
    checkpoint: Checkpoint | None

    @property
    def name(self) -> str:
        """The source's name in messages."""
        if self.source is None or isinstance(self.source, Model):
            return "the model"
        return os.fspath(self.source)


def starting_point(options: TrainingOptions) -> StartingPoint:
    """Read what the options name: the state of a resumed run, ``init_from``, or nothing.

    With ``classic`` it is the output where that exists, as in the original script.
    """
    if options.resume and options.output is not None:
        return StartingPoint(*read_state(options.output))
    source = options.init_from
    if options.classic and source is None and options.output is not None:
        source = options.output if os.path.exists(options.output) else None
    if source is None:
        return StartingPoint(None, None)
    if isinstance(source, Model):
        source.parameters.check_finite()
        return StartingPoint(source, source.checkpoint())
    return StartingPoint(source, checkpoint.read(source))


def check_sizes(start: StartingPoint, options: TrainingOptions) -> None:
    """Raise a ValueError where options ask for other sizes than those of the weights."""
    weights = start.checkpoint
    if weights is None:
        return
    for name, in_file, asked in (
        ("hidden size", weights.hidden_size, options.hidden_size),
        ("layers", weights.layers, options.layers),
    ):
        if in_file != asked:
            raise ValueError(f"{start.name} has {name} {in_file}, not {asked}")


def initial_model(vocabulary: Vocabulary, start: StartingPoint, options: TrainingOptions) -> Model:
    """Make a new model, or one of the weights to start from in the dtype of the options.

    Characters that these weights do not know get the weights of a new model.
    """
    weights = start.checkpoint
    if weights is None:
        return _new_model(vocabulary, options)
    known = weights.vocabulary
    if known is not None and set(known.characters) < set(vocabulary.characters):
        return _extended(vocabulary, known, weights, options)
    with errors_name(start.name):
        loaded = from_checkpoint(weights, vocabulary)
    parameters = Parameters(
        len(vocabulary), options.hidden_size, options.weights_dtype, layers=options.layers
    )
    parameters.assign(loaded.parameters)
    return Model(vocabulary, parameters)


def _new_model(vocabulary: Vocabulary, options: TrainingOptions) -> Model:
    return Model.create(
        vocabulary, options.hidden_size, options.weights_dtype, options.seed, options.layers
    )


def _extended(
    vocabulary: Vocabulary, known: Vocabulary, weights: Checkpoint, options: TrainingOptions
) -> Model:
    """A new model with the weights of the known characters copied into it."""
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
