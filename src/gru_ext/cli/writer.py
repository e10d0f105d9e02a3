# SPDX-License-Identifier: MIT
"""A text that a person and a model write in turns: ``gru-ext sample --interactive``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_ext.model.sampling import encoded_prompt, iterate, plan_of, read_first
from gru_ext.model.sampling_options import ChoiceOptions

if TYPE_CHECKING:
    from gru_ext.model.model import Model
    from gru_ext.model.stream import Stream

# Characters that are shown at a time, between which Ctrl-C leaves what was shown.
_PART = 16


class Writer:
    """A text, the model's state after it, and a continuation that the model proposes.

    Each part of the text is read once: the state before it is kept, for :meth:`undo`.

    Parameters
    ----------
    model : Model
    prompt : str, or bytes for a model of bytes
        The beginning of the text.
    options : ChoiceOptions
        How characters are chosen.
    length : int
        The characters of a proposal.

    Attributes
    ----------
    text, proposal : str, or bytes for a model of bytes

    Raises
    ------
    TypeError, ValueError, ImportError
        The prompt has characters that the model does not know, or an option cannot be fulfilled.
    """

    def __init__(self, model: Model, prompt: Any, options: ChoiceOptions, length: int) -> None:
        self.model, self.text, self.proposal = model, prompt, prompt[:0]
        self.set(options, length)
        self._generator = np.random.default_rng(options.seed)
        random = self._generator if options.temperature else None
        first = read_first(model, encoded_prompt(model, prompt), random)
        self._stream = model.stream()
        self._stream.read(first[:, None])
        self._trial = self._stream.copy()
        self._before: list[tuple[int, Stream]] = []

    def set(self, options: ChoiceOptions, length: int) -> None:
        """Choose characters in another way from now on; raise where that cannot be."""
        self._plan = plan_of(self.model, options, length)
        self.options, self.length = options, length

    def add(self, text: Any) -> None:
        """Read text that follows; what the model proposes is dropped.

        Raises
        ------
        ValueError
            The text has characters that the model does not know. Nothing has changed then.
        """
        after = self._stream.copy()
        if text:
            after.feed(text)
        self._before.append((len(self.text), self._stream))
        self._stream = after
        self.text, self.proposal = self.text + text, text[:0]

    def accept(self) -> None:
        """Add what the model proposes."""
        self.add(self.proposal)

    def undo(self) -> bool:
        """Take the last part of the text back; return whether there was one."""
        self.proposal = self.text[:0]
        if not self._before:
            return False
        end, self._stream = self._before.pop()
        self.text = self.text[:end]
        return True

    def propose(self) -> Iterator[Any]:
        """Yield a continuation a part at a time. :attr:`proposal` has what was yielded."""
        vocabulary = self.model.vocabulary
        as_bytes = vocabulary.units == "bytes"
        convert: Any = vocabulary.to_bytes if as_bytes else vocabulary.decode
        self.proposal = self.text[:0]
        self._trial.rewind(self._stream)
        sampler = self._plan.sampler(1)
        sampler.read_stream(0, vocabulary.encode(self.text))
        for part in iterate(
            self._plan, self._trial, sampler, self._generator, lambda s, last: convert(s), _PART
        ):
            self.proposal += part
            yield part
