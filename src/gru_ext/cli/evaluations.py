# SPDX-License-Identifier: MIT
"""Evaluations of several models on several texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from gru_ext.cli.comparisons import letter_frequency_bits, xz_bits
from gru_ext.cli.unknown import check_known, note_unknown
from gru_ext.model.evaluation import Evaluation, evaluate_counted
from gru_ext.model.evaluation_options import EvaluationOptions
from gru_ext.model.model import load
from gru_ext.model.narrow_cost import NarrowCost
from gru_ext.text.reader import TextReader
from gru_ext.text.units import Units
from gru_ext.text.vocabulary import Counts


class EvaluatedText:
    """A text in units that a model reads, and what is known of it without a model."""

    def __init__(self, names: list[str], units: Units, encoding: str, join: str) -> None:
        self.names, self.units = names, units
        self.reader = TextReader(names, units, encoding, join=join)
        self.counts = Counts(self.reader.pieces(), units)

    def __str__(self) -> str:
        return " + ".join("standard input" if name == "-" else name for name in self.names)

    @cached_property
    def letter_frequency_bits(self) -> float:
        """:func:`gru_ext.cli.comparisons.letter_frequency_bits`."""
        return letter_frequency_bits(self.counts)

    @cached_property
    def xz_bits(self) -> float | None:
        """:func:`gru_ext.cli.comparisons.xz_bits`."""
        return xz_bits(self.reader, self.counts)


@dataclass(frozen=True)
class Row:
    """An evaluation of a model on a text."""

    model: str
    vocabulary_size: int
    text: EvaluatedText
    found: Evaluation
    weights: str
    """Those that the model read with."""
    own_weights: str
    own: Evaluation
    """With the weights of the file: the same, if there was no choice."""
    recorded: NarrowCost | None
    """What the file says of the cost of its narrow weights."""

    @property
    def uniform_bits(self) -> float:
        """What a character costs where all that the model knows are as likely."""
        return math.log2(self.vocabulary_size)

    @property
    def total_bits(self) -> float:
        """What the whole text costs, in characters or in bytes."""
        return self.found.bits_per_char * self.found.characters


def evaluate_all(
    models: Sequence[str],
    texts: Sequence[list[str]],
    encoding: str,
    join: str,
    options: EvaluationOptions,
) -> list[Row]:
    """Evaluate models on texts, each of which is one file or several that are joined.

    Returns
    -------
    list of Row
        Best first. With several models, the rows of a text stay together.

    Raises
    ------
    TypeError, ValueError, OSError
        A model or a text cannot be read, or a text has characters that are refused. Nothing has
        been evaluated then, except where a text has fewer than two characters that are known.
    """
    loaded = [(path, load(path)) for path in models]
    for _, model in loaded:
        model.parameters.check_finite()
    units = {model.vocabulary.units for _, model in loaded}
    if len(units) > 1 and any("-" in names for names in texts):
        raise ValueError(
            "standard input can be read as characters or as bytes, and the models need both: "
            "name a file"
        )
    read = [{u: EvaluatedText(names, u, encoding, join) for u in sorted(units)} for names in texts]
    if options.unknown == "error":
        for each in read:
            for _, model in loaded:
                text = each[model.vocabulary.units]
                check_known(model.vocabulary, text.counts, str(text))
    rows = []
    for each in read:
        group = []
        for path, model in loaded:
            text = each[model.vocabulary.units]
            chosen = model.with_weights(options.weights)
            found = own = evaluate_counted(chosen, text.reader, text.counts, options)
            if chosen is not model:
                own = evaluate_counted(model, text.reader, text.counts, options)
            note_unknown(found.unknown, options.unknown or "error", str(text))
            row = Row(
                path,
                len(model.vocabulary),
                text,
                found,
                weights=str(chosen.parameters.narrow or chosen.dtype),
                own_weights=str(model.parameters.narrow or model.dtype),
                own=own,
                recorded=NarrowCost.recorded(chosen.about),
            )
            group.append(row)
        rows += _best_first(group)
    return rows if len(loaded) > 1 else _best_first(rows)


def _best_first(rows: list[Row]) -> list[Row]:
    """The rows in order: by bits per unit where the units are the same, or else by all bits."""
    if len({row.text.units for row in rows}) > 1:
        return sorted(rows, key=lambda row: row.total_bits)
    return sorted(rows, key=lambda row: row.found.bits_per_char)
