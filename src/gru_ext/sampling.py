# SPDX-License-Identifier: MIT
"""Text drawn from a model, character by character."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gru_ext.options import check_whole
from gru_ext.parameters import Parameters
from gru_ext.vocabulary import Vocabulary
from gru_ext.windows import Workspace, forward_window, sample_streams

_CHUNK = 1000
_PROMPT_WINDOW = 256


def sample_chunks(
    parameters: Parameters,
    vocabulary: Vocabulary,
    length: int,
    prompt: str = "",
    temperature: float = 1.0,
    seed: int | Sequence[int] | None = None,
    hidden: NDArray[np.floating] | None = None,
) -> Iterator[str]:
    """The text of :func:`sample_symbols`, some at a time."""
    if not isinstance(prompt, str):
        raise TypeError(f"prompt must be a str, not {type(prompt).__name__}")
    decode = vocabulary.decoder()
    for drawn in sample_symbols(parameters, vocabulary, length, prompt, temperature, seed, hidden):
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
        after a line's end where it knows that character, else after one drawn evenly.
    temperature : float
        The logits are divided by it; 0 takes the likeliest character each time.
    seed : int or sequence of int, optional
        The same seed gives the same text.
    hidden : ndarray, shape (1, H), optional
        The state to start from; zero by default.

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
    elif "\n" in vocabulary:
        read = vocabulary.encode("\n").astype(np.int32)
    else:
        read = generator.integers(len(vocabulary), size=1, dtype=np.int32)
    sizes = (parameters.vocabulary_size, parameters.hidden_size, 1)
    workspace = Workspace(*sizes, min(len(read), _PROMPT_WINDOW), parameters.dtype, training=False)
    if hidden is not None:
        workspace.hidden[...] = hidden
    for start in range(0, len(read) - 1, _PROMPT_WINDOW):
        window = read[start : min(start + _PROMPT_WINDOW, len(read) - 1), None]
        forward_window(parameters.flat, window, None, workspace)
    last = read[-1:]
    for start in range(0, length, _CHUNK):
        uniforms = generator.random((min(_CHUNK, length - start), 1))
        drawn = sample_streams(parameters.flat, last, uniforms, workspace, temperature)
        last = drawn[-1]
        yield drawn[:, 0]
