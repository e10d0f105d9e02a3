# SPDX-License-Identifier: MIT
"""Whole runs: what gru_ext.train would do with a text, and the same for its peers as arrays."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import problem
from bench.run_options import default_trainer_arguments, validation_characters
from gru_ext import Model, Trainer, Vocabulary
from gru_ext.model.parameters import layer_name


def split(job):
    """Symbols to train on, symbols held out, and the vocabulary, as gru_ext.train divides them."""
    text = Path(job.text).read_text(encoding="utf-8")
    vocabulary = Vocabulary.from_text(text)
    symbols = vocabulary.encode(text)
    n = len(symbols) - validation_characters(len(symbols))
    return symbols[:n], symbols[n:], vocabulary


def trainer(job):
    """The trainer that gru_ext.train would make, its symbols, and those held out."""
    trained, tested, vocabulary = split(job)
    made = Trainer(
        Model.create(vocabulary, job.H, job.dtype, job.seed, job.layers),
        trained,
        seq_length=job.T,
        batch_size=job.B,
        dropout=job.dropout,
        seed=job.seed,
        threads=job.threads,
        **default_trainer_arguments(job, len(trained)),
    )
    made.schedule.planned_steps = updates(job, made.windows_per_epoch)
    return made, trained, tested


def updates(job, windows):
    """Updates of the whole run."""
    return job.steps or math.ceil(job.epochs * windows)


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


def plan(job):
    """The run that :func:`trainer` makes."""
    made, trained, tested = trainer(job)
    p = {name: np.array(a.T) for name, a in made.model.parameters.items()}
    output = {"Wy": p.pop("Wy"), "by": p.pop("by")[0]}
    flat = {name: a[0] if name[0] == "b" else a for name, a in p.items()}
    names = [kind + gate for gate in problem.GATES for kind in "WUb"]
    layers = [
        {name: flat[layer_name(name, layer)] for name in names}
        for layer in range(1, job.layers + 1)
    ]
    return Plan(
        *problem.windows(trained, job.T, job.B, len(trained)),
        made.schedule.rates(0, made.schedule.planned_steps),
        made.clip,
        layers,
        output,
        tested,
    )
