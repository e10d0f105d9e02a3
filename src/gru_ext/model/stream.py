# SPDX-License-Identifier: MIT
"""Streams of text: a model's state that reads, predicts and generates."""

from __future__ import annotations

from gru_ext.core.stream import SymbolStream


class Stream(SymbolStream):
    """The state of a model that reads text: what it predicts next, and what it generates.

    :meth:`Model.stream` makes one. With a batch size of B it reads B texts at a time.

    Examples
    --------
    >>> stream = model.stream()
    >>> stream.feed("To be or not to b").sum()  # in bits
    >>> stream.probabilities()  # of each character of model.vocabulary
    >>> elsewhere = stream.copy()
    """

    __slots__ = ()

    def __repr__(self) -> str:
        read = "something" if self.started else "nothing"
        return f"<gru_ext.Stream: batch size {self.batch_size}, has read {read}>"
