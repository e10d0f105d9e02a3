# SPDX-License-Identifier: MIT
"""A model: a vocabulary and its parameters."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gru_ext.arguments.messages import counted
from gru_ext.files import StrPath
from gru_ext.model import checkpoint
from gru_ext.model.checkpoint import Checkpoint, CheckpointError, errors_name
from gru_ext.model.parameters import Parameters, draw_uniform
from gru_ext.text.documents import encode_separator
from gru_ext.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from gru_ext.model.evaluation import Evaluation
    from gru_ext.reporting.history import History
    from gru_ext.text.reader import Text


class Model:
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
    ) -> Model:
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
        """float32 or float64."""
        return self.parameters.dtype

    def __repr__(self) -> str:
        return (
            f"<gru_ext.Model: {counted(len(self.vocabulary), 'character')}, "
            f"{self.parameters.sizes}, {self.dtype}>"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Model):
            return NotImplemented
        return (
            self.vocabulary == other.vocabulary
            and self.about.get("document_separator") == other.about.get("document_separator")
            and self.parameters == other.parameters
        )

    __hash__ = None  # type: ignore[assignment]

    @overload
    def sample(
        self, length: int, prompt: str = "", temperature: float = 1.0, seed: int | None = None
    ) -> str: ...
    @overload
    def sample(
        self, length: int, prompt: bytes, temperature: float = 1.0, seed: int | None = None
    ) -> bytes: ...
    def sample(
        self,
        length: int,
        prompt: str | bytes = "",
        temperature: float = 1.0,
        seed: int | None = None,
    ) -> str | bytes:
        """Sample text: the prompt and ``length`` characters that follow it.

        For a model of bytes, ``length`` counts bytes. The result is a str, with U+FFFD for what is
        not UTF-8; or bytes if the prompt is bytes, ``b""`` included.

        Parameters
        ----------
        length : int
        prompt : str or bytes
            What the model reads first: characters that it knows. Without a prompt a sample starts
            as after a document separator, where the model has one; or else after a newline, if the
            model knows that character; or else after a random character, which is drawn with
            ``seed``, or the first of the vocabulary at temperature 0. It is not in the result.
        temperature : float
            The logits are divided by it. 0 takes the most likely character each time: the same
            text for any seed.
        seed : int, optional
            The same seed gives the same text.

        Raises
        ------
        TypeError, ValueError
            The prompt has characters that the model does not know, a number is out of range, or
            a parameter has values that are not finite.
        """
        from gru_ext.model.sampling import sample_chunks, sample_symbols

        self.parameters.check_finite()
        chosen: dict[str, Any] = {
            "temperature": temperature,
            "seed": seed,
            "separator": self.separator,
        }
        if not isinstance(prompt, bytes):
            chunks = sample_chunks(self.parameters, self.vocabulary, length, prompt, **chosen)
            return prompt + "".join(chunks)
        if self.vocabulary.units != "bytes":
            raise TypeError("`prompt` must be a str for a model of characters, not bytes")
        sampled = sample_symbols(self.parameters, self.vocabulary, length, prompt, **chosen)
        return prompt + b"".join(map(self.vocabulary.to_bytes, sampled))

    def evaluate(self, text: Text, encoding: str = "utf-8", join: str = "") -> Evaluation:
        """Evaluate the model on a text: the cross-entropy of its characters.

        The hidden state is zero at the start and carried through the whole text. It is reset at
        each document if the model was trained with a document separator.

        Parameters
        ----------
        text : str, bytes, path-like or list of paths
            A str is the text itself, and so are bytes for a model of bytes; one that looks like a
            path is refused. In a list a str is a path; ``-`` is standard input.
        encoding : str
            The encoding of the files, for a model of characters.
        join : str
            Text placed between the files.

        Raises
        ------
        TypeError, ValueError, OSError
            The text cannot be read, has characters that the model does not know, or fewer than
            two; or a parameter has values that are not finite.
        """
        from gru_ext.model.evaluation import evaluate_symbols
        from gru_ext.text.corpus import encode_text
        from gru_ext.text.reader import TextReader
        from gru_ext.text.vocabulary import Counts

        self.parameters.check_finite()
        reader = TextReader(text, self.vocabulary.units, encoding, join=join)
        counts = Counts(reader.pieces(), reader.units)
        symbols = encode_text(reader, counts, self.vocabulary)
        return evaluate_symbols(self.parameters, symbols, separator=self.separator)

    def save(self, path: StrPath) -> None:
        """Write the model to a file atomically.

        Raises
        ------
        OSError
            The file cannot be written. An existing file stays as it was.
        """
        checkpoint.write(path, self.checkpoint())

    def checkpoint(self) -> Checkpoint:
        """The checkpoint that :meth:`save` writes."""
        about = self.vocabulary.metadata() | self.about
        return Checkpoint(dict(self.parameters), about)


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
