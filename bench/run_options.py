# SPDX-License-Identifier: MIT
"""The default options of a training run: the only use of gru_ext.training in bench."""

from gru_ext.text.split import validation_size
from gru_ext.training.defaults import settle
from gru_ext.training.optimizers import OPTIMIZERS
from gru_ext.training.options import TrainingOptions

OPTIMIZER, EPS = "adam", 1e-8
BETA1, BETA2 = OPTIMIZERS[OPTIMIZER].beta1, OPTIMIZERS[OPTIMIZER].beta2


def validation_characters(characters):
    """Characters at the end of a text that gru-ext train --split tail uses for validation."""
    return validation_size(characters, None)


def default_trainer_arguments(config, characters):
    """Keyword arguments of Trainer that gru_ext.train chooses for so many characters."""
    sizes = TrainingOptions(
        hidden_size=config.H,
        seq_length=config.T,
        batch_size=config.B,
        dtype=config.dtype,
        optimizer=OPTIMIZER,
        seed=config.seed,
    )
    options = settle(sizes, characters, documents=False)
    return {
        "optimizer": OPTIMIZER,
        "learning_rate": options.learning_rate,
        "clip": options.clip,
        "schedule": options.schedule,
        "warmup_steps": options.warmup,
        "weight_dropout": 0.0,  # the other libraries have neither this nor an average
        "average_over": 0.0,
    }
