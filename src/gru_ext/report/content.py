# SPDX-License-Identifier: MIT
"""The content of a page: everything that its script reads, as one object for JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.model import Model
from gru_ext.report import figure_content as figures
from gru_ext.report import packing
from gru_ext.report.passage import Passage
from gru_ext.report.reading import Reading, read_symbols, sample
from gru_ext.report.surprise import block_means
from gru_ext.report.symbol_table import SymbolTable
from gru_ext.report.unit_content import unit_content
from gru_ext.reporting.metrics import Record

TEMPERATURES = (0.5, 1.0, 1.5)
_SAMPLE, _COUNTED_SAMPLE = 500, 20_000
_BLOCKS, _MOST_FREQUENT = 240, 48


@dataclass(frozen=True)
class Content:
    """What the page shows.

    Attributes
    ----------
    data : dict
        What the script reads.
    bits, perplexity, expected : float
        The means over the passage; ``expected`` is what the model itself expects.
    first, first_five : float
        The fraction of the characters that were the likeliest, or among the five likeliest.
    plan : Plan
    """

    data: dict[str, Any]
    bits: float
    perplexity: float
    expected: float
    first: float
    first_five: float
    plan: packing.Plan


def content_of(
    model: Model,
    passage: Passage,
    records: Sequence[Record],
    seed: int,
    progress: Callable[[int, float], object] | None = None,
) -> Content:
    """Analyse a passage, and gather what the page shows.

    Parameters
    ----------
    model : Model
    passage : Passage
    records : sequence of Record
        The metrics of the run; none of them are needed.
    seed : int
        Of the samples.
    progress : callable, optional
        As for :func:`read_symbols`.
    """
    symbols, V = passage.symbols, len(model.vocabulary)
    plan = packing.plan(len(symbols), V, model.layers, model.hidden_size)
    reading = read_symbols(model, symbols, plan.alternatives, progress)
    counted_sample = sample(model, _COUNTED_SAMPLE, 1.0, seed + 1)
    samples = [sample(model, _SAMPLE, temperature, seed) for temperature in TEMPERATURES]
    common = _common(symbols, V)
    shown = symbols[: plan.text]
    table = SymbolTable(model, [shown, reading.best, common, *samples])
    ranks = reading.ranks[1:]
    bits = float(np.mean(reading.bits[1:]))
    data = {
        "vocabulary": table.content,
        "text": _text_content(table, shown, reading, plan),
        "lines": figures.line_content(model, shown, reading.bits[: plan.text]),
        "baselines": figures.baseline_content(symbols, V, bits),
        "ranks": [
            int(np.count_nonzero((ranks >= least) & (ranks <= most)))
            for least, most in ((1, 1), (2, 5), (6, 10), (11, V))
        ],
        "units": unit_content(model, symbols, plan),
        "calibration": figures.calibration_content(reading),
        "classes": figures.class_content(model, symbols, reading.bits),
        "positions": figures.position_content(model, passage, reading.bits),
        "frequencies": figures.frequency_content(table, symbols, counted_sample, common, V),
        "nearest": figures.nearest_content(model, table, common),
        "samples": [
            {"temperature": temperature, "symbols": table.packed(each)}
            for temperature, each in zip(TEMPERATURES, samples, strict=True)
        ],
        "curve": figures.curve_content(records),
    }
    return Content(
        data,
        bits,
        float(2.0 ** min(bits, 1000.0)),
        reading.expected,
        float(np.mean(ranks == 1)),
        float(np.mean(ranks <= 5)),
        plan,
    )


def _common(symbols: NDArray[np.integer], V: int) -> NDArray[np.int64]:
    """The most frequent symbols that occur, most frequent first."""
    counts = np.bincount(symbols, minlength=V)
    order = np.argsort(-counts, kind="stable")[:_MOST_FREQUENT]
    return order[counts[order] > 0].astype(np.int64)


def _text_content(
    table: SymbolTable, shown: NDArray[np.integer], reading: Reading, plan: packing.Plan
) -> dict[str, Any]:
    n, m = len(shown), plan.alternatives
    return {
        "symbols": table.packed(shown),
        "bits": packing.packed(packing.bit_codes(reading.bits[:n])),
        "ranks": packing.packed(packing.rank_codes(reading.ranks[:n])),
        "best": table.packed(reading.best[:m]),
        "probabilities": packing.packed(packing.probability_codes(reading.best_probabilities[:m])),
        "choices": reading.best.shape[1],
        "blocks": figures.rounded(block_means(reading.bits[:n], _BLOCKS)),
    }
