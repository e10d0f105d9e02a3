# SPDX-License-Identifier: MIT
"""A model: a vocabulary and its parameters, and what one does with them."""

from __future__ import annotations

from gru_ext.arguments.messages import counted
from gru_ext.files import StrPath
from gru_ext.model import checkpoint
from gru_ext.model.checkpoint import Checkpoint, CheckpointError, errors_name
from gru_ext.model.generating import Generating
from gru_ext.model.parameters import Parameters
from gru_ext.model.predicting import Predicting
from gru_ext.text.vocabulary import Vocabulary


class Model(Predicting, Generating):
    """A character-level GRU with a softmax over its vocabulary.

    Parameters
    ----------
    vocabulary : Vocabulary
    parameters : Parameters
        Parameters for as many symbols as the vocabulary has.
    about : dict, optional
        What is known of its training: ``step``, ``options`` and so on.

    Raises
    ------
    ValueError
        Vocabulary and parameters have different sizes.

    Notes
    -----
    Two models are equal if vocabulary, parameters and document separator are: they sample and
    evaluate alike. What else is known of their training is not compared. Models have no hash, since
    their parameters change.
    """


def from_checkpoint(data: Checkpoint, vocabulary: Vocabulary | None = None) -> Model:
    """The model in a checkpoint.

    Raises
    ------
    CheckpointError
        The checkpoint has no vocabulary and none is given, or one of another size.
    """
    if vocabulary is None:
        vocabulary = data.vocabulary
        if vocabulary is None:
            raise CheckpointError(
                "holds weights without a vocabulary, as the original script writes them: continue "
                "training with `classic` or `init_from` on its text, or load it with `vocabulary`"
            )
    if len(vocabulary) != data.vocabulary_size:
        raise CheckpointError(
            f"holds weights for {counted(data.vocabulary_size, 'character')}, not for "
            f"{len(vocabulary)}"
        )
    if isinstance(data.weights, Parameters):  # of int8, which are never changed
        parameters = data.weights
    else:
        sizes = data.vocabulary_size, data.hidden_size, data.weights["Wz"].dtype
        parameters = Parameters(*sizes, layers=data.layers)
        parameters.assign(data.weights)
    about = {key: value for key, value in data.metadata.items() if key not in Vocabulary.KEYS}
    model = Model(vocabulary, parameters, about)
    try:
        model.separator  # noqa: B018 (it raises where the vocabulary given lacks its characters)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"has another vocabulary: {error}") from None
    return model


def load(path: StrPath, vocabulary: Vocabulary | None = None) -> Model:
    """Read a model from a file.

    Parameters
    ----------
    path : path-like
        A model file, or one of safetensors with the same arrays (docs/how-to/export.md).
    vocabulary : Vocabulary, optional
        The vocabulary of weights that were written without one, as by the original script.

    Raises
    ------
    OSError
        The file cannot be read.
    CheckpointError
        A ValueError: the file is not a model file, or is damaged.
    """
    data = checkpoint.read(path)
    with errors_name(path):
        return from_checkpoint(data, vocabulary)
