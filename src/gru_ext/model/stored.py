# SPDX-License-Identifier: MIT
"""A model as it is stored: a vocabulary, its parameters, and what is known of its training."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gru_ext.arguments.messages import counted
from gru_ext.files import StrPath
from gru_ext.model import checkpoint
from gru_ext.model.checkpoint import Checkpoint
from gru_ext.model.parameters import Parameters, draw_uniform
from gru_ext.model.weights_options import WEIGHTS_KIND, Weights
from gru_ext.text.documents import encode_separator
from gru_ext.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from gru_ext.model.summary import Summary
    from gru_ext.reporting.history import History


# What the metadata say of the weights in the file alone.
_OF_FILE = ("format", "int8")


class StoredModel:
    """What :class:`gru_ext.Model` is made of; its subclasses say what one does with it."""

    def __init__(
        self, vocabulary: Vocabulary, parameters: Parameters, about: dict[str, Any] | None = None
    ) -> None:
        if len(vocabulary) != parameters.vocabulary_size:
            raise ValueError(
                f"the vocabulary has {counted(len(vocabulary), 'character')}, the parameters "
                f"are for {parameters.vocabulary_size}"
            )
        self.vocabulary = vocabulary
        self.parameters = parameters
        self.about = about or {}

    @classmethod
    def create(
        cls,
        vocabulary: Vocabulary,
        hidden_size: int,
        dtype: DTypeLike = np.float32,
        seed: int = 0,
        layers: int = 1,
    ) -> Self:
        """Make a new model: matrices uniform in [-1/sqrt(H), 1/sqrt(H)), biases zero."""
        parameters = Parameters(len(vocabulary), hidden_size, dtype, layers=layers)
        draw_uniform(parameters, np.random.default_rng(seed), 1 / math.sqrt(hidden_size))
        return cls(vocabulary, parameters)

    @property
    def separator(self) -> NDArray[np.integer] | None:
        """The symbols of ``about["document_separator"]``, the text between documents.

        It is None if there is none. The hidden state is then never reset.
        """
        text = self.about.get("document_separator")
        return None if text is None else encode_separator(self.vocabulary, text)

    @cached_property
    def history(self) -> History:
        """The progress lines of the run that made the model; none for a model from a file."""
        from gru_ext.reporting.history import History

        return History([])

    @property
    def hidden_size(self) -> int:
        """H."""
        return self.parameters.hidden_size

    @property
    def layers(self) -> int:
        """The number of GRU layers."""
        return self.parameters.layers

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The dtype of states and predictions, float32 or float64."""
        return self.parameters.dtype

    def summary(self) -> Summary:
        """Return the layers, the shapes of their arrays, and the numbers of parameters and bytes.

        Returns
        -------
        Summary
            A table where it is printed, with the attributes ``parameters``, ``bytes`` and ``rows``.
        """
        from gru_ext.model.summary import summary_of

        return summary_of(self)

    def with_weights(self, weights: Weights | None) -> Self:
        """Return this model with weights of another type.

        Parameters
        ----------
        weights : {"float32", "bfloat16", "int8"} or None
            Matrices are rounded to bfloat16, to nearest even; or to int8, to nearest, with a scale
            for each row. A model with such weights reads faster than one of float32, and never
            changes. It cannot be trained or adapted. One of int8 can be saved, in a quarter of the
            size. float32 is the way back, to the numbers that narrow weights stand for. None is for
            the weights that the model has.

        Returns
        -------
        Model
            A model with copies of the weights; or the model itself if it has such weights.

        Raises
        ------
        TypeError, ValueError
            It is no such type, or a weight is not finite, or is too large for bfloat16.
        """
        from gru_ext.model.narrow_parameters import with_weights

        if weights is not None:
            weights = WEIGHTS_KIND.check("weights", weights)
        parameters = with_weights(self.parameters, weights)
        if parameters is self.parameters:
            return self
        about = {key: value for key, value in self.about.items() if key not in _OF_FILE}
        return type(self)(self.vocabulary, parameters, about)

    def __repr__(self) -> str:
        from gru_ext.model.facts import parameters_of, step_of, unit_of

        step = step_of(self)
        steps = "" if step is None else f", {counted(step, 'step')}"
        return (
            f"<gru_ext.Model: {counted(len(self.vocabulary), unit_of(self)[1])}, "
            f"{self.parameters.sizes}, {self.parameters.narrow or self.dtype}, "
            f"{counted(parameters_of(self), 'parameter')}{steps}>"
        )

    def _repr_html_(self) -> str:
        from gru_ext.model.facts import size_facts, training_facts
        from gru_ext.reporting.notebook import curves_html, facts_html

        facts = size_facts(self) + training_facts(self)
        return facts_html("gru_ext.Model", facts, curves_html(self.history))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StoredModel):
            return NotImplemented
        return (
            self.vocabulary == other.vocabulary
            and self.about.get("document_separator") == other.about.get("document_separator")
            and self.parameters == other.parameters
        )

    __hash__ = None  # type: ignore[assignment]

    def save(self, path: StrPath) -> None:
        """Write the model to a file atomically.

        Raises
        ------
        OSError
            The file cannot be written. An existing file stays as it was.
        ValueError
            The weights are bfloat16, which no model file has.
        """
        checkpoint.write(path, self.checkpoint())

    def checkpoint(self) -> Checkpoint:
        """The checkpoint that :meth:`save` writes."""
        about = self.vocabulary.metadata() | self.about
        narrow = self.parameters.narrow
        return Checkpoint(self.parameters if narrow else dict(self.parameters), about)
