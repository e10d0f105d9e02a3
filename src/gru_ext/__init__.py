# SPDX-License-Identifier: MIT
"""A character-level GRU on the CPU: train on a text, sample from it, measure it.

The names below are loaded when they are first used, so that importing the package is cheap and the
command line can answer an interrupt from its first moment.
"""

import importlib
from typing import TYPE_CHECKING, Any

from gru_ext._version import __version__

if TYPE_CHECKING:
    from gru_ext.checkpoint import CheckpointError
    from gru_ext.config import get_config, get_include, show_config
    from gru_ext.kernels import adagrad_update, adam_update, rmsprop_update
    from gru_ext.matmul import use_matmul
    from gru_ext.model import Model, load
    from gru_ext.options import TrainingOptions
    from gru_ext.parameters import Parameters
    from gru_ext.progress import Progress
    from gru_ext.saving import NotSavedError
    from gru_ext.scoring import Evaluation
    from gru_ext.trainer import Trainer
    from gru_ext.training import TrainingInterrupted, train
    from gru_ext.vocabulary import Vocabulary
    from gru_ext.windows import Workspace, backward_window, forward_window

_HOMES = {
    "CheckpointError": "checkpoint",
    "Evaluation": "scoring",
    "Model": "model",
    "NotSavedError": "saving",
    "Parameters": "parameters",
    "Progress": "progress",
    "Trainer": "trainer",
    "TrainingInterrupted": "training",
    "TrainingOptions": "options",
    "Vocabulary": "vocabulary",
    "Workspace": "windows",
    "adagrad_update": "kernels",
    "adam_update": "kernels",
    "backward_window": "windows",
    "forward_window": "windows",
    "get_config": "config",
    "get_include": "config",
    "load": "model",
    "rmsprop_update": "kernels",
    "show_config": "config",
    "train": "training",
    "use_matmul": "matmul",
}

__all__ = [
    "CheckpointError",
    "Evaluation",
    "Model",
    "NotSavedError",
    "Parameters",
    "Progress",
    "Trainer",
    "TrainingInterrupted",
    "TrainingOptions",
    "Vocabulary",
    "Workspace",
    "__version__",
    "adagrad_update",
    "adam_update",
    "backward_window",
    "forward_window",
    "get_config",
    "get_include",
    "load",
    "rmsprop_update",
    "show_config",
    "train",
    "use_matmul",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"gru_ext.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
