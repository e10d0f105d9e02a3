# SPDX-License-Identifier: MIT
"""From the options of sampling to the compiled sampler of a model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gru_ext.arguments.messages import counted
from gru_ext.core.sampler import Sampler
from gru_ext.model.automata import stop_automaton
from gru_ext.model.sampling_options import VALIDATION, ChoiceOptions
from gru_ext.text.vocabulary import Vocabulary

BREAKER = "\n"
"""The character over which no repetition extends."""


class SamplingPlan:
    """What the options mean for one model: biases of its symbols, and automata over them.

    Parameters
    ----------
    options : ChoiceOptions
    vocabulary : Vocabulary
    dtype : dtype
        That of the model.
    length : int
        The greatest number of characters of a sample.
    validation_bits : float, optional
        The model's validation loss.

    Raises
    ------
    TypeError, ValueError, ImportError
        An option has characters that the model does not know, or cannot be fulfilled.
    """

    def __init__(
        self,
        options: ChoiceOptions,
        vocabulary: Vocabulary,
        dtype: DTypeLike,
        length: int,
        validation_bits: float | None = None,
    ) -> None:
        self.options, self.vocabulary, self.dtype, self.length = options, vocabulary, dtype, length
        # without the unknown token, which would stand for characters that are not meant
        self._known = Vocabulary(vocabulary.characters, vocabulary.units)
        self.stops = [self._encoded("stop", text) for text in options.stop or ()]
        bias = self._bias()
        self._settings: dict[str, Any] = {
            name: getattr(options, name)
            for name in ("temperature", "top_k", "top_p", "min_p", "typical_p")
        }
        self._settings["bias"] = bias if bias.any() else None
        if options.surprise is not None:
            self._settings["surprise"] = self._surprise(validation_bits)
        if options.dry:
            for name in ("dry", "dry_length", "dry_base", "dry_range"):
                self._settings[name] = getattr(options, name)
            if BREAKER in vocabulary:
                self._settings["dry_breakers"] = vocabulary.encode(BREAKER)
        if self.stops:
            stop = stop_automaton(self.stops, len(vocabulary))
            self._settings["stop"] = stop.next, stop.accepting
        if options.regex is not None:
            from gru_ext.model.regex import regex_automaton

            allowed = np.isfinite(bias)
            regex = regex_automaton(options.regex, vocabulary, allowed, length)
            self._settings["regex"] = regex.next, regex.accepting, regex.to_accept
            self._settings["length"] = max(1, length)

    def sampler(self, batch_size: int) -> Sampler:
        """A sampler for so many streams, at the beginning of their samples."""
        return Sampler(len(self.vocabulary), batch_size, self.dtype, **self._settings)

    def without_stop(self, symbols: NDArray[np.int32]) -> NDArray[np.int32]:
        """A sample that ended at a stop text, without it."""
        if self.options.keep_stop:
            return symbols
        ends = [len(s) for s in self.stops if np.array_equal(symbols[-len(s) :], s)]
        return symbols[: len(symbols) - max(ends, default=0)]

    @property
    def held_back(self) -> int:
        """How many symbols at the end of a text may still turn out to be a stop text's."""
        cut = self.stops and not self.options.keep_stop
        return max(map(len, self.stops)) - 1 if cut else 0

    def _encoded(self, name: str, text: str | bytes) -> NDArray[np.integer]:
        try:
            return self._known.encode(text)
        except (TypeError, ValueError) as error:
            raise type(error)(f"`{name}` has {error}") from None

    def _bias(self) -> NDArray[np.float64]:
        """What is added to each logit, shape (V,)."""
        options, bias = self.options, np.zeros(len(self.vocabulary))
        for character, value in (options.logit_bias or {}).items():
            bias[self._encoded("logit_bias", character)] = value
        if options.allowed is not None:
            others = np.ones(len(bias), bool)
            others[self._encoded("allowed", options.allowed)] = False
            bias[others] = -math.inf
        if options.banned is not None:
            bias[self._encoded("banned", options.banned)] = -math.inf
        if np.all(bias == -math.inf):
            raise ValueError(
                f"all {counted(len(bias), 'character')} of the model are banned: allow one or more"
            )
        return bias

    def _surprise(self, validation_bits: float | None) -> float:
        if self.options.surprise != VALIDATION:
            return float(self.options.surprise)  # type: ignore[arg-type]
        if not validation_bits:
            raise ValueError(
                "`surprise` cannot be the validation loss: the model file has none; give bits"
            )
        return validation_bits
