# SPDX-License-Identifier: MIT
"""The training data: a text is read, counted, and encoded with a vocabulary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.messages import shown
from gru_ext.files import StrPath
from gru_ext.model.checkpoint import Checkpoint
from gru_ext.text.corpus import encode_text
from gru_ext.text.documents import count_separators, encode_separator
from gru_ext.text.reader import Text, TextReader
from gru_ext.text.units import Units
from gru_ext.text.vocabulary import Counts, Vocabulary


@dataclass(frozen=True)
class TrainingData:
    """An encoded text.

    Attributes
    ----------
    symbols : ndarray of integers from 0 to V - 1, shape (n,)
    vocabulary : Vocabulary
    document_separator : str or None
    added : int
        The number of characters of the vocabulary that the initial weights do not know.
    """

    symbols: NDArray[np.integer]
    vocabulary: Vocabulary
    document_separator: str | None
    added: int = 0


def read_training_data(
    text: Text,
    *,
    encoding: str,
    units: Units | None,
    min_count: int | None,
    document_separator: str | None,
    join: str | None,
    weights: Checkpoint | None,
    source: str,
    resume: bool,
    classic: bool,
    folder: StrPath | None,
) -> TrainingData:
    """Read and encode the text of a run.

    Parameters
    ----------
    text, encoding, units, min_count, document_separator, join, resume, classic
        These are the arguments of :func:`gru_ext.train`. Where one is None, its value is that of
        the weights, or else the default.
    weights : Checkpoint, optional
        The initial weights, which bring their vocabulary and document separator along. Unless the
        run is resumed, the vocabulary is extended by the characters of the text that it lacks.
    source : str
        The name of the weights, for messages.
    folder : path-like, optional
        The folder for temporary files.

    Raises
    ------
    ValueError, OSError
        The text cannot be read, or arguments contradict each other or the weights.
    """
    known = None if weights is None else weights.vocabulary
    if known is not None and units not in (None, known.units):
        raise ValueError(f"{source} is a model of {known.units}, not of {units}")
    if known is not None and min_count is not None and not (resume or classic):
        raise ValueError(
            f"`min_count` and `init_from` cannot be combined: the vocabulary is that of {source}"
        )
    whose = ""
    if document_separator is None and weights is not None and not classic:
        document_separator = weights.metadata.get("document_separator")
        whose = f" of {source}"
    if join is None and weights is not None and resume:
        join = _recorded_join(weights)
    units = units or ("chars" if known is None else known.units)

    # the original script reads a byte-order mark as a character
    reader = TextReader(text, units, encoding, folder, join or "", keep_mark=classic)
    counts = Counts(reader.pieces(), units)
    if known is None or classic:  # the original script makes its vocabulary from its text
        known = Vocabulary.from_counts(counts, min_count or 1)
    vocabulary = known if resume else known.extended(counts)
    separator = None
    if document_separator is not None:
        separator = encode_separator(vocabulary, document_separator)
    if resume:
        _check_same_text(vocabulary, counts, source)
    symbols = encode_text(reader, counts, vocabulary)
    if separator is not None and not count_separators(symbols, separator):
        raise ValueError(
            f"the document separator {shown(document_separator)}{whose} is not in the text"
        )
    return TrainingData(symbols, vocabulary, document_separator, len(vocabulary) - len(known))


def _recorded_join(weights: Checkpoint) -> str | None:
    """What the run that is resumed placed between its files."""
    options = weights.metadata.get("options")
    join = options.get("join") if isinstance(options, dict) else None
    return join if isinstance(join, str) else None


def _check_same_text(vocabulary: Vocabulary, counts: Counts, source: str) -> None:
    """Raise where the text has characters that the text of the resumed run had not."""
    try:
        vocabulary.check(counts)
    except ValueError as error:
        raise ValueError(
            f"{source} was trained on another text, without these {error}; to train on another "
            f"text, use `init_from`"
        ) from None
