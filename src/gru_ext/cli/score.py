# SPDX-License-Identifier: MIT
"""The command ``gru-ext score``."""

from __future__ import annotations

import argparse
import heapq
import math
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gru_ext.cli.options import KEPT, ScoreOptions, given_options

if TYPE_CHECKING:
    from gru_ext.cli.units import Unit
    from gru_ext.model.model import Model
    from gru_ext.text.reader import TextReader

# The fewest characters of the most surprising ones, where the option says nothing else.
_SHORTEST = 5


def run(arguments: argparse.Namespace) -> None:
    """Print how surprising the lines or documents of texts are for a model."""
    options = given_options(ScoreOptions, arguments)

    from gru_ext.cli.score_output import printer_of
    from gru_ext.cli.unknown import note_unknown
    from gru_ext.cli.weights import read_with
    from gru_ext.model.model import load

    model = read_with(load(arguments.model), options.weights)
    model.parameters.check_finite()
    by = options.by or ("line" if model.separator is None else "document")
    if by == "document" and model.separator is None:
        raise ValueError("`by` document is for a model that was trained with a document separator")
    names = [os.fspath(path) for path in arguments.texts]
    readers = _checked_readers(model, names, options)
    unknown = 0
    live = "-" in names and options.top is None
    shortest = options.shortest or (0 if options.top is None else _SHORTEST)
    printed = printer_of(options, names, by, model.vocabulary.units)
    best: list[tuple[float, int, Unit]] = []
    for number, unit in enumerate(_units(model, names, readers, by, options)):
        unknown += unit.unknown
        if options.threshold is not None and not unit.bits_per_char >= options.threshold:
            continue
        if unit.characters < shortest:
            continue
        if options.top is None:
            printed.unit(unit)
        elif not math.isnan(unit.bits_per_char):
            entry = (unit.bits_per_char, -number, unit)
            (heapq.heappush if len(best) < options.top else heapq.heappushpop)(best, entry)
        if live:
            sys.stdout.flush()
    for _, _, unit in sorted(best, reverse=True, key=lambda entry: entry[:2]):
        printed.unit(unit)
    note_unknown(unknown, options.unknown)


def _checked_readers(
    model: Model, names: list[str], options: ScoreOptions
) -> dict[str, TextReader]:
    """The readers of the files, which are known to have no characters that are refused."""
    from gru_ext.cli.unknown import check_known
    from gru_ext.text.reader import TextReader
    from gru_ext.text.vocabulary import Counts

    if names.count("-") > 1:
        raise ValueError("standard input, -, can be read only once")
    units = model.vocabulary.units
    readers = {n: TextReader([n], units, options.encoding) for n in names if n != "-"}
    for name, reader in readers.items():
        if options.unknown == "error":
            check_known(model.vocabulary, Counts(reader.pieces(), units), name)
    return readers


def _units(
    model: Model, names: list[str], readers: dict[str, TextReader], by: str, options: ScoreOptions
) -> Iterator[Unit]:
    from gru_ext.cli.live import live_pieces
    from gru_ext.cli.units import UnitScorer
    from gru_ext.cli.unknown import unknown_in

    for name in names:
        scorer = UnitScorer(model, name, by, options.unknown, KEPT)
        if name in readers:
            pieces = readers[name].pieces()
        else:
            pieces = live_pieces(model.vocabulary.units, options.encoding)
        for piece in pieces:
            try:
                yield from scorer.read(piece)
            except ValueError as error:
                raise unknown_in("standard input" if name == "-" else name, error) from None
        yield from scorer.end()
