# SPDX-License-Identifier: MIT
"""Whole runs: what gru_ext.train would do with a text, and the same for its peers as arrays."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import workload
from bench.run_options import default_trainer_arguments, validation_characters
from gru_ext import Model, Trainer, Vocabulary
from gru_ext.model.parameters import layer_name


def split(config):
    """Symbols to train on, symbols held out, and the vocabulary, as gru_ext.train divides them."""
    text = Path(config.text).read_text(encoding="utf-8")
    vocabulary = Vocabulary.from_text(text)
    symbols = vocabulary.encode(text)
    n = len(symbols) - validation_characters(len(symbols))
    return symbols[:n], symbols[n:], vocabulary


def trainer(config):
    """The trainer that gru_ext.train would make, its symbols, and those held out."""
    trained, tested, vocabulary = split(config)
    made = Trainer(
        Model.create(vocabulary, config.H, config.dtype, config.seed, config.layers),
        trained,
        seq_length=config.T,
        batch_size=config.B,
        dropout=config.dropout,
        seed=config.seed,
        threads=config.threads,
        **default_trainer_arguments(config, len(trained)),
    )
    made.schedule.planned_steps = updates(config, made.windows_per_epoch)
    return made, trained, tested


def updates(config, windows):
    """Updates of the whole run."""
    return config.steps or math.ceil(config.epochs * windows)


@dataclass(frozen=True)
class Plan:
    """All that a peer needs to make the same run.

    Attributes
    ----------
    inputs, targets : ndarray, int32, shape (n, T, B)
        A pass; each begins with a zero state, which the windows then hand on.
    rates : ndarray, float64, shape (updates,)
        The learning rate of each update.
    clip : float
        The bound of each element of the gradient of the loss, which is summed over a window and
        averaged over the streams.
    layers : list of dict
        First weights of each layer: W (inputs, H), U (H, H) and b (H) of the gates z, r and h.
    output : dict
        Wy (H, V) and by (V).
    held_out : ndarray, shape (m,)
    """

    inputs: np.ndarray
    targets: np.ndarray
    rates: np.ndarray
    clip: float
    layers: list
    output: dict
    held_out: np.ndarray


def plan(config):
    """The run that :func:`trainer` makes."""
    made, trained, tested = trainer(config)
    p = {name: np.array(a.T) for name, a in made.model.parameters.items()}
    output = {"Wy": p.pop("Wy"), "by": p.pop("by")[0]}
    flat = {name: a[0] if name[0] == "b" else a for name, a in p.items()}
    names = [kind + gate for gate in workload.GATES for kind in "WUb"]
    layers = [
        {name: flat[layer_name(name, layer)] for name in names}
        for layer in range(1, config.layers + 1)
    ]
    return Plan(
        *workload.windows(trained, config.T, config.B, len(trained)),
        made.schedule.rates(0, made.schedule.planned_steps),
        made.clip,
        layers,
        output,
        tested,
    )
