# SPDX-License-Identifier: MIT
"""Complete training runs: the trainer of gru_ext.train, and the same run as arrays for peers."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import workload
from bench.run_options import default_trainer_arguments, validation_characters
from gru_ext import Model, Trainer, Vocabulary
from gru_ext.model.parameters import layer_name


def split_text(config):
    """Symbols of the training part and the validation part, and the vocabulary."""
    text = Path(config.text).read_text(encoding="utf-8")
    vocabulary = Vocabulary.from_text(text)
    symbols = vocabulary.encode(text)
    n = len(symbols) - validation_characters(len(symbols))
    return symbols[:n], symbols[n:], vocabulary


def create_trainer(config):
    """The trainer that gru_ext.train creates, and the symbols of both parts of the text."""
    training, validation, vocabulary = split_text(config)
    trainer = Trainer(
        Model.create(vocabulary, config.H, config.dtype, config.seed, config.layers),
        training,
        seq_length=config.T,
        batch_size=config.B,
        dropout=config.dropout,
        seed=config.seed,
        threads=config.threads,
        **default_trainer_arguments(config, len(training)),
    )
    trainer.schedule.planned_steps = total_steps(config, trainer.windows_per_epoch)
    return trainer, training, validation


def total_steps(config, steps_per_epoch):
    """Steps of the whole run."""
    return config.steps or math.ceil(config.epochs * steps_per_epoch)


@dataclass(frozen=True)
class Plan:
    """The data that another library needs for the same run.

    Attributes
    ----------
    inputs, targets : ndarray, int32, shape (n, T, B)
        The windows of one epoch. The hidden state is zero at the start of an epoch and is carried
        from window to window.
    learning_rates : ndarray, float64, shape (steps,)
    clip : float
        Clipping by value of the gradient. The loss is summed over a window and averaged over the
        batch.
    layers : list of dict
        Initial weights of each layer: W (inputs, H), U (H, H) and b (H) of the gates z, r and h.
    output : dict
        Wy (H, V) and by (V).
    validation : ndarray, shape (m,)
        Symbols of the validation part.
    """

    inputs: np.ndarray
    targets: np.ndarray
    learning_rates: np.ndarray
    clip: float
    layers: list
    output: dict
    validation: np.ndarray


def create_plan(config):
    """The data of the run of :func:`create_trainer`."""
    trainer, training, validation = create_trainer(config)
    p = {name: np.array(a.T) for name, a in trainer.model.parameters.items()}
    output = {"Wy": p.pop("Wy"), "by": p.pop("by")[0]}
    arrays = {name: a[0] if name[0] == "b" else a for name, a in p.items()}
    names = [kind + gate for gate in workload.GATES for kind in "WUb"]
    layers = [
        {name: arrays[layer_name(name, layer)] for name in names}
        for layer in range(1, config.layers + 1)
    ]
    inputs, targets = workload.windows(training, config.T, config.B, len(training))
    return Plan(
        inputs=inputs,
        targets=targets,
        learning_rates=trainer.schedule.rates(0, trainer.schedule.planned_steps),
        clip=trainer.clip,
        layers=layers,
        output=output,
        validation=validation,
    )
