# SPDX-License-Identifier: MIT
"""The names of a run's model files, and where its training state is found.

``model.npz`` is the model to use. Beside it ``model.state.npz`` holds the state from which the run
is resumed, and ``model.state.previous.npz`` the state before. Older versions wrote the state to
``model.npz``, the one before to ``model.previous.npz`` and the best weights to ``model.best.npz``.
"""

from __future__ import annotations

from pathlib import Path

from gru_ext.arguments.messages import shown
from gru_ext.files import StrPath
from gru_ext.model import checkpoint
from gru_ext.model.checkpoint import Checkpoint, CheckpointError

_STATE, _PREVIOUS = ".state", ".previous"


def state_path(output: StrPath) -> Path:
    """The file of the training state: ``model.state.npz`` beside ``model.npz``."""
    return _beside(output, _STATE)


def previous_path(output: StrPath) -> Path:
    """The file of the state before the last: ``model.state.previous.npz``."""
    return _beside(output, _STATE + _PREVIOUS)


def old_previous_path(output: StrPath) -> Path:
    """The file in which older versions kept the state before the last: ``model.previous.npz``."""
    return _beside(output, _PREVIOUS)


def old_best_path(output: StrPath) -> Path:
    """The file in which older versions kept the best weights: ``model.best.npz``."""
    return _beside(output, ".best")


def _beside(output: StrPath, which: str) -> Path:
    path = Path(output)
    return path.parent / f"{path.stem}{which}{path.suffix}"


def model_path(path: StrPath) -> Path | None:
    """The model file to which a state belongs by its name; None where it is not named as one."""
    state = Path(path)
    stem = state.stem.removesuffix(_PREVIOUS)
    if not stem.endswith(_STATE) or stem == _STATE:
        return None
    return state.parent / f"{stem.removesuffix(_STATE)}{state.suffix}"


def state_file(path: StrPath) -> Path:
    """The file that holds the state of a run: the one beside its model file, if that exists.

    Else it is the path itself: a state, or the model file of an older version.
    """
    state = state_path(path)
    return state if state.exists() else Path(path)


def holds_state(data: Checkpoint) -> bool:
    """Whether a file holds a training state beside the weights."""
    known = data.metadata.get("training")
    return data.memory is not None and data.hidden is not None and isinstance(known, dict)


def read_state(path: StrPath) -> tuple[Path, Checkpoint]:
    """Read the training state of a run.

    Parameters
    ----------
    path : path-like
        The model file of the run, whose state is in the file beside it or, if an older version
        wrote it, in the model file itself; or the file of a state.

    Returns
    -------
    Path
        The file that holds the state.
    Checkpoint

    Raises
    ------
    OSError
        The file cannot be read.
    CheckpointError
        It is not a model file, is damaged, or holds no training state. The message names the
        previous state, if there is one.
    """
    found = state_file(path)
    try:
        data = checkpoint.read(found)
        if not holds_state(data):
            beside = f", and {state_path(path)} does not exist" if found == Path(path) else ""
            raise CheckpointError(
                f"{found} holds no training state{beside}: start from its weights with `init_from`"
            )
    except CheckpointError as error:
        raise CheckpointError(f"{error}{previous_hint(path)}") from None
    return found, data


def previous_hint(output: StrPath) -> str:
    """What a message says of the state before the last, where the last one cannot be read."""
    for path in (previous_path(output), old_previous_path(output)):
        try:
            data = checkpoint.read(path)
        except (OSError, CheckpointError):
            continue
        if holds_state(data) and "step" in data.metadata:
            return (
                f"; {path} has the previous state, of step {shown(data.metadata['step'])}: copy it "
                f"to {state_path(output)} to resume from it"
            )
    return ""
