# SPDX-License-Identifier: MIT
"""The training data: a text is read, counted, and encoded with a vocabulary.

A text of one's own for validation is encoded with the same vocabulary.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.messages import counted, shown
from gru_ext.files import StrPath
from gru_ext.model.checkpoint import Checkpoint
from gru_ext.text.corpus import encode_text
from gru_ext.text.documents import count_documents, count_separators, encode_separator
from gru_ext.text.given import Documents, Given
from gru_ext.text.lines import ListOfLines
from gru_ext.text.reader import TextReader
from gru_ext.text.units import Units
from gru_ext.text.unknown import count_unknown
from gru_ext.text.vocabulary import Counts, Vocabulary

_logger = logging.getLogger("gru_ext")


@dataclass
class TrainingData:
    """An encoded text.

    Attributes
    ----------
    symbols : ndarray of integers from 0 to V - 1, shape (n,)
    vocabulary : Vocabulary
    document_separator : str or None
    added : int
        The number of characters of the vocabulary that the initial weights do not know.
    lines : int
        The number of lines of a text that was recognised as a list of short lines, each a document;
        0 for any other.
    """

    symbols: NDArray[np.integer]
    vocabulary: Vocabulary
    document_separator: str | None
    added: int = 0
    lines: int = 0

    @property
    def separator(self) -> NDArray[np.integer] | None:
        """The symbols of the document separator, shape (k,)."""
        if self.document_separator is None:
            return None
        return encode_separator(self.vocabulary, self.document_separator)

    @property
    def newline(self) -> int | None:
        """The symbol of a line end, where the vocabulary has it."""
        return self.vocabulary.characters.index("\n") if "\n" in self.vocabulary else None


def read_training_data(
    text: Given,
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
    text : str, bytes, Documents or list of paths
        What :func:`gru_ext.text.given.given_text` returns.
    encoding, units, min_count, document_separator, join, resume, classic
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
    if isinstance(text, Documents):
        text, document_separator = _joined(text, document_separator, classic)

    # the original script reads a byte-order mark as a character
    reader = TextReader(text, units, encoding, folder, join or "", keep_mark=classic)
    entries = ListOfLines()
    counts = Counts(entries.watch(reader.pieces()), units)
    if known is None or classic:  # the original script makes its vocabulary from its text
        known = Vocabulary.from_counts(counts, min_count or 1)
    vocabulary = known if resume else known.extended(counts)
    is_list = document_separator is None and entries.found and not (resume or classic)
    if is_list and "\n" in vocabulary:
        document_separator = "\n"
    data = TrainingData(
        np.empty(0, vocabulary.dtype),
        vocabulary,
        document_separator or None,
        len(vocabulary) - len(known),
    )
    separator = data.separator
    if resume:
        _check_same_text(vocabulary, counts, source)
    data.symbols = encode_text(reader, counts, vocabulary)
    if separator is None:
        return data
    if not count_separators(data.symbols, separator):
        raise ValueError(
            f"the document separator {shown(document_separator)}{whose} is not in the text"
        )
    if is_list:
        data.lines = count_documents(data.symbols, separator)
    return data


def _joined(documents: Documents, separator: str | None, classic: bool) -> tuple[str | bytes, str]:
    """Documents as one text, and their separator."""
    if classic:
        raise ValueError("documents and `classic` cannot be combined: give one text")
    if separator == "":
        raise ValueError("a list of documents needs a `document_separator` that is not empty")
    separator = documents.separator() if separator is None else separator
    return documents.joined(separator), separator


def read_validation(
    text: Given, data: TrainingData, encoding: str, join: str | None, folder: StrPath | None
) -> NDArray[np.integer]:
    """Read and encode a text that is used for validation alone.

    Characters without a symbol are left out, with a warning.

    Parameters
    ----------
    text : str, bytes, Documents or list of paths
    data : TrainingData
        The text that is trained on, with its vocabulary and document separator.
    encoding, join
        These are the arguments of :func:`gru_ext.train`.
    folder : path-like, optional
        The folder for temporary files.

    Returns
    -------
    ndarray of symbols, shape (n,)

    Raises
    ------
    ValueError, OSError
        The text cannot be read, has less than 2 characters that the model knows, or has documents
        where the training text has none.
    """
    vocabulary = data.vocabulary
    if isinstance(text, Documents):
        if data.document_separator is None:
            raise ValueError(
                "`validation` is a list of documents, and the training text has no documents: "
                "give one text, or a `document_separator`"
            )
        text = text.joined(data.document_separator)
    reader = TextReader(text, vocabulary.units, encoding, folder, join or "")
    counts = Counts(reader.pieces(), vocabulary.units)
    unknown = count_unknown(vocabulary, counts)
    if counts.length - unknown < 2:
        raise ValueError(
            f"`validation` must have at least 2 characters that the model knows, not "
            f"{counts.length - unknown}"
        )
    if unknown:
        _logger.warning(
            "%s of the validation text left out, which the model does not know",
            counted(unknown, "character"),
        )
    return encode_text(reader, counts, vocabulary, unknown)


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
