# SPDX-License-Identifier: MIT
"""What narrow weights cost: the loss of a text with them and with the weights before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from gru_ext.arguments.fields import COUNT, LOSS, Field, ListOf, Object, checked
from gru_ext.arguments.kinds import String
from gru_ext.arguments.messages import brief, counted, listed
from gru_ext.model.evaluation import Evaluation

KEY = "int8"
"""Where the metadata of a file with int8 weights have it."""

_MOST_TEXTS = 20
_FIELDS = {
    "texts": Field(ListOf(String(), _MOST_TEXTS), []),
    "characters": Field(COUNT),
    "nats_per_char": Field(LOSS),
    "nats_per_char_before": Field(LOSS),
}


@dataclass(frozen=True)
class NarrowCost:
    """The mean losses of a text in nats, before and after the weights were rounded.

    Attributes
    ----------
    texts : list of str
        The names of its files.
    characters : int
        The characters that were predicted.
    nats_per_char, nats_per_char_before : float
    """

    texts: list[str]
    characters: int
    nats_per_char: float
    nats_per_char_before: float

    @classmethod
    def of(cls, texts: list[str], found: Evaluation, before: Evaluation) -> Self:
        """What two evaluations of a text say."""
        return cls(texts[:_MOST_TEXTS], found.characters, found.nats_per_char, before.nats_per_char)

    @classmethod
    def recorded(cls, about: Mapping[str, Any]) -> Self | None:
        """What the metadata of a model say; None where they say nothing, or are damaged."""
        try:
            return cls(**checked(Object().check(KEY, about.get(KEY)), _FIELDS))
        except (TypeError, ValueError):
            return None

    def record(self) -> dict[str, Any]:
        """What the metadata of a model have of it."""
        return asdict(self)

    @property
    def bits(self) -> float:
        """The bits per character that the rounded weights cost; below 0 if they are better."""
        return (self.nats_per_char - self.nats_per_char_before) / math.log(2)

    def __str__(self) -> str:
        where = f" of {brief(listed(self.texts, 3), 60)}" if self.texts else ""
        over = counted(self.characters, "character")
        return f"{round(self.bits, 4) + 0.0:.4f} bits per character over {over}{where}"
