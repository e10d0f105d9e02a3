# SPDX-License-Identifier: MIT
"""The files of a run: its last state now and then and at the end, the one before, the best weights.

A file that cannot be written does not end a run: the state is in memory, and is written at the next
try.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gru_ext.files import StrPath
from gru_ext.files.atomic import keep_as, remove_left_over
from gru_ext.model import checkpoint
from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.reporting.console import tell

if TYPE_CHECKING:
    from gru_ext.model.model import Model

DEFAULT_MINUTES = 10.0


class NotSavedError(OSError):
    """The trained model could not be written to its file; it is in ``model``."""

    def __init__(self, message: str, model: Model) -> None:
        super().__init__(message)
        self.model = model


def best_path(output: StrPath) -> Path:
    """Where the best weights go: ``model.best.npz`` beside ``model.npz``."""
    return _beside(output, "best")


def previous_path(output: StrPath) -> Path:
    """Where the state before the last goes: ``model.previous.npz`` beside ``model.npz``."""
    return _beside(output, "previous")


def _beside(output: StrPath, which: str) -> Path:
    path = Path(output)
    return path.parent / f"{path.stem}.{which}{path.suffix}"


def read_best(output: StrPath) -> Checkpoint | None:
    """The best weights beside a model file; None where they are not there, or damaged."""
    try:
        return checkpoint.read(best_path(output))
    except (OSError, CheckpointError):
        return None


def told_previous(output: StrPath) -> str:
    """What to tell of the state before the last, where that one cannot be read; may be empty."""
    path = previous_path(output)
    try:
        step = checkpoint.read(path).metadata["step"]
    except (OSError, CheckpointError, KeyError):
        return ""
    return f"; {path} has the state before it, of step {step}: copy it to {output} to resume it"


class Saver:
    """Writes the files of a run.

    Each state that replaces one of the same run keeps that as ``model.previous.npz``.

    Parameters
    ----------
    output : path-like or None
        None: nothing is ever written.
    every : int, optional
        Updates between checkpoints; 0 or None for none.
    minutes : float, optional
        Minutes between checkpoints; 0 for none, ten by default.
    resumed : bool
        Whether the output has a state of this run already.
    forced : bool
        Whether another run's files are replaced: with its last state goes the one before.
    """

    def __init__(
        self,
        output: StrPath | None,
        every: int | None,
        minutes: float | None,
        resumed: bool = False,
        forced: bool = False,
    ) -> None:
        self._output = None if output is None else Path(output)
        self.every = every or 0 if output is not None else 0
        self._seconds = 60 * (DEFAULT_MINUTES if minutes is None else minutes)
        self._since = time.monotonic()
        self._saved_step: int | None = None
        self._best: Checkpoint | None = None  # to be written
        self._failed: set[Path] = set()
        self._ours, self._forced = resumed, forced
        if output is not None:
            for path in (output, best_path(output), previous_path(output)):
                remove_left_over(path)

    def is_due(self, step: int) -> bool:
        """Whether to write a checkpoint after this update."""
        if self._output is None or step == self._saved_step:
            return False
        late = self._seconds > 0 and time.monotonic() - self._since >= self._seconds
        return late or (self.every > 0 and step % self.every == 0)

    def save(self, data: Checkpoint, step: int) -> bool:
        """Write the last state, and the best weights before it where they still are to be.

        Whether the state is in its file now.
        """
        if self._output is None:
            return False
        self._retry_best()
        self._since, self._saved_step = time.monotonic(), step
        return self._try(self._output, data)

    def go_back(self) -> None:
        """The run has gone back: the step that was saved comes again, with another state."""
        self._saved_step = None

    def save_best(self, data: Checkpoint) -> None:
        """Write the best weights."""
        self._best = data
        self._retry_best()

    def finish(self, data: Checkpoint, model: Model) -> None:
        """Write the state at a run's end; where that fails, into the folder for temporary files.

        Raises
        ------
        NotSavedError
            Where a file cannot be written; it says where it is instead, and holds the model.
        """
        if self._output is None:
            return
        files = {self._output: data}
        if self._best is not None:
            files = {best_path(self._output): self._best} | files
        told = [self._write_somewhere(path, content) for path, content in files.items()]
        if any(told):
            raise NotSavedError("; ".join(filter(None, told)), model)

    def _retry_best(self) -> None:
        if self._output is None or self._best is None:
            return
        if self._try(best_path(self._output), self._best):
            self._best = None

    def _try(self, path: Path, data: Checkpoint) -> bool:
        try:
            self._write(path, data)
        except OSError as error:
            tell(f"{error}; training goes on, and it is tried again")
            self._failed.add(path)
            return False
        if path in self._failed:
            tell(f"wrote {path} again")
            self._failed.remove(path)
        return True

    def _write(self, path: Path, data: Checkpoint) -> None:
        if path != self._output:
            checkpoint.write(path, data)
            return
        checkpoint.write(path, data, self._keep_previous)
        self._ours = True

    def _keep_previous(self) -> None:
        """Keep the state that is about to be replaced; where that fails, the new one is written."""
        if self._output is None:
            return
        previous = previous_path(self._output)
        try:
            if self._ours:
                keep_as(self._output, previous)
            elif self._forced:
                previous.unlink(missing_ok=True)
        except FileNotFoundError:
            pass  # somebody has removed the state: the one before it is still kept
        except OSError as error:
            if previous not in self._failed:
                told = error.strerror or error
                tell(f"cannot keep the state before the last as {previous}: {told}")
            self._failed.add(previous)

    def _write_somewhere(self, path: Path, data: Checkpoint) -> str | None:
        """Write a file there, or else elsewhere; then what to tell."""
        try:
            self._write(path, data)
            return None
        except OSError as error:
            told = str(error)
        try:
            folder = Path(tempfile.mkdtemp(prefix="gru_ext_"))
        except OSError:
            return told
        try:
            checkpoint.write(folder / path.name, data)
        except OSError:
            folder.rmdir()
            return told
        return f"{told}; it is in {folder / path.name} instead"
