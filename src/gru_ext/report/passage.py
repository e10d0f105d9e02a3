# SPDX-License-Identifier: MIT
"""The passage of a text that a report analyses: its start, or the start of its validation part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.fields import COUNT, Field, checked
from gru_ext.arguments.kinds import Number, OneOf, String, Whole
from gru_ext.text.corpus import digest, encode_text
from gru_ext.text.documents import encode_separator
from gru_ext.text.reader import TextReader
from gru_ext.text.split import split_text
from gru_ext.text.unknown import count_unknown
from gru_ext.text.vocabulary import Counts, Vocabulary

Symbols = NDArray[np.integer]

_TEXT = {"text_sha256": Field(String()), "text_characters": Field(COUNT)}
_OPTIONS = {
    "val_fraction": Field(Number(least=0, below=1), nullable=True),
    "split": Field(OneOf(("blocks", "documents", "tail")), "tail"),
    "seed": Field(Whole(0, 2**64 - 1), 0),
}
_SEPARATOR = {"document_separator": Field(String(), nullable=True)}
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
    """The parts of a run's text, as its model file records them: sizes, SHA-256, how it was split.

    The arguments of :func:`gru_ext.text.split.split_text` are ``fraction``, ``method``, ``seed``
    and the symbols of ``separator``.
    """

    trained: int
    trained_sha256: str
    validated: int = 0
    validated_sha256: str = ""
    fraction: float | None = None
    method: str = "tail"
    seed: int = 0
    separator: str | None = None

    def apply(self, symbols: Symbols, vocabulary: Vocabulary) -> Symbols:
        """Split a text as that of the run, with the validation part at its end."""
        newline = vocabulary.characters.index("\n") if "\n" in vocabulary else None
        try:
            separator = None
            if self.separator is not None:
                separator = encode_separator(vocabulary, self.separator)
            return split_text(
                symbols,
                self.fraction,
                self.method,
                self.seed,
                separator=separator,
                newline=newline,
            ).symbols
        except ValueError:  # another text, or a damaged record
            return symbols


def recorded_split(about: Mapping[str, Any]) -> Split | None:
    """The parts of the text of the run; None where the metadata do not say it, or are damaged."""
    try:
        text = checked(about["training"], _TEXT)
        split = Split(text["text_characters"], text["text_sha256"])
    except (KeyError, TypeError, ValueError):
        return None
    try:
        part = checked(about["run"]["validation"], _VALIDATION)
        how = checked(about["options"], _OPTIONS)
        separator = checked(about, _SEPARATOR)["document_separator"]
    except (KeyError, TypeError, ValueError):
        return split
    return replace(
        split,
        validated=part["characters"],
        validated_sha256=part["text_sha256"],
        fraction=how["val_fraction"],
        method=how["split"],
        seed=how["seed"],
        separator=separator,
    )


def read_passage(
    reader: TextReader, vocabulary: Vocabulary, most: int, split: Split | None = None
) -> Passage:
    """Read a text and keep at most so many symbols of it.

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
    counts = Counts(reader.pieces(), vocabulary.units)
    skipped = count_unknown(vocabulary, counts)
    n = counts.length - skipped
    if n < 2:
        raise ValueError(
            f"`text` must have at least 2 characters that the model knows: it has {n}, and "
            f"{skipped:,} that the model does not know"
        )
    symbols = encode_text(reader, counts, vocabulary, skipped)
    start = symbols[:most].copy()
    if split is None or not 0 < split.trained <= n:
        return Passage(start, "start", n, skipped)
    if n == split.trained + split.validated and split.validated > 1:
        symbols = split.apply(symbols, vocabulary)
    if digest(symbols[: split.trained]) != split.trained_sha256:
        return Passage(start, "start", n, skipped)
    validation = symbols[split.trained :]
    if len(validation) > 1 and digest(validation) == split.validated_sha256:
        return Passage(validation[:most].copy(), "validation", len(validation), skipped)
    return Passage(symbols[:most].copy(), "trained", n, skipped)
