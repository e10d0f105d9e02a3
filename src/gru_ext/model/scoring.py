# SPDX-License-Identifier: MIT
"""What a model makes of texts: scores, hidden states and the probabilities of what follows."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.kinds import Number
from gru_ext.core.stream import SymbolStream
from gru_ext.core.threads import READING, helpful_threads, usable_threads
from gru_ext.model.score import Score
from gru_ext.text.unknown import UNKNOWN_BITS, Encoded, UnknownChoice, encode_known

if TYPE_CHECKING:
    from gru_ext.model.stored import StoredModel

TEMPERATURE = Number(above=0)

# Texts that are read at a time.
_LANES = 64
_BITS_PER_NAT = 1 / math.log(2)


def score_texts(
    model: StoredModel,
    texts: Sequence[str | bytes],
    prompt: str | bytes = "",
    unknown: UnknownChoice = "error",
) -> list[Score]:
    """Score texts, each from a zero state, many at a time (:meth:`Model.score`)."""
    before = _prompt_symbols(model, prompt)
    encoded = [encode_known(model.vocabulary, text, unknown) for text in texts]
    found = read_texts(model, [np.concatenate([before, each.symbols]) for each in encoded])
    return [
        _score(model, text, each, nats[len(before) :], len(before), unknown)
        for text, each, nats in zip(texts, encoded, found, strict=True)
    ]


def _score(
    model: StoredModel,
    text: str | bytes,
    encoded: Encoded,
    nats: NDArray[np.float64],
    before: int,
    unknown: UnknownChoice,
) -> Score:
    """The score of a text whose known characters have these losses, after so many others."""
    known = encoded.known
    bits = np.full(len(known), UNKNOWN_BITS if unknown == "cost" else 0.0)
    bits[known] = nats * _BITS_PER_NAT
    predicted = known | (unknown == "cost")
    if not before:  # nothing predicts the first known character
        predicted[np.flatnonzero(known)[:1]] = False
    return Score(text, bits, known=known, predicted=predicted, units=model.vocabulary.units)


def hidden_states_of(
    model: StoredModel, texts: Sequence[str | bytes], prompt: str | bytes = ""
) -> list[NDArray[np.floating]]:
    """The states after each character, (n, layers, H) per text (:meth:`Model.hidden_states`)."""
    before = _prompt_symbols(model, prompt)
    states: list[NDArray[np.floating]] = []
    symbols = [np.concatenate([before, model.vocabulary.encode(text)]) for text in texts]
    read_texts(model, symbols, states)
    return [each[len(before) :] for each in states]


def _prompt_symbols(model: StoredModel, prompt: str | bytes) -> NDArray[np.integer]:
    if not isinstance(prompt, str | bytes):
        raise TypeError(f"`prompt` must be a str or bytes, not {type(prompt).__name__}")
    return model.vocabulary.encode(prompt)


def read_texts(
    model: StoredModel,
    texts: Sequence[NDArray[np.integer]],
    states: list[NDArray[np.floating]] | None = None,
) -> list[NDArray[np.float64]]:
    """Read texts of symbols, each from a zero state, and return their losses in nats, (n,) each.

    Many texts are read side by side, one after the other in each stream, so that the matrix
    products have many rows. The result of a text does not depend on the others.

    Parameters
    ----------
    texts : sequence of ndarrays of symbols
    states : list, optional
        The states after each symbol are appended to it, (n, layers, H) for each text.
    """
    lanes = _fill_lanes([len(text) for text in texts])
    steps = max((sum(len(texts[i]) for i in lane) for lane in lanes), default=0)
    losses: list[Any] = [np.zeros(0)] * len(texts)
    H, layers = model.hidden_size, model.layers
    found: list[Any] = [np.zeros((0, layers, H), model.dtype)] * len(texts)
    if steps:
        symbols = np.zeros((steps, len(lanes)), np.int32)
        starts = np.zeros(symbols.shape, bool)
        for lane, members in enumerate(lanes):
            end = 0
            for i in members:
                symbols[end : end + len(texts[i]), lane] = texts[i]
                starts[end, lane] = True
                end += len(texts[i])
        stream = SymbolStream(model.parameters, len(lanes), model.separator)
        every = None
        if states is not None:
            every = np.empty((*symbols.shape, layers, H), model.dtype)
        parameters = model.parameters
        sizes = len(lanes), parameters.hidden_size, parameters.weight_bytes
        threads = helpful_threads(*sizes, usable_threads(), READING)
        nats = stream.read(symbols, starts, states=every, threads=threads)
        for lane, members in enumerate(lanes):
            end = 0
            for i in members:
                part = slice(end, end + len(texts[i]))
                losses[i] = nats[part, lane]
                if every is not None:
                    found[i] = every[part, lane]
                end = part.stop
    if states is not None:
        states += found
    return losses


def _fill_lanes(lengths: Sequence[int]) -> list[list[int]]:
    """Divide texts among lanes of about the same total length; empty texts are in none."""
    longest = max(lengths, default=0)
    count = min(_LANES, -(-sum(lengths) // longest)) if longest else 0
    lanes: list[list[int]] = [[] for _ in range(count)]
    free = [(0, lane) for lane in range(count)]
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if lengths[i]:
            total, lane = heapq.heappop(free)
            lanes[lane].append(i)
            heapq.heappush(free, (total + lengths[i], lane))
    return [lane for lane in lanes if lane]


def next_probabilities_of(
    model: StoredModel, prompts: Iterable[str | bytes], temperature: float = 1.0
) -> list[dict[str | bytes, float]]:
    """The probabilities of what follows each prompt (:meth:`Model.next_probabilities`)."""
    temperature = TEMPERATURE.check("temperature", temperature)
    symbols = [model.vocabulary.encode(prompt) for prompt in prompts]
    if any(len(each) == 0 for each in symbols):
        raise ValueError("`prompt` must not be empty: there would be nothing to predict from")
    rows = np.empty((len(symbols), len(model.vocabulary)))
    by_length = sorted(range(len(symbols)), key=lambda i: len(symbols[i]))
    for begin in range(0, len(symbols), _LANES):
        group = by_length[begin : begin + _LANES]
        # the texts of a group end together
        steps = len(symbols[group[-1]])
        read = np.zeros((steps, len(group)), np.int32)
        starts = np.zeros(read.shape, bool)
        for b, i in enumerate(group):
            read[steps - len(symbols[i]) :, b] = symbols[i]
            starts[steps - len(symbols[i]), b] = True
        stream = SymbolStream(model.parameters, len(group), model.separator)
        stream.read(read, starts)
        rows[group] = stream.probabilities(temperature)
    names: list[str | bytes] = list(model.vocabulary.characters)
    if model.vocabulary.units == "bytes":
        names = [name.encode("latin-1") for name in model.vocabulary.characters]
    orders = np.argsort(-rows, axis=1, kind="stable")
    return [
        {names[v]: float(row[v]) for v in order} for row, order in zip(rows, orders, strict=True)
    ]
