# SPDX-License-Identifier: MIT
"""The passage of a text that a report analyses: its start, or the start of its validation part."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.fields import COUNT, Field, checked
from gru_ext.arguments.kinds import String
from gru_ext.text.reader import TextReader
from gru_ext.text.unknown import encode_known
from gru_ext.text.vocabulary import Vocabulary

Symbols = NDArray[np.integer]

_TEXT = {"text_sha256": Field(String()), "text_characters": Field(COUNT)}
_VALIDATION = {"text_sha256": Field(String()), "characters": Field(COUNT)}


@dataclass(frozen=True)
class Passage:
    """Symbols to analyse, and where they come from.

    Attributes
    ----------
    symbols : ndarray of symbols, shape (n,)
    part : {"start", "trained", "validation", "sample"}
        The start of a text; of the text that the model was trained on; of the validation part of
        its run; or a sample of the model itself.
    characters : int
        The known characters of the text or of the part that the passage begins.
    skipped : int
        The characters of the whole text that the model does not know. They are left out.
    """

    symbols: Symbols
    part: str
    characters: int
    skipped: int = 0


@dataclass(frozen=True)
class Split:
    """The sizes and the SHA-256 of the parts of a run's text, as its model file records them."""

    trained: int
    trained_sha256: str
    validated: int = 0
    validated_sha256: str = ""


def recorded_split(about: Mapping[str, Any]) -> Split | None:
    """The parts of the text of the run; None where the metadata do not say it, or are damaged."""
    try:
        text = checked(about["training"], _TEXT)
        split = Split(text["text_characters"], text["text_sha256"])
    except (KeyError, TypeError, ValueError):
        return None
    try:
        part = checked(about["run"]["validation"], _VALIDATION)
        return Split(split.trained, split.trained_sha256, part["characters"], part["text_sha256"])
    except (KeyError, TypeError, ValueError):
        return split


class _Part:
    """A range of the symbols of a text that is read in pieces: its start is kept, and hashed."""

    def __init__(self, start: int, end: int | None, most: int) -> None:
        self._start, self._end, self._most = start, end, most
        self._kept: list[Symbols] = []
        self._count = 0
        self._sha256 = hashlib.sha256()

    def add(self, place: int, symbols: Symbols) -> None:
        """Take what belongs to this part of symbols that begin at a place of the text."""
        end = len(symbols) if self._end is None else max(0, self._end - place)
        ours = symbols[max(0, self._start - place) : end]
        if self._end is not None:
            self._sha256.update(np.ascontiguousarray(ours).data)
        if self._count < self._most:
            self._kept.append(ours[: self._most - self._count].copy())
        self._count += len(ours)

    def symbols(self, dtype: np.dtype[np.integer]) -> Symbols:
        """The symbols kept, shape (n,)."""
        return np.concatenate([*self._kept, np.empty(0, dtype)])

    def is_whole(self, characters: int, sha256: str) -> bool:
        """Whether the part was read to its end and has this hash."""
        return self._count == characters and self._sha256.hexdigest() == sha256


def read_passage(
    reader: TextReader, vocabulary: Vocabulary, most: int, split: Split | None = None
) -> Passage:
    """Read a text in pieces and keep at most so many symbols of it.

    A text that is the one of the model's run, by its hash, gives the start of its validation part
    if it has one. Any other text gives its own start.

    Parameters
    ----------
    reader : TextReader
    vocabulary : Vocabulary
    most : int
        The largest number of symbols.
    split : Split, optional
        The parts of the run's text.

    Returns
    -------
    Passage

    Raises
    ------
    ValueError
        The text has fewer than two characters that the model knows, or it cannot be decoded.
    OSError
        A file cannot be read.
    """
    split = split or Split(0, "")
    start = _Part(0, None, most)
    trained = _Part(0, split.trained, 0)
    validated = _Part(split.trained, split.trained + split.validated, most)
    place = skipped = 0
    for piece in reader.pieces():
        encoded = encode_known(vocabulary, piece, "skip")
        for part in (start, trained, validated):
            part.add(place, encoded.symbols)
        place, skipped = place + len(encoded.symbols), skipped + encoded.unknown
    if place < 2:
        raise ValueError(
            f"`text` must have at least 2 characters that the model knows: it has {place}, and "
            f"{skipped:,} that the model does not know"
        )
    ours = split.trained > 0 and trained.is_whole(split.trained, split.trained_sha256)
    if (
        ours
        and split.validated > 1
        and place == split.trained + split.validated
        and validated.is_whole(split.validated, split.validated_sha256)
    ):
        return Passage(validated.symbols(vocabulary.dtype), "validation", split.validated, skipped)
    return Passage(start.symbols(vocabulary.dtype), "trained" if ours else "start", place, skipped)
