# SPDX-License-Identifier: MIT
"""From the options of sampling to the compiled sampler of a model."""

from __future__ import annotations

import math
import threading
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gru_ext.arguments.messages import counted
from gru_ext.core.sampler import Sampler
from gru_ext.model.automata import Automaton, stop_automaton
from gru_ext.model.sampling_options import VALIDATION, ChoiceOptions, ConstraintOptions
from gru_ext.text.vocabulary import Vocabulary

BREAKER = "\n"
"""The character over which no repetition extends."""


class Constraints:
    """What the options mean for one model: biases of its symbols, and automata over them.

    Parameters
    ----------
    options : ConstraintOptions
    vocabulary : Vocabulary
    length : int
        The greatest number of characters of a text.

    Attributes
    ----------
    bias : ndarray of float64, shape (V,)
        What is added to each logit.
    stops : list of ndarray of symbols
        The stop texts.
    stop, regex : Automaton, optional

    Raises
    ------
    TypeError, ValueError
        An option has characters that the model does not know, or cannot be fulfilled.
    """

    def __init__(self, options: ConstraintOptions, vocabulary: Vocabulary, length: int) -> None:
        self.vocabulary, self.length = vocabulary, length
        # without the unknown token, which would stand for characters that are not meant
        self._known = Vocabulary(vocabulary.characters, vocabulary.units)
        self._keep_stop = options.keep_stop
        self.stops = [self._encoded("stop", text) for text in options.stop or ()]
        self.bias = self._bias(options)
        self.stop: Automaton | None = None
        if self.stops:
            self.stop = stop_automaton(self.stops, len(vocabulary))
        self.regex: Automaton | None = None
        if options.regex is not None:
            from gru_ext.model.regex import regex_automaton

            allowed = np.isfinite(self.bias)
            try:
                self.regex = regex_automaton(options.regex, vocabulary, allowed, length)
            except ValueError as error:
                raise ValueError(str(error).replace("`pattern`", "`regex`")) from None

    def text(self, symbols: NDArray[np.integer], ending: str | None, as_bytes: bool) -> str | bytes:
        """The text of these symbols, without the stop text at its end if that is cut off."""
        if ending == "stop":
            symbols = self.without_stop(symbols)
        convert: Any = self.vocabulary.to_bytes if as_bytes else self.vocabulary.decode
        text: str | bytes = convert(symbols)
        return text

    def without_stop(self, symbols: NDArray[np.integer]) -> NDArray[np.integer]:
        """What ended at a stop text, without it."""
        if self._keep_stop:
            return symbols
        ends = [len(s) for s in self.stops if np.array_equal(symbols[-len(s) :], s)]
        return symbols[: len(symbols) - max(ends, default=0)]

    @property
    def held_back(self) -> int:
        """How many symbols at the end of a text may still turn out to be a stop text's."""
        cut = self.stops and not self._keep_stop
        return max(map(len, self.stops)) - 1 if cut else 0

    def _encoded(self, name: str, text: str | bytes) -> NDArray[np.integer]:
        if isinstance(text, bytes) and self.vocabulary.units != "bytes":
            raise TypeError(f"`{name}` must be a str for a model of characters, not bytes")
        try:
            return self._known.encode(text)
        except ValueError as error:
            raise ValueError(f"`{name}` has {error}") from None

    def _bias(self, options: ConstraintOptions) -> NDArray[np.float64]:
        bias = np.zeros(len(self.vocabulary))
        for character, value in (options.logit_bias or {}).items():
            symbols = self._encoded("logit_bias", character)
            if len(symbols) > 1:
                raise ValueError(
                    f"`logit_bias` must be for single bytes: {character!r} has {len(symbols)}"
                )
            bias[symbols] = value
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


class SamplingPlan(Constraints):
    """What the options mean for one model, and the samplers that follow from them.

    Parameters
    ----------
    options : ChoiceOptions
    vocabulary, length
        As for :class:`Constraints`.
    dtype : dtype
        That of the model.
    validation_bits : float, optional
        The model's validation loss.
    """

    def __init__(
        self,
        options: ChoiceOptions,
        vocabulary: Vocabulary,
        dtype: DTypeLike,
        length: int,
        validation_bits: float | None = None,
    ) -> None:
        super().__init__(options, vocabulary, length)
        self.options, self.dtype = options, dtype
        self._samplers: dict[int, Sampler] = {}
        self._lock = threading.Lock()
        self._settings: dict[str, Any] = {
            name: getattr(options, name)
            for name in ("temperature", "top_k", "top_p", "min_p", "typical_p")
        }
        self._settings["bias"] = self.bias if self.bias.any() else None
        if options.surprise is not None:
            self._settings["surprise"] = _surprise(options.surprise, validation_bits)
        if options.dry:
            for name in ("dry", "dry_length", "dry_base", "dry_range"):
                self._settings[name] = getattr(options, name)
            if BREAKER in vocabulary:
                self._settings["dry_breakers"] = vocabulary.encode(BREAKER)
        if self.stop is not None:
            self._settings["stop"] = self.stop.next, self.stop.accepting
        if self.regex is not None:
            self._settings["regex"] = self.regex.next, self.regex.accepting, self.regex.to_accept
            self._settings["length"] = max(1, length)

    def sampler(self, batch_size: int) -> Sampler:
        """A sampler for so many streams, at the beginning of their samples."""
        with self._lock:
            if batch_size not in self._samplers:
                V = len(self.vocabulary)
                self._samplers[batch_size] = Sampler(V, batch_size, self.dtype, **self._settings)
            # copies share the tables of the automata, which may be large
            return self._samplers[batch_size].copy()


def _surprise(given: float | Literal["validation"], validation_bits: float | None) -> float:
    if given != VALIDATION:
        return float(given)
    if not validation_bits:
        raise ValueError(
            "`surprise` cannot be the validation loss: the model file has none; give bits"
        )
    return validation_bits
