# SPDX-License-Identifier: MIT
"""Characters that a model does not know, in a text that it scores or evaluates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from gru_ext.arguments.kinds import OneOf
from gru_ext.text.units import CODE_POINTS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gru_ext.text.vocabulary import Counts, Vocabulary

# Nothing here imports NumPy: the command line reads UNKNOWN_CHOICES, and --help must be fast.
UNKNOWN_BITS = math.log2(CODE_POINTS)
"""What an unknown character costs: one of all Unicode code points, each as likely."""

UnknownChoice = Literal["error", "skip", "cost"]
UNKNOWN_CHOICES: dict[UnknownChoice, str] = {
    "error": "refused",
    "skip": "left out",
    "cost": f"left out and counted with {UNKNOWN_BITS:.1f} bits each",
}
UNKNOWN_KIND = OneOf(UNKNOWN_CHOICES)


class Encoded(NamedTuple):
    """The symbols of a text that a model knows.

    ``known`` marks the characters, shape (n,), that have a symbol in ``symbols``.
    """

    symbols: NDArray[np.integer]
    known: NDArray[np.bool_]

    @property
    def unknown(self) -> int:
        """How many characters have none."""
        return len(self.known) - len(self.symbols)


def encode_known(vocabulary: Vocabulary, text: str | bytes, unknown: str) -> Encoded:
    """Encode a text; characters without a symbol are refused ("error") or left out.

    Raises
    ------
    TypeError, ValueError
        ``unknown`` is not one of these, the text is not text, or it has characters that the
        vocabulary lacks.
    """
    UNKNOWN_KIND.check("unknown", unknown)
    if unknown == "error":
        symbols = vocabulary.encode(text)
        return Encoded(symbols, symbols >= 0)
    found = vocabulary.encode(text, partial=True)
    known: NDArray[np.bool_] = found >= 0
    return Encoded(found[known].astype(vocabulary.dtype), known)


def count_unknown(vocabulary: Vocabulary, counts: Counts) -> int:
    """How many of the counted characters have no symbol."""
    codes = counts.codes()
    return int(counts.by_code[codes[~vocabulary.has(codes)]].sum())
