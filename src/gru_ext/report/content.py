# SPDX-License-Identifier: MIT
"""The content of a page: everything that its script reads, as one object for JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.model import Model
from gru_ext.report import packing, surprise
from gru_ext.report.calibration import calibration_error
from gru_ext.report.characters import CLASSES, classes_of, frequencies, nearest, visible
from gru_ext.report.passage import Passage
from gru_ext.report.reading import Reading, read_symbols, sample
from gru_ext.report.unit_content import unit_content
from gru_ext.reporting.metrics import Record, number_in
from gru_ext.text.documents import document_starts

TEMPERATURES = (0.5, 1.0, 1.5)
_SAMPLE, _COUNTED_SAMPLE = 500, 20_000
_MOST_POINTS = 400
_LINES, _SHORTEST_LINE, _LONGEST_LINE = 6, 12, 160
_BLOCKS = 240
_MOST_FREQUENT, _NEIGHBOURS = 48, 5
_POSITIONS = {"line": 80, "word": 14, "document": 200}
_FEWEST = 20  # characters of which a mean is shown


class SymbolTable:
    """The symbols that a page uses, numbered anew where the vocabulary is large.

    Parameters
    ----------
    model : Model
    used : sequence of ndarrays of symbols
        All of them that the page may name.
    """

    def __init__(self, model: Model, used: Sequence[NDArray[np.integer]]) -> None:
        vocabulary = model.vocabulary
        V = len(vocabulary)
        self._used = np.arange(V)
        if not packing.is_small(V):
            self._used = np.unique(np.concatenate([each.reshape(-1) for each in used]))
        self.dtype = packing.symbol_dtype(len(self._used))
        byte = vocabulary.units == "bytes"
        shown = [visible(vocabulary.characters[symbol], byte) for symbol in self._used]
        self.content = {
            "shown": [each for each, _ in shown],
            "kinds": "".join(kind for _, kind in shown),
            "newline": self.numbers(np.array([vocabulary.characters.find("\n")])).tolist()[0],
        }

    def numbers(self, symbols: NDArray[np.integer]) -> NDArray[np.integer]:
        """The numbers on the page of symbols; -1 for what is not there."""
        places = np.minimum(np.searchsorted(self._used, symbols), len(self._used) - 1)
        return np.where(self._used[places] == symbols, places, -1)

    def packed(self, symbols: NDArray[np.integer]) -> dict[str, str]:
        """The numbers of symbols, as the page reads arrays."""
        return packing.packed(self.numbers(symbols).astype(self.dtype))


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
    samples = [sample(model, _SAMPLE, temperature, seed) for temperature in TEMPERATURES]
    common = _common(symbols, V)
    shown = symbols[: plan.text]
    table = SymbolTable(model, [shown, reading.best, common, *samples])
    ranks = reading.ranks[1:]
    bits = float(np.mean(reading.bits[1:]))
    data = {
        "vocabulary": table.content,
        "text": _text_content(table, shown, reading, plan),
        "lines": _line_content(model, shown, reading.bits[: plan.text]),
        "baselines": _baselines(symbols, V, bits),
        "ranks": [
            int(np.count_nonzero((ranks >= least) & (ranks <= most)))
            for least, most in ((1, 1), (2, 5), (6, 10), (11, V))
        ],
        "units": unit_content(model, symbols, plan),
        "calibration": _calibration_content(reading),
        "classes": _class_content(model, symbols, reading.bits),
        "positions": _position_content(model, passage, reading.bits),
        "frequencies": _frequency_content(model, table, symbols, common, seed),
        "nearest": _nearest_content(model, table, common),
        "samples": [
            {"temperature": temperature, "symbols": table.packed(each)}
            for temperature, each in zip(TEMPERATURES, samples, strict=True)
        ],
        "curve": _curve_content(records),
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
        "blocks": rounded(surprise.block_means(reading.bits[:n], _BLOCKS)),
    }


def _line_content(
    model: Model, shown: NDArray[np.integer], bits: NDArray[np.float64]
) -> dict[str, Any]:
    lines = surprise.lines_of(_are(model, shown, "\n"), _LONGEST_LINE)
    worst, best = surprise.extreme_lines(lines, bits, len(lines), _SHORTEST_LINE)
    return {"worst": _distinct(shown, worst), "best": _distinct(shown, best)}


def _distinct(
    shown: NDArray[np.integer], lines: Sequence[tuple[int, int, float]]
) -> list[list[float]]:
    """The first few lines that are not the same text."""
    found: dict[bytes, list[float]] = {}
    for start, end, mean in lines:
        found.setdefault(shown[start:end].tobytes(), [start, end, round(mean, 2)])
        if len(found) == _LINES:
            break
    return list(found.values())


def _baselines(symbols: NDArray[np.integer], V: int, bits: float) -> list[list[Any]]:
    single, pair = surprise.entropies(symbols, V)
    values = {
        "every character equally likely": float(np.log2(V)),
        "character frequencies of this text": single,
        "pair frequencies of this text": pair,
        "this model": bits,
    }
    return [[name, round(value, 3)] for name, value in values.items()]


def _calibration_content(reading: Reading) -> dict[str, Any]:
    def curve(counts: NDArray[np.float64]) -> list[list[float]]:
        number, probability, happened = counts
        used = number >= _FEWEST
        points = np.stack([probability[used], happened[used]]) / number[used]
        return [
            [*rounded(point), int(count)]
            for point, count in zip(points.T, number[used], strict=True)
        ]

    return {
        "every": curve(reading.calibration),
        "likeliest": curve(reading.confidence),
        "error": round(100 * calibration_error(reading.confidence), 2),
    }


def _class_content(
    model: Model, symbols: NDArray[np.integer], bits: NDArray[np.float64]
) -> list[list[Any]]:
    groups = classes_of(model.vocabulary)[symbols]
    numbers, sums = surprise.count_by(groups, bits, len(CLASSES))
    every = max(float(sums.sum()), float(np.finfo(float).tiny))  # a sure model needs no bits at all
    return [
        [name, int(number), round(float(total / number), 3), round(float(total) / every, 4)]
        for name, number, total in zip(CLASSES, numbers, sums, strict=True)
        if number
    ]


def _position_content(
    model: Model, passage: Passage, bits: NDArray[np.float64]
) -> dict[str, list[list[float]]]:
    symbols, first = passage.symbols, passage.part in ("start", "trained")
    letters = np.array([c.isalnum() for c in model.vocabulary.characters])[symbols]
    places = {
        "line": surprise.places_after(_are(model, symbols, "\n"), first),
        "word": surprise.places_in_words(letters),
    }
    if model.separator is not None:
        places["document"] = surprise.places_after(document_starts(symbols, model.separator), first)
    found = {}
    for name, each in places.items():
        numbers, sums = surprise.count_by(each, bits, _POSITIONS[name] + 1)
        used = np.flatnonzero(numbers[1:] >= _FEWEST) + 1
        found[name] = [
            [int(place), round(float(sums[place] / numbers[place]), 3), int(numbers[place])]
            for place in used
        ]
    return found


def _frequency_content(
    model: Model,
    table: SymbolTable,
    symbols: NDArray[np.integer],
    common: NDArray[np.int64],
    seed: int,
) -> dict[str, Any]:
    V = len(model.vocabulary)
    sampled = sample(model, _COUNTED_SAMPLE, 1.0, seed + 1)
    text, ours = frequencies(symbols, V), frequencies(sampled, V)
    return {
        "sampled": len(sampled),
        "distance": round(float(np.abs(text - ours).sum()) / 2, 4),
        "rows": [
            [number, round(float(text[symbol]), 6), round(float(ours[symbol]), 6)]
            for number, symbol in zip(table.numbers(common).tolist(), common, strict=True)
        ],
    }


def _nearest_content(
    model: Model, table: SymbolTable, common: NDArray[np.int64]
) -> list[list[Any]]:
    if len(common) < 2:
        return []
    neighbours, cosines = nearest(model.parameters, common, _NEIGHBOURS)
    return [
        [number, table.numbers(row).tolist(), rounded(values, 2)]
        for number, row, values in zip(
            table.numbers(common).tolist(), neighbours, cosines, strict=True
        )
    ]


def _curve_content(records: Sequence[Record]) -> dict[str, Any]:
    def points(column: str) -> list[list[float]]:
        found = [(r["characters"], number_in(r, column)) for r in records]
        known = [[x, round(y, 4)] for x, y in found if y is not None]
        places = np.unique(np.linspace(0, len(known) - 1, _MOST_POINTS).round().astype(int))
        return known if len(known) <= _MOST_POINTS else [known[i] for i in places]

    return {"training": points("train_bits"), "validation": points("val_bits")}


def _are(model: Model, symbols: NDArray[np.integer], c: str) -> NDArray[np.bool_]:
    """Where symbols are this character, shape (n,)."""
    found: NDArray[np.bool_] = symbols == model.vocabulary.characters.find(c)
    return found


def rounded(values: NDArray[np.floating], digits: int = 4) -> list[float]:
    """The values as a list for JSON."""
    return [round(float(value), digits) for value in values]
