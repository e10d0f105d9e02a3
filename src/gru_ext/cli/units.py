# SPDX-License-Identifier: MIT
"""The lines or documents of a text, and how many bits each of them costs under a model."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.stream import SymbolStream
from gru_ext.text.documents import document_starts
from gru_ext.text.unknown import UNKNOWN_BITS, Encoded, encode_known

if TYPE_CHECKING:
    from gru_ext.model.model import Model

_BITS_PER_NAT = 1 / math.log(2)


@dataclass
class Unit:
    """A line, a document or a file, with its line break or document separator.

    Attributes
    ----------
    file : str
    line : int
        The number of its first line.
    bits : float
        What its characters cost.
    characters : int
        How many of its characters were predicted, or counted as unknown characters.
    unknown : int
        How many of its characters the model does not know.
    begin : str or bytes
        Its first characters.
    costs : ndarray of float64, shape (n,)
        The bits of each of them; NaN where it was not predicted.
    """

    file: str
    line: int
    bits: float = 0.0
    characters: int = 0
    unknown: int = 0
    begin: Any = None
    costs: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def bits_per_char(self) -> float:
        """The mean, or NaN where no character was predicted."""
        return self.bits / self.characters if self.characters else math.nan


class UnitScorer:
    """Reads a text a piece at a time, with the state carried through it as in an evaluation.

    Parameters
    ----------
    model : Model
    file : str
        The name of the text.
    by : {"line", "document", "file"}
    unknown : {"error", "skip", "cost"}
    kept : int
        How many characters of a unit are kept.
    """

    def __init__(self, model: Model, file: str, by: str, unknown: str, kept: int) -> None:
        self._vocabulary, self._file, self._by = model.vocabulary, file, by
        self._choice, self._kept = unknown, kept
        self._separator = model.separator
        self._stream = SymbolStream(model.parameters, 1, self._separator)
        self._recent = np.empty(0, np.int32)  # symbols that may begin a separator
        self._line = 1
        self._unit: Unit | None = None

    def read(self, piece: str | bytes) -> Iterator[Unit]:
        """Read a piece, and yield the units that end in it.

        Raises
        ------
        ValueError
            The piece has characters that the model does not know, which are refused.
        """
        encoded = encode_known(self._vocabulary, piece, self._choice)
        started = self._stream.started
        costs = np.full(len(piece), UNKNOWN_BITS if self._choice == "cost" else math.nan)
        known = self._stream.read(encoded.symbols[:, None])[:, 0] * _BITS_PER_NAT
        if not started:
            known[:1] = math.nan  # nothing predicts the first character
        costs[encoded.known] = known
        ends = self._ends(piece, encoded)
        begins = [0, *ends]
        if begins[-1] == len(piece):
            begins.pop()
        bits = np.add.reduceat(np.nan_to_num(costs), begins).tolist()
        predicted = np.add.reduceat(~np.isnan(costs), begins, dtype=np.int64).tolist()
        unknown = np.add.reduceat(~encoded.known, begins, dtype=np.int64).tolist()
        for i, (begin, end) in enumerate(itertools.pairwise([*begins, len(piece)])):
            unit = self._unit = self._unit or Unit(self._file, self._line)
            self._extend(unit, piece[begin:end], costs[begin:end])
            unit.bits += bits[i]
            unit.characters += predicted[i]
            unit.unknown += unknown[i]
            if i < len(ends):
                self._unit = None
                yield unit

    def end(self) -> Iterator[Unit]:
        """Yield the unit at the end of the text, if it has not ended before."""
        if self._unit is not None:
            yield self._unit

    def _extend(self, unit: Unit, text: Any, costs: NDArray[np.float64]) -> None:
        self._line += text.count("\n" if isinstance(text, str) else b"\n")
        if unit.begin is None:
            unit.begin, unit.costs = text[: self._kept], costs[: self._kept]
        elif room := self._kept - len(unit.begin):
            unit.begin += text[:room]
            unit.costs = np.concatenate([unit.costs, costs[:room]])

    def _ends(self, piece: str | bytes, encoded: Encoded) -> list[int]:
        """The places in a piece where a unit has ended."""
        if self._by == "line":
            if isinstance(piece, bytes):
                return [found.end() for found in re.finditer(b"\n", piece)]
            return [found.end() for found in re.finditer("\n", piece)]
        if self._by == "file" or self._separator is None:
            return []
        symbols = np.concatenate([self._recent, encoded.symbols.astype(np.int32)])
        starts = document_starts(symbols, self._separator)[len(self._recent) :]
        self._recent = symbols[len(symbols) - min(len(symbols), len(self._separator) - 1) :]
        places: list[int] = (np.flatnonzero(encoded.known)[starts] + 1).tolist()
        return places
