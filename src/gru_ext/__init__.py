# SPDX-License-Identifier: MIT
"""A character-level GRU on the CPU: train on a text, sample, evaluate.

The names below, and the module ``export``, are imported when they are first used. So importing the
package costs little, and the command line can handle Ctrl-C from its start.
"""

import importlib
from typing import TYPE_CHECKING, Any

from gru_ext._version import __version__

if TYPE_CHECKING:
    from gru_ext import export as export
    from gru_ext.core.config import get_config, get_include, show_config
    from gru_ext.core.kernels import adagrad_update, adam_update, rmsprop_update
    from gru_ext.core.matmul import use_matmul
    from gru_ext.core.windows import Workspace, backward_window, forward_window
    from gru_ext.distributed.communicator import Alone, Communicator
    from gru_ext.model.checkpoint import CheckpointError
    from gru_ext.model.evaluation import Evaluation
    from gru_ext.model.model import Model, load
    from gru_ext.model.parameters import Parameters
    from gru_ext.model.sampling import Sample
    from gru_ext.model.score import Score
    from gru_ext.model.stream import Stream
    from gru_ext.model.summary import Summary
    from gru_ext.reporting.history import History
    from gru_ext.reporting.plot import plot
    from gru_ext.reporting.progress import Progress
    from gru_ext.text.vocabulary import Vocabulary
    from gru_ext.training.checkpoints import NotSavedError
    from gru_ext.training.interrupts import TrainingInterrupted
    from gru_ext.training.options import TrainingOptions
    from gru_ext.training.train import train
    from gru_ext.training.trainer import Trainer
    from gru_ext.tuning.trial import TuneResult, TuneTrial
    from gru_ext.tuning.tune import TuneInterrupted, tune

_MODULES = {
    "Alone": "distributed.communicator",
    "CheckpointError": "model.checkpoint",
    "Communicator": "distributed.communicator",
    "Evaluation": "model.evaluation",
    "History": "reporting.history",
    "Model": "model.model",
    "NotSavedError": "training.checkpoints",
    "Parameters": "model.parameters",
    "Progress": "reporting.progress",
    "Sample": "model.sampling",
    "Score": "model.score",
    "Stream": "model.stream",
    "Summary": "model.summary",
    "Trainer": "training.trainer",
    "TrainingInterrupted": "training.interrupts",
    "TrainingOptions": "training.options",
    "TuneInterrupted": "tuning.tune",
    "TuneResult": "tuning.trial",
    "TuneTrial": "tuning.trial",
    "Vocabulary": "text.vocabulary",
    "Workspace": "core.windows",
    "adagrad_update": "core.kernels",
    "adam_update": "core.kernels",
    "backward_window": "core.windows",
    "forward_window": "core.windows",
    "get_config": "core.config",
    "get_include": "core.config",
    "load": "model.model",
    "plot": "reporting.plot",
    "rmsprop_update": "core.kernels",
    "show_config": "core.config",
    "train": "training.train",
    "tune": "tuning.tune",
    "use_matmul": "core.matmul",
}

__all__ = [
    "Alone",
    "CheckpointError",
    "Communicator",
    "Evaluation",
    "History",
    "Model",
    "NotSavedError",
    "Parameters",
    "Progress",
    "Sample",
    "Score",
    "Stream",
    "Summary",
    "Trainer",
    "TrainingInterrupted",
    "TrainingOptions",
    "TuneInterrupted",
    "TuneResult",
    "TuneTrial",
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
    "plot",
    "rmsprop_update",
    "show_config",
    "train",
    "tune",
    "use_matmul",
]


def __getattr__(name: str) -> Any:
    if name == "export":
        return importlib.import_module("gru_ext.export")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"gru_ext.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, and those that every module has; not the folders that are loaded."""
    own = (name for name in globals() if name.startswith("__") and name.endswith("__"))
    return sorted({*own, *__all__})
