# SPDX-License-Identifier: MIT
"""What a run trains on: the text as asked for, in the vocabulary that it or the weights bring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gru_ext.files import StrPath
from gru_ext.model.checkpoint import Checkpoint
from gru_ext.text.corpus import encode_text
from gru_ext.text.documents import count_separators, encode_separator
from gru_ext.text.reader import Text, TextReader
from gru_ext.text.vocabulary import Counts, Vocabulary


@dataclass(frozen=True)
class Wanted:
    """A text and how to read it; None stands for what the weights say, or else the default."""

    text: Text
    encoding: str
    units: str | None
    min_count: int | None
    separator: str | None


@dataclass(frozen=True)
class Material:
    """Symbols of shape (n,), what they stand for, and what separates documents.

    ``added`` of the vocabulary's characters are not in that of the weights.
    """

    symbols: NDArray[np.integer]
    vocabulary: Vocabulary
    separator: str | None
    added: int = 0


def read_material(
    wanted: Wanted,
    weights: Checkpoint | None,
    name: StrPath | None,
    *,
    resume: bool,
    classic: bool,
    folder: StrPath | None,
) -> Material:
    """Read and encode a text.

    Parameters
    ----------
    wanted : Wanted
    weights : Checkpoint, optional
        What the run starts from, called ``name``: it brings vocabulary and separator along. One
        that is not gone on with is extended by the characters of the text that it lacks.
    resume, classic : bool
        As in :func:`gru_ext.train`.
    folder : path-like, optional
        For temporary files.

    Raises
    ------
    ValueError, OSError
        Where the text cannot be read, or something contradicts.
    """
    known = None if weights is None else weights.vocabulary
    if known is not None and wanted.units not in (None, known.units):
        raise ValueError(f"{name} is a model of {known.units}, not of {wanted.units}")
    if known is not None and wanted.min_count is not None and not (resume or classic):
        raise ValueError(
            f"--min-count and --init-from contradict: the vocabulary is that of {name}"
        )
    separator = wanted.separator
    if classic and separator is not None:
        raise ValueError("--document-separator and --classic contradict: the notebook has none")
    if separator is None and weights is not None and not classic:
        separator = weights.metadata.get("document_separator")
    units = wanted.units or ("chars" if known is None else known.units)
    reader = TextReader(wanted.text, units, wanted.encoding, folder)
    counts = Counts(reader.pieces(), units)
    if known is None or classic:  # as the notebook makes its own from its text
        known = Vocabulary.from_counts(counts, wanted.min_count or 1)
    before = len(known)
    if not resume:
        known = known.extended(counts)
    if separator is not None:
        separating = encode_separator(known, separator)
    symbols = encode_text(reader, counts, known)
    if separator is not None and not count_separators(symbols, separating):
        raise ValueError(f"the document separator {separator!r} is not in the text")
    return Material(symbols, known, separator, len(known) - before)
