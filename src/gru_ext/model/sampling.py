# SPDX-License-Identifier: MIT
"""Sampling text from a model, character by character."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.kinds import Number, Whole
from gru_ext.core.windows import Workspace, forward_window, sample_streams
from gru_ext.model.parameters import Parameters
from gru_ext.text.documents import document_starts
from gru_ext.text.vocabulary import Vocabulary

LENGTH, TEMPERATURE, SEED = Whole(0), Number(least=0), Whole(0)

_CHUNK = 1000
_PROMPT_WINDOW = 256
# Characters sampled at first where a document may end; then twice as many each time.
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
    """Yield the text of :func:`sample_symbols`, a part at a time."""
    if not isinstance(prompt, str):
        raise TypeError(f"`prompt` must be a str, not {type(prompt).__name__}")
    decode = vocabulary.decoder()
    for sampled in sample_symbols(
        parameters, vocabulary, length, prompt, temperature, seed, hidden, separator
    ):
        yield decode(sampled, False)
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
    """Sample ``length`` characters that follow ``prompt``, a part at a time.

    Parameters
    ----------
    parameters, vocabulary
        The model.
    length : int
        The characters, or bytes, to sample.
    prompt : str or bytes
        What the model reads first; bytes only for a model of bytes. Without a prompt it starts as
        after a document separator, or else after a newline if it knows that character, or else
        after a random character. At temperature 0 that is the first character of the vocabulary.
    temperature : float
        The logits are divided by it. 0 takes the most likely character each time: nothing is
        random then.
    seed : int or sequence of int, optional
        The same seed gives the same text.
    hidden : ndarray, shape (1, H), or (layers, 1, H) for several layers, optional
        The state to start from; zero by default.
    separator : ndarray of symbols, optional
        What stands between documents. The state is reset where it is read or sampled.

    Yields
    ------
    ndarray of symbols, shape (n,)

    Raises
    ------
    TypeError, ValueError
        The prompt has characters that the model does not know, or a number is out of range.
    """
    length = LENGTH.check("length", length)
    temperature = TEMPERATURE.check("temperature", temperature)
    if seed is not None and not isinstance(seed, Sequence):
        seed = SEED.check("seed", seed)
    generator = np.random.default_rng(seed)
    if prompt:
        read = vocabulary.encode(prompt).astype(np.int32)
    elif separator is not None:
        read = separator[-1:].astype(np.int32)
    elif "\n" in vocabulary:
        read = vocabulary.encode("\n").astype(np.int32)
    elif temperature == 0:
        read = np.zeros(1, np.int32)
    else:
        read = generator.integers(len(vocabulary), size=1, dtype=np.int32)
    reader = _Reader(parameters, separator, hidden)
    reader.read(read)
    for start in range(0, length, _CHUNK):
        yield reader.sample(generator.random((min(_CHUNK, length - start), 1)), temperature)


class _Reader:
    """One stream that reads symbols and samples what follows, document by document."""

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
        """Read all symbols but the last, which the first sampling step reads."""
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

    def sample(self, uniforms: NDArray[np.float64], temperature: float) -> NDArray[np.int32]:
        """Sample a symbol for each uniform random number (n, 1); the result has shape (n,)."""
        if self.separator is None:
            return self._sample(uniforms, temperature)
        k, parts, done, ahead = len(self.separator), [], 0, _DOCUMENT
        while done < len(uniforms):
            before = self.last[len(self.last) - min(k - 1, len(self.last)) :]
            part = self._sample(uniforms[done : done + ahead], temperature)
            starts = document_starts(np.concatenate([before, part]), self.separator)
            ahead *= 2
            if starts.any():  # what was sampled beyond the separator is sampled again
                part = part[: int(starts.argmax()) + 1 - len(before)]
                self.workspace.hidden[...] = 0
                ahead = _DOCUMENT
            self.last = np.concatenate([before, part])[-k:]
            parts.append(part)
            done += len(part)
        return np.concatenate(parts)

    def _sample(self, uniforms: NDArray[np.float64], temperature: float) -> NDArray[np.int32]:
        last = self.last[-1:]
        sampled = sample_streams(self.flat, last, uniforms, self.workspace, temperature)[:, 0]
        self.last = sampled[-1:]
        return sampled
