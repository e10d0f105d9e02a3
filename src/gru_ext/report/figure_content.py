# SPDX-License-Identifier: MIT
"""The content of the figures of a page, as its script reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.model import Model
from gru_ext.report import surprise
from gru_ext.report.calibration import calibration_error
from gru_ext.report.characters import CLASSES, classes_of, frequencies, nearest
from gru_ext.report.passage import Passage
from gru_ext.report.reading import Reading
from gru_ext.report.symbol_table import SymbolTable
from gru_ext.reporting.metrics import Record, number_in
from gru_ext.text.documents import document_starts

_MOST_POINTS = 400
_LINES, _SHORTEST_LINE, _LONGEST_LINE = 6, 12, 160
_NEIGHBOURS = 5
_POSITIONS = {"line": 80, "word": 14, "document": 200}
_FEWEST = 20  # characters of which a mean is shown


def line_content(
    model: Model, shown: NDArray[np.integer], bits: NDArray[np.float64]
) -> dict[str, Any]:
    """The most and the least surprising lines that differ: start, end and mean of the bits."""
    lines = surprise.lines_of(_are(model, shown, "\n"), _LONGEST_LINE)
    # a mean over a few characters says little, but the lines of a list may have no more
    shortest = min(_SHORTEST_LINE, int(np.median(lines[:, 1] - lines[:, 0])) // 2)
    worst, best = surprise.extreme_lines(lines, bits, len(lines), max(1, shortest))
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


def baseline_content(symbols: NDArray[np.integer], V: int, bits: float) -> list[list[Any]]:
    """The mean of the bits of simple models of the same text, and of this model, by their names."""
    single, pair = surprise.entropies(symbols, V)
    values = {
        "every character equally likely": float(np.log2(V)),
        "character frequencies of this text": single,
        "pair frequencies of this text": pair,
        "this model": bits,
    }
    return [[name, round(value, 3)] for name, value in values.items()]


def calibration_content(reading: Reading) -> dict[str, Any]:
    """The calibration curves: mean probability, frequency and number of predictions of each bin."""

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


def class_content(
    model: Model, symbols: NDArray[np.integer], bits: NDArray[np.float64]
) -> list[list[Any]]:
    """Of each class that occurs: number, mean of the bits, fraction of all bits."""
    groups = classes_of(model.vocabulary)[symbols]
    numbers, sums = surprise.count_by(groups, bits, len(CLASSES))
    every = max(float(sums.sum()), float(np.finfo(float).tiny))  # a sure model needs no bits at all
    return [
        [name, int(number), round(float(total / number), 3), round(float(total) / every, 4)]
        for name, number, total in zip(CLASSES, numbers, sums, strict=True)
        if number
    ]


def position_content(
    model: Model, passage: Passage, bits: NDArray[np.float64]
) -> dict[str, list[list[float]]]:
    """The bits by place in the line, word and document: place, mean of the bits, number."""
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


def frequency_content(
    table: SymbolTable,
    symbols: NDArray[np.integer],
    sampled: NDArray[np.integer],
    common: NDArray[np.int64],
    V: int,
) -> dict[str, Any]:
    """The frequencies of common characters in the text and in a sample.

    ``distance`` is the total variation distance: half the sum of |difference| over all symbols.
    """
    text, ours = frequencies(symbols, V), frequencies(sampled, V)
    return {
        "sampled": len(sampled),
        "distance": round(float(np.abs(text - ours).sum()) / 2, 4),
        "rows": [
            [number, round(float(text[symbol]), 6), round(float(ours[symbol]), 6)]
            for number, symbol in zip(table.numbers(common).tolist(), common, strict=True)
        ],
    }


def nearest_content(model: Model, table: SymbolTable, common: NDArray[np.int64]) -> list[list[Any]]:
    """Of each common symbol those that the model reads most alike, and their cosines."""
    if len(common) < 2:
        return []
    neighbours, cosines = nearest(model.parameters, common, _NEIGHBOURS)
    return [
        [number, table.numbers(row).tolist(), rounded(values, 2)]
        for number, row, values in zip(
            table.numbers(common).tolist(), neighbours, cosines, strict=True
        )
    ]


def curve_content(records: Sequence[Record]) -> dict[str, Any]:
    """The losses of a run in bits, over the characters seen in training."""

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
