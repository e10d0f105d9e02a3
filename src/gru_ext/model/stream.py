# SPDX-License-Identifier: MIT
"""Streams of text: a model's state that reads, predicts and generates."""

from __future__ import annotations

from typing import Any, Unpack

from gru_ext.arguments.keywords import described_by
from gru_ext.core.stream import SymbolStream
from gru_ext.model.sampling_options import ChoiceKeywords, ChoiceOptions


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

    @described_by(ChoiceOptions)
    def draw(
        self,
        length: int,
        temperature: float = 1.0,
        seed: int | None = None,
        **options: Unpack[ChoiceKeywords],
    ) -> Any:
        """Generate ``length`` characters that follow what was read, and read them.

        A stop text that is cut off was read too. Each call begins the random numbers of its seed
        anew. ``dry`` sees what this call generates.

        Parameters
        ----------
        length : int
            The greatest number of characters, or bytes.
        {options}

        Returns
        -------
        str, or bytes for a model of bytes; or a list of B of them for a batch
            Sample i of a batch is a function of the seed and i.

        Raises
        ------
        TypeError, ValueError
            An option is not as described, or the stream has read nothing yet.
        """
        from gru_ext.model.sampling import draw

        given = ChoiceOptions(temperature=temperature, seed=seed, **options)
        texts = draw(self, length, given)
        return texts[0] if self.batch_size == 1 else texts
