# SPDX-License-Identifier: MIT
"""A score: how many bits each character of a text costs under a model."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.kinds import Whole
from gru_ext.arguments.messages import brief, counted
from gru_ext.text.units import Units, utf8

_COUNT = Whole(0)
_SHOWN = 30


class ScoredCharacter(NamedTuple):
    """A character of a scored text: its index in ``bits``, itself, and the bits that it costs."""

    place: int
    character: str | bytes
    bits: float


@dataclass(frozen=True, eq=False, repr=False)
class Score:
    """How many bits each character of a text costs under a model.

    A score is a sequence of pairs: its length is the number of characters, and iteration gives each
    character with its bits. For a model of bytes these are bytes, of a str those of its UTF-8.
    A notebook shows the text shaded by the bits.

    Attributes
    ----------
    text : str or bytes
        The text.
    bits : ndarray, float64, shape (n,)
        -log2 p of each character, or byte, given what stands before it. It is 0 for the first
        character, unless there was a prompt: there is no prediction for it.
    known : ndarray, bool, shape (n,)
        Whether the model knows each character.
    predicted : ndarray, bool, shape (n,)
        Whether each character counts in the mean: that it was predicted, or that it is unknown and
        unknown characters have a cost.
    units : {"chars", "bytes"}
        What the model reads.

    Examples
    --------
    >>> text = "The statement is empty.\\nThe xqz is empty.\\n"
    >>> score = model.score(text, prompt="\\n")                       # doctest: +SKIP
    >>> score.top(1)                                                 # doctest: +SKIP
    [ScoredCharacter(place=30, character='z', bits=21.263151254609966)]
    >>> score.lines()                                                # doctest: +SKIP
    [<gru_ext.Score: 1.575 bits/char, 24 characters, 'The statement is empty.\\n'>,
     <gru_ext.Score: 4.999 bits/char, 18 characters, 'The xqz is empty.\\n'>]
    """

    text: str | bytes
    bits: NDArray[np.float64]
    known: NDArray[np.bool_] = field(kw_only=True)
    predicted: NDArray[np.bool_] = field(kw_only=True)
    units: Units = field(kw_only=True, default="chars")

    @property
    def characters(self) -> int:
        """How many characters were predicted, or are unknown and have a cost."""
        return int(np.count_nonzero(self.predicted))

    @property
    def unknown(self) -> int:
        """How many characters the model does not know."""
        return len(self.known) - int(np.count_nonzero(self.known))

    @property
    def total_bits(self) -> float:
        """The sum of :attr:`bits`."""
        return float(self.bits.sum())

    @property
    def bits_per_char(self) -> float:
        """The mean of the characters that were predicted, or NaN where there is none."""
        return self.total_bits / self.characters if self.characters else math.nan

    def __len__(self) -> int:
        return len(self.bits)

    def __iter__(self) -> Iterator[tuple[str | bytes, float]]:
        """Each character, or byte, with its bits."""
        read = self._read()
        return ((read[i : i + 1], bits) for i, bits in enumerate(self.bits.tolist()))

    def top(self, n: int = 10) -> list[ScoredCharacter]:
        """The ``n`` characters, or bytes, with the most bits, most surprising first.

        Parameters
        ----------
        n : int
            How many; there are fewer if fewer were predicted.

        Returns
        -------
        list of ScoredCharacter
            ``(place, character, bits)``. Of equal ones the first comes first.
        """
        n, read = _COUNT.check("n", n), self._read()
        order = np.argsort(-self.bits, kind="stable")
        places = order[self.predicted[order]][:n].tolist()
        return [ScoredCharacter(i, read[i : i + 1], float(self.bits[i])) for i in places]

    def lines(self) -> list[Score]:
        """The score of each line, with the line break at its end.

        The bits are those of the whole text: each line was read after the lines before it.
        """
        newline: Any = "\n" if isinstance(self.text, str) else b"\n"
        parts: Any = self.text.split(newline)
        texts = [part + newline for part in parts[:-1]] + [part for part in parts[-1:] if part]
        ends = itertools.accumulate(len(self._read_of(text)) for text in texts)
        edges = itertools.pairwise([0, *ends])
        return [
            Score(
                text,
                self.bits[a:b],
                known=self.known[a:b],
                predicted=self.predicted[a:b],
                units=self.units,
            )
            for text, (a, b) in zip(texts, edges, strict=True)
        ]

    def _read_of(self, text: str | bytes) -> str | bytes:
        """A text as the model reads it: bytes for a model of bytes."""
        return utf8(text) if self.units == "bytes" and isinstance(text, str) else text

    def _read(self) -> str | bytes:
        return self._read_of(self.text)

    def _figures(self) -> str:
        """The mean and the number of characters, as a heading."""
        per, what = ("byte", "byte") if self.units == "bytes" else ("char", "character")
        mean = f"{self.bits_per_char:.3f} bits/{per}, " if self.characters else ""
        unknown = f", {self.unknown:,} of them unknown" if self.unknown else ""
        return f"{mean}{counted(len(self), what)}{unknown}"

    def __repr__(self) -> str:
        text = brief(repr(self.text[:_SHOWN]), 2 * _SHOWN)
        more = "…" if len(self.text) > _SHOWN else ""
        return f"<gru_ext.Score: {self._figures()}, {text}{more}>"

    def _repr_html_(self) -> str:
        from gru_ext.reporting.shading import LONGEST, shaded_html

        bits = np.where(self.predicted, self.bits, math.nan)
        text = self._read_of(self.text[:LONGEST])
        return shaded_html(self._figures(), text, bits)
