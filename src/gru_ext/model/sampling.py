# SPDX-License-Identifier: MIT
"""Text drawn from a model, character by character."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.windows import Workspace, forward_window, sample_streams
from gru_ext.model.parameters import Parameters
from gru_ext.text.documents import document_starts
from gru_ext.text.vocabulary import Vocabulary
from gru_ext.training.options import check_whole

_CHUNK = 1000
_PROMPT_WINDOW = 256
# Drawn at first where a document may end, and then twice as many each time.
_DOCUMENT = 16


def sample_chunks(
    parameters: Parameters,
    vocabulary: Vocabulary,
    length: int,
    prompt: str = "",
    temperature: float = 1.0,
    seed: int | Sequence[int] | None = None,
    hidden: NDArray[np.floating] | None = None,
    separator: NDArray[np.integer] | None = None,
) -> Iterator[str]:
    """The text of :func:`sample_symbols`, some at a time."""
    if not isinstance(prompt, str):
        raise TypeError(f"prompt must be a str, not {type(prompt).__name__}")
    decode = vocabulary.decoder()
    for drawn in sample_symbols(
        parameters, vocabulary, length, prompt, temperature, seed, hidden, separator
    ):
        yield decode(drawn, False)
    rest = decode(np.empty(0, np.int32), True)
    if rest:
        yield rest


def sample_symbols(
    parameters: Parameters,
    vocabulary: Vocabulary,
    length: int,
    prompt: str | bytes = "",
    temperature: float = 1.0,
    seed: int | Sequence[int] | None = None,
    hidden: NDArray[np.floating] | None = None,
    separator: NDArray[np.integer] | None = None,
) -> Iterator[NDArray[np.integer]]:
    """Draw ``length`` characters that follow ``prompt``, some at a time.

    Parameters
    ----------
    parameters, vocabulary
        The model.
    length : int
        Characters, or bytes, to draw.
    prompt : str or bytes
        What the model reads first; bytes for a model of bytes alone. Without one it starts as
        after the separator or else a line's end where it knows that character, else after one
        drawn evenly.
    temperature : float
        The logits are divided by it; 0 takes the likeliest character each time.
    seed : int or sequence of int, optional
        The same seed gives the same text.
    hidden : ndarray, shape (1, H), or (layers, 1, H) where there are several, optional
        The state to start from; zero by default.
    separator : ndarray of symbols, optional
        What stands between documents: where it is read or drawn, the state starts anew.

    Yields
    ------
    ndarray of symbols, shape (n,)

    Raises
    ------
    ValueError
        Where the prompt has characters the model does not know, or a number is out of range.
    """
    check_whole("length", length, 0)
    if not isinstance(temperature, numbers.Real):
        raise TypeError(f"temperature must be a number, not {temperature!r}")
    if not (temperature >= 0 and math.isfinite(temperature)):
        raise ValueError(f"temperature must be a number from 0 on, not {temperature}")
    if not isinstance(seed, Sequence):
        check_whole("seed", seed, 0)
    generator = np.random.default_rng(seed)
    if prompt:
        read = vocabulary.encode(prompt).astype(np.int32)
    elif separator is not None:
        read = separator[-1:].astype(np.int32)
    elif "\n" in vocabulary:
        read = vocabulary.encode("\n").astype(np.int32)
    else:
        read = generator.integers(len(vocabulary), size=1, dtype=np.int32)
    reader = _Reader(parameters, separator, hidden)
    reader.read(read)
    for start in range(0, length, _CHUNK):
        yield reader.draw(generator.random((min(_CHUNK, length - start), 1)), temperature)


class _Reader:
    """One stream that reads symbols and draws what follows, document by document."""

    def __init__(
        self,
        parameters: Parameters,
        separator: NDArray[np.integer] | None,
        hidden: NDArray[np.floating] | None,
    ) -> None:
        self.flat = parameters.flat
        self.workspace = Workspace(
            parameters.vocabulary_size,
            parameters.hidden_size,
            1,
            _PROMPT_WINDOW,
            parameters.dtype,
            training=False,
            resetting=separator is not None,
            layers=parameters.layers,
        )
        self.separator = separator
        if hidden is not None:
            self.workspace.hidden[...] = hidden

    def read(self, symbols: NDArray[np.int32]) -> None:
        """All but the last, which the first draw reads."""
        resets = None
        if self.separator is not None:
            resets = document_starts(symbols, self.separator)[:, None]
        for start in range(0, len(symbols) - 1, _PROMPT_WINDOW):
            part = slice(start, min(start + _PROMPT_WINDOW, len(symbols) - 1))
            window = symbols[part, None]
            forward_window(
                self.flat, window, None, self.workspace, None if resets is None else resets[part]
            )
        if resets is not None and resets[-1]:
            self.workspace.hidden[...] = 0
        keep = 1 if self.separator is None else len(self.separator)
        self.last = symbols[-keep:]

    def draw(self, uniforms: NDArray[np.float64], temperature: float) -> NDArray[np.int32]:
        """A symbol for each of the uniforms, which have shape (n, 1); shape (n,)."""
        if self.separator is None:
            return self._draw(uniforms, temperature)
        k, parts, done, ahead = len(self.separator), [], 0, _DOCUMENT
        while done < len(uniforms):
            before = self.last[len(self.last) - min(k - 1, len(self.last)) :]
            part = self._draw(uniforms[done : done + ahead], temperature)
            starts = document_starts(np.concatenate([before, part]), self.separator)
            ahead *= 2
            if starts.any():  # what was drawn beyond the separator is drawn again
                part = part[: int(starts.argmax()) + 1 - len(before)]
                self.workspace.hidden[...] = 0
                ahead = _DOCUMENT
            self.last = np.concatenate([before, part])[-k:]
            parts.append(part)
            done += len(part)
        return np.concatenate(parts)

    def _draw(self, uniforms: NDArray[np.float64], temperature: float) -> NDArray[np.int32]:
        last = self.last[-1:]
        drawn = sample_streams(self.flat, last, uniforms, self.workspace, temperature)[:, 0]
        self.last = drawn[-1:]
        return drawn
