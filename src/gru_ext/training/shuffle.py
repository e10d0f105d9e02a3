# SPDX-License-Identifier: MIT
"""The order of the documents, drawn anew for each epoch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gru_ext.text.documents import document_ends
from gru_ext.text.draws import SHUFFLE, draw_order

_PART = 1 << 20


class ShuffledDocuments:
    """A copy of a text whose documents are in the order that belongs to an epoch.

    The order follows from the seed and the number of the epoch alone, so that a resumed run reads
    the same text. Each document keeps its separator; a last document without one stays the last.
    In a text of more than a million symbols, short neighbours stay together.

    Parameters
    ----------
    text : ndarray of symbols, shape (n,)
    symbols : ndarray, shape (n,)
        A copy of the text, which is rearranged.
    separator : ndarray of symbols
    seed : int
    batch_size, seq_length : int
        The streams that the text is cut into, and the symbols of a window.
    """

    def __init__(
        self,
        text: NDArray[np.integer],
        symbols: NDArray[np.integer],
        separator: NDArray[np.integer],
        seed: int,
        batch_size: int,
        seq_length: int,
    ) -> None:
        self._text, self._symbols, self._seed, self._epoch = text, symbols, seed, -1
        self._window = seq_length
        # a window needs the symbol after it too
        self._usable = (len(symbols) - 1) // batch_size - 1
        ends = document_ends(symbols, separator)
        k = len(separator)
        if len(symbols) < k or (symbols[-k:] != separator).any():
            ends = ends[:-1]  # what follows the last separator stays where it is
        self._ends = ends

    def arrange_at(self, steps_done: int, position: int) -> int:
        """Put the documents into the order of the epoch that the next step belongs to.

        Parameters
        ----------
        steps_done : int
            The steps made so far.
        position : int
            The place in each stream where the next window begins, if it fits there; else the next
            step is the first of an epoch.

        Returns
        -------
        int
            The steps that are left in the epoch, 1 or more.
        """
        T = self._window
        per_epoch = max(1, self._usable // T)
        left = (self._usable - position) // T if position else 0
        if left < 1:
            self.arrange(steps_done // per_epoch)
            return per_epoch
        self.arrange(max(0, steps_done - position // T) // per_epoch)
        return left

    def arrange(self, epoch: int) -> None:
        """Put the documents into the order of this epoch, in place."""
        if epoch == self._epoch:
            return
        self._epoch = epoch
        begins = np.append(0, self._ends)[:-1]
        order = draw_order(self._seed, SHUFFLE, epoch, len(begins))
        begins, lengths = begins[order], (self._ends - begins)[order]
        ends = np.cumsum(lengths)  # in the new order
        first = at = 0
        while first < len(ends):
            last = max(first + 1, int(np.searchsorted(ends, at + _PART, "right")))
            end, part = int(ends[last - 1]), slice(first, last)
            if last == first + 1:  # it may be long
                self._symbols[at:end] = self._text[begins[first] :][: end - at]
            else:
                shifts = begins[part] - (ends[part] - lengths[part])
                places = np.arange(at, end) + np.repeat(shifts, lengths[part])
                self._symbols[at:end] = self._text[places]
            first, at = last, end
