# SPDX-License-Identifier: MIT
"""Evaluation: how well a model predicts a text."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.messages import counted
from gru_ext.core.stream import SymbolStream
from gru_ext.core.threads import READING, helpful_threads, usable_threads
from gru_ext.model.evaluation_options import EvaluationOptions
from gru_ext.model.parameters import Parameters
from gru_ext.text.corpus import encode_text, release
from gru_ext.text.given import Documents, given_text
from gru_ext.text.reader import TextReader
from gru_ext.text.unknown import UNKNOWN_BITS, count_unknown
from gru_ext.text.vocabulary import Counts

if TYPE_CHECKING:
    from gru_ext.model.stored import StoredModel
    from gru_ext.text.given import Text

# Symbols that are read in one call, between which a run can be stopped.
_PART = 1024
# Windows that are read at a time.
_LANES = 32
# Symbols between two releases of a mapped text's pages.
_RELEASE = 1 << 20


@dataclass(frozen=True, repr=False)
class Evaluation:
    """The cross-entropy of a text under a model. A notebook shows it as a table.

    Attributes
    ----------
    nats_per_char : float
        The mean of -log p of each character given all characters before it.
    characters : int
        The characters that were predicted: all but the first.
    unknown : int
        The characters that the model does not know, and that were left out.
    """

    nats_per_char: float
    characters: int
    unknown: int = 0

    @property
    def bits_per_char(self) -> float:
        """nats_per_char / log 2."""
        return self.nats_per_char / math.log(2)

    @property
    def perplexity(self) -> float:
        """exp(nats_per_char), or infinity where that overflows."""
        try:
            return math.exp(self.nats_per_char)
        except OverflowError:
            return math.inf

    def __repr__(self) -> str:
        unknown = f", {self.unknown:,} unknown" if self.unknown else ""
        return (
            f"<gru_ext.Evaluation: {self.bits_per_char:.4f} bits/char, perplexity "
            f"{self.perplexity:.4g}, {counted(self.characters, 'character')}{unknown}>"
        )

    def _repr_html_(self) -> str:
        from gru_ext.reporting.notebook import facts_html

        facts = [
            ("bits per character", f"{self.bits_per_char:.4f}"),
            ("perplexity", f"{self.perplexity:.4g}"),
            ("characters predicted", f"{self.characters:,}"),
        ]
        if self.unknown:
            facts.append(("unknown characters", f"{self.unknown:,}"))
        return facts_html("Evaluation", facts)


def evaluate_symbols(
    parameters: Parameters,
    symbols: NDArray[np.integer],
    progress: Callable[[int], object] | None = None,
    separator: NDArray[np.integer] | None = None,
    windows: int | None = None,
    most_threads: int = 1,
) -> Evaluation:
    """Evaluate a model on symbols of shape (n,), with the hidden state carried through all of them.

    The state is zero at the start and, with a separator, where a document starts.

    Parameters
    ----------
    parameters : Parameters
    symbols : ndarray of integers from 0 to V - 1, shape (n,), n >= 2
    progress : callable, optional
        It is called with the number of characters after each window.
    separator : ndarray of symbols, optional
        What stands between documents.
    windows : int, optional
        The length of windows that are evaluated as independent sequences, each from a zero state,
        instead of one long one.
    most_threads : int
        The most threads on which the text is read; fewer where they do not help. The result is
        bit-identical for any number.

    Raises
    ------
    ValueError
        There is nothing to predict, or a value is not a symbol.
    """
    n = len(symbols) - 1
    if n < 1:
        raise ValueError(f"a text to evaluate needs at least 2 characters, not {len(symbols)}")
    if windows is not None:
        return _evaluate_windows(parameters, symbols, windows, progress, most_threads)
    total = total_nats(parameters, symbols, progress, separator, most_threads=most_threads)
    return Evaluation(total / n, n)


def total_nats(
    parameters: Parameters,
    symbols: NDArray[np.integer],
    progress: Callable[[int], object] | None,
    separator: NDArray[np.integer] | None,
    begin: int = 0,
    most_threads: int = 1,
) -> float:
    """The sum of -log p of all symbols after the first, in nats.

    With a ``begin``, so many symbols after the first are only read, for the hidden state.
    """
    stream = SymbolStream(parameters, separator=separator)
    threads = _helpful(parameters, 1, most_threads)
    total = 0.0
    for start in range(0, len(symbols), _PART):
        if start % _RELEASE == 0:
            release(symbols)
        part = symbols[start : start + _PART]
        nats = stream.read(part[:, None], threads=threads)
        total += float(nats[max(0, begin + 1 - start) if begin else 0 :].sum())
        if progress is not None:
            progress(len(part) - (start == 0))
    return total


def evaluate_text(
    model: StoredModel, text: Text, encoding: str, join: str, options: EvaluationOptions
) -> Evaluation:
    """Evaluate a model on a text (:meth:`Model.evaluate`)."""
    given = given_text(text)
    if isinstance(given, Documents):
        separator = model.about.get("document_separator") or join
        if not separator:
            raise ValueError(
                "`text` is a list of documents, and the model has no document separator: give one "
                "text, or what stands between them with `join`"
            )
        given = given.joined(separator)
    reader = TextReader(given, model.vocabulary.units, encoding, join=join)
    return evaluate_counted(model, reader, Counts(reader.pieces(), reader.units), options)


def evaluate_counted(
    model: StoredModel, reader: TextReader, counts: Counts, options: EvaluationOptions
) -> Evaluation:
    """Evaluate a model on a text whose characters are counted."""
    unknown, separator = options.unknown, model.separator
    missing = 0 if unknown == "error" else count_unknown(model.vocabulary, counts)
    symbols = encode_text(reader, counts, model.vocabulary, missing)
    if options.adapts:
        from gru_ext.model.adaptation import evaluate_adapting

        found = evaluate_adapting(model.parameters, symbols, options, None, separator)
    else:
        found = evaluate_symbols(
            model.parameters, symbols, None, separator, options.windows, usable_threads()
        )
    if unknown == "cost" and missing:
        total = found.nats_per_char * found.characters + missing * UNKNOWN_BITS * math.log(2)
        characters = found.characters + missing
        return Evaluation(total / characters, characters, missing)
    return dataclasses.replace(found, unknown=missing)


def _helpful(parameters: Parameters, lanes: int, most: int) -> int:
    sizes = lanes, parameters.hidden_size, parameters.weight_bytes
    return helpful_threads(*sizes, most, READING)


def _evaluate_windows(
    parameters: Parameters,
    symbols: NDArray[np.integer],
    windows: int,
    progress: Callable[[int], object] | None,
    most_threads: int,
) -> Evaluation:
    """Evaluate the windows of a text as independent sequences, many at a time.

    A window reads the symbols from its place on, and predicts each next one, so that the last one
    that it predicts is the first that the next window reads.
    """
    n, total = len(symbols) - 1, 0.0
    windows = min(windows, n)
    lanes = min(_LANES, -(-n // windows))
    begins = windows * np.arange(lanes)
    stream = SymbolStream(parameters, lanes)
    threads = _helpful(parameters, lanes, most_threads)
    for start in range(0, n, lanes * windows):
        if start // _RELEASE != (start - lanes * windows) // _RELEASE:
            release(symbols)
        part = symbols[start : start + lanes * windows + 1]
        read = len(part) - 1
        stream.reset()
        for step in range(0, windows + 1, _PART):
            places = np.arange(step, min(step + _PART, windows + 1))[:, None] + begins
            # a window's first symbol costs nothing; beyond the text there is nothing to read
            nats = stream.read(part[np.minimum(places, read)], threads=threads)
            total += float(nats[places <= read].sum())
        if progress is not None:
            progress(read)
    return Evaluation(total / n, n)
