# SPDX-License-Identifier: MIT
"""The original NumPy script ("notebook"), step by step: its output, its samples, its file."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.messages import counted
from gru_ext.core import classic as _classic
from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.model.model import Model
from gru_ext.model.parameters import NAMES, Parameters, draw_uniform
from gru_ext.reporting.console import Console
from gru_ext.text.vocabulary import Vocabulary
from gru_ext.training.checkpoints import CheckpointWriter
from gru_ext.training.chunks import ChunkSize, next_event
from gru_ext.training.data import TrainingData
from gru_ext.training.defaults import steps_of
from gru_ext.training.handover import handed_over
from gru_ext.training.interrupts import StopRequest
from gru_ext.training.memory import check_memory, memory_of_classic
from gru_ext.training.options import TrainingOptions

STEPS = 10_001
EVERY = 1000
SAMPLE_LENGTH = 1000
# The script's own values where an option is not given; its hidden size is that of the vocabulary.
OWN = {
    "seq_length": 5,
    "batch_size": 1,
    "dtype": "float64",
    "optimizer": "adagrad",
    "learning_rate": 0.1,
    "clip": 5.0,
    "seed": 0,
    "weight_decay": 0.0,
    "schedule": "constant",
    "warmup": 0,
    "layers": 1,
    "dropout": 0.0,
    "tied": False,
}
# Options that can have another value than its own, and those that must have it. It has no others.
REPLACEABLE = {
    *("encoding", "units", "min_count", "hidden_size", "dtype", "init_from", "seq_length"),
    *("max_steps", "epochs", "learning_rate", "clip", "seed", "threads", "output", "force"),
    *("log_every", "sample_every", "sample_length", "quiet", "classic"),
}
FIXED = {name: value for name, value in OWN.items() if name not in REPLACEABLE} | {
    "val_fraction": 0.0,
    "clip_norm": math.inf,
}

_logger = logging.getLogger("gru_ext")

Array = NDArray[np.floating]


class _Random:
    """The draws of numpy.random.RandomState(seed), by the same Mersenne Twister.

    Without numpy.random, which takes a twentieth of the whole command to load.
    """

    def __init__(self, seed: int) -> None:
        state = [seed]
        for i in range(1, 624):
            state.append((1812433253 * (state[-1] ^ state[-1] >> 30) + i) % 2**32)
        self._source = random.Random()
        self._source.setstate((3, (*state, 624), None))

    def random(self, size: tuple[int, ...], /) -> NDArray[np.float64]:
        numbers = iter(self._source.random, None)
        return np.fromiter(numbers, np.float64, math.prod(size)).reshape(size)


class _Stacked:
    """Parameters in the layout of _classic: the three gates of W, U and b stacked."""

    def __init__(self, values: Mapping[str, Array], dtype: str) -> None:
        def copy(array: Array) -> Array:
            return np.array(array, dtype, order="C")

        self.W = copy(np.stack([values["W" + gate] for gate in "zrh"]))
        self.U = copy(np.stack([values["U" + gate] for gate in "zrh"]))
        self.b = copy(np.stack([values["b" + gate][:, 0] for gate in "zrh"]))
        self.Wy, self.by = copy(values["Wy"]), copy(values["by"][:, 0])

    def arrays(self) -> tuple[Array, Array, Array, Array, Array]:
        return self.W, self.U, self.b, self.Wy, self.by

    def named(self) -> dict[str, Array]:
        every = {"Wy": self.Wy, "by": self.by[:, None]}
        for i, gate in enumerate("zrh"):
            every |= {"W" + gate: self.W[i], "U" + gate: self.U[i], "b" + gate: self.b[i][:, None]}
        return {name: every[name] for name in NAMES}


def check_classic(options: TrainingOptions) -> None:
    """Refuse options that the script does not have."""
    for name, value in options.given().items():
        if name not in REPLACEABLE and value != FIXED.get(name) and name != "resume":
            own = f"has {FIXED[name]}" if name in FIXED else "has no such option"
            raise ValueError(
                f"`{name}` and `classic` cannot be combined: the original script {own}"
            )
    if options.products:
        raise ValueError(
            f"`dtype` {options.products} and `classic` cannot be combined: it is float32 or float64"
        )


def _settled(
    options: TrainingOptions, vocabulary: Vocabulary, weights: Checkpoint | None
) -> TrainingOptions:
    hidden_size = options.given().get("hidden_size")
    if weights is not None:
        if weights.layers > 1:
            raise CheckpointError(f"has {weights.layers} layers: `classic` trains one")
        if weights.vocabulary_size != len(vocabulary):
            raise CheckpointError(
                f"holds weights for {counted(weights.vocabulary_size, 'character')}, but "
                f"the text has {counted(len(vocabulary), 'different one')}"
            )
        if hidden_size not in (None, weights.hidden_size):
            raise CheckpointError(
                f"holds weights of hidden size {weights.hidden_size}, not {hidden_size}"
            )
        hidden_size = weights.hidden_size
        if weights.characters not in (None, vocabulary.characters):
            _logger.warning(
                "the weights were trained on other characters than those of this text; they are "
                "used as the original script would use them"
            )
    return options.over(OWN | {"hidden_size": hidden_size or len(vocabulary)})


def train_classic(
    data: TrainingData,
    options: TrainingOptions,
    weights: Checkpoint | None,
    writer: CheckpointWriter,
    stop: StopRequest,
) -> Model:
    """Train as the original script does, and print what it prints.

    Parameters
    ----------
    data : TrainingData
        The text.
    options : TrainingOptions
        Those given replace the script's own values.
    weights : Checkpoint, optional
        Weights to start from. The memory of Adagrad starts at zero in any case.
    writer : CheckpointWriter
        It writes the weights at the end.
    stop : StopRequest
        It ends the run after the current window.

    Raises
    ------
    ValueError
        The text is too short, or the weights or options do not fit.
    """
    vocabulary, symbols = data.vocabulary, data.symbols
    options = _settled(options, vocabulary, weights)
    T, V, H = options.seq_length, len(vocabulary), options.hidden_size
    n_text = len(symbols)
    if n_text < T + 1:
        raise ValueError(
            f"the text has {counted(n_text, 'character')}: a window of {T} needs at least {T + 1}"
        )
    text = symbols.astype(np.int32)
    steps = steps_of(options, max(1, (n_text - 2) // T)) or STEPS
    sample_every = EVERY if options.sample_every is None else options.sample_every
    log_every = EVERY if options.log_every is None else options.log_every
    sample_length = SAMPLE_LENGTH if options.sample_length is None else options.sample_length

    check_memory(memory_of_classic(options, V))
    generator = _Random(options.seed)
    initial = Parameters(V, H, np.float64)
    if weights is None:
        draw_uniform(initial, generator)
    p = _Stacked(initial if weights is None else weights.weights, options.dtype)
    m = _Stacked(Parameters(V, H, options.dtype), options.dtype)
    hidden, position, n = np.zeros(H, options.dtype), 0, 0
    smooth_loss = -np.log(1.0 / V) * T

    def result() -> Model:
        parameters = Parameters(V, H, options.dtype)
        parameters.assign(p.named())
        return Model(
            vocabulary, parameters, {"step": n, "options": options.record(), "classic": True}
        )

    def rescue() -> tuple[Model, str]:
        model = result()
        return model, writer.rescue(None, model.checkpoint(), model) if n else ""

    with handed_over(stop, rescue):
        with Console(steps * T, quiet=options.quiet, raw=True) as console:
            console.print(f"data has {n_text} characters, {V} unique.")
            chunk = ChunkSize()
            while n < steps and not stop:
                if position + T + 1 >= n_text:
                    hidden[:], position = 0, 0
                if sample_every and n % sample_every == 0 and console.shows:
                    uniforms = generator.random((sample_length,))
                    ixes = _classic.sample(*p.arrays(), hidden, int(text[position]), uniforms)
                    console.print(f"----\n{vocabulary.decode(ixes)}\n----")
                until = next_event(n, steps, sample_every, log_every)
                losses = np.zeros(chunk.next(until - n))
                position = _classic.iterate(
                    *p.arrays(),
                    *m.arrays(),
                    hidden,
                    text,
                    position,
                    T,
                    options.learning_rate,
                    options.clip,
                    losses,
                )
                first, *others = losses.tolist()
                smooth_loss = smooth_loss * 0.999 + first * 0.001
                if log_every and n % log_every == 0:  # a chunk ends where the next one is printed
                    console.print(f"iter {n}, loss: {first:f}, smooth loss: {smooth_loss:f}")
                for loss in others:
                    smooth_loss = smooth_loss * 0.999 + loss * 0.001
                n += len(losses)
                stop.step = n
                console.advance(T * len(losses), smooth_loss / T / math.log(2))
                stop.deliver()
        model = result()
        writer.finish(None, model.checkpoint(), model)
    return model
