# SPDX-License-Identifier: MIT
"""The options of dynamic evaluation, each declared once."""

from __future__ import annotations

from typing import TypedDict

from gru_ext.arguments.kinds import Number, Whole
from gru_ext.arguments.option import Option, Options

ADAPTATION = "dynamic evaluation"

# The learning rate up to H = 128. For a larger H it falls with this power of H, as in training.
_RATE, _EXPONENT = 4e-4, 0.75


class AdaptationOptions(Options):
    """The options of dynamic evaluation.

    Raises
    ------
    TypeError, ValueError
        An option has a value that is not allowed.
    """

    adapt_learning_rate: Option[float | None] = Option(
        Number(above=0),
        "learning rate of dynamic evaluation",
        ADAPTATION,
        automatic=f"{_RATE:g}, less for a hidden size of more than 128",
        details="Each weight changes by about so much after each segment.",
    )
    adapt_decay: Option[float] = Option(
        Number(least=0, below=1),
        "fraction by which the weights return to the trained weights after each segment",
        ADAPTATION,
        default=3e-4,
        details="0 suits a text of another kind than the training text.",
    )
    adapt_length: Option[int] = Option(
        Whole(1, 2**24, metavar="T"),
        "characters of a segment, after each of which the weights are updated",
        ADAPTATION,
        default=20,
    )

    def rate(self, hidden_size: int) -> float:
        """The learning rate for this hidden size."""
        if self.adapt_learning_rate is not None:
            return self.adapt_learning_rate
        return float(_RATE * min(1.0, (128 / hidden_size) ** _EXPONENT))


class AdaptationKeywords(TypedDict, total=False):
    """The keyword arguments of :class:`AdaptationOptions`, for type checkers."""

    adapt_learning_rate: float | None
    adapt_decay: float
    adapt_length: int
