# SPDX-License-Identifier: MIT
"""A character-level GRU on the CPU: train on a text, sample from it, measure it."""

from gru_ext._version import __version__
from gru_ext.checkpoint import CheckpointError
from gru_ext.kernels import adagrad_update
from gru_ext.model import Model, load
from gru_ext.options import TrainingOptions
from gru_ext.parameters import Parameters
from gru_ext.scoring import Evaluation
from gru_ext.trainer import Trainer
from gru_ext.training import TrainingInterrupted, train
from gru_ext.vocabulary import Vocabulary
from gru_ext.windows import Workspace, backward_window, forward_window

__all__ = [
    "CheckpointError",
    "Evaluation",
    "Model",
    "Parameters",
    "Trainer",
    "TrainingInterrupted",
    "TrainingOptions",
    "Vocabulary",
    "Workspace",
    "__version__",
    "adagrad_update",
    "backward_window",
    "forward_window",
    "load",
    "train",
]
