# SPDX-License-Identifier: MIT
"""The symbols that a page uses, and how it shows them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.model import Model
from gru_ext.report import packing
from gru_ext.reporting.visible import visible


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
