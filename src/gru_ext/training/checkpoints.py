# SPDX-License-Identifier: MIT
"""The model files of a run: its last state, the state before that, and the best weights.

A file that cannot be written does not end a run: the state is in memory, and writing is tried again
at the next checkpoint.
"""

from __future__ import annotations

import logging
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gru_ext.arguments.messages import shown
from gru_ext.files import StrPath
from gru_ext.files.atomic import link_or_copy, remove_temporary_files
from gru_ext.model import checkpoint
from gru_ext.model.checkpoint import Checkpoint, CheckpointError

if TYPE_CHECKING:
    from gru_ext.model.model import Model

DEFAULT_MINUTES = 10.0

_logger = logging.getLogger("gru_ext")


class NotSavedError(OSError):
    """The trained model could not be written to its file, for any reason; it is in ``model``."""

    def __init__(self, message: str, model: Model) -> None:
        super().__init__(message)
        self.model = model

    def __reduce__(self) -> tuple[type, tuple[str, Model]]:
        return type(self), (str(self), self.model)  # a process may hand it to another


def best_path(output: StrPath) -> Path:
    """The file of the best weights: ``model.best.npz`` beside ``model.npz``."""
    return _beside(output, "best")


def previous_path(output: StrPath) -> Path:
    """The file of the state before the last: ``model.previous.npz`` beside ``model.npz``."""
    return _beside(output, "previous")


def _beside(output: StrPath, which: str) -> Path:
    path = Path(output)
    return path.parent / f"{path.stem}.{which}{path.suffix}"


def previous_hint(output: StrPath) -> str:
    """What a message says of the state before the last, where the last one cannot be read."""
    path = previous_path(output)
    try:
        step = checkpoint.read(path).metadata["step"]
    except (OSError, CheckpointError, KeyError):
        return ""
    return (
        f"; {path} has the previous state, of step {shown(step)}: copy it to {output} to resume "
        f"from it"
    )


class CheckpointWriter:
    """Writes the model files of a run.

    A state that replaces an older one of the same run keeps that one as ``model.previous.npz``.

    Parameters
    ----------
    output : path-like or None
        With None nothing is written.
    every : int, optional
        Steps between checkpoints; 0 or None for none.
    minutes : float, optional
        Minutes between checkpoints; 0 for none, ten by default.
    resumed : bool
        Whether the output already holds a state of this run.
    forced : bool
        Whether another run's files are replaced; its previous state is then removed too.

    Attributes
    ----------
    written_step : int or None
        The step of the last state that was written.
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
        self.written_step: int | None = None
        self._best: Checkpoint | None = None  # to be written
        self._failed: set[Path] = set()
        self._ours, self._forced = resumed, forced
        if output is not None:
            for path in (output, best_path(output), previous_path(output)):
                remove_temporary_files(path)

    def is_due(self, step: int) -> bool:
        """Whether to write a checkpoint after this step."""
        if self._output is None or step == self._saved_step:
            return False
        late = self._seconds > 0 and time.monotonic() - self._since >= self._seconds
        return late or (self.every > 0 and step % self.every == 0)

    def save(self, data: Checkpoint, step: int) -> bool:
        """Write a state, and first the best weights if they are not written yet.

        Returns whether the state was written.
        """
        if self._output is None:
            return False
        self._retry_best()
        self._since, self._saved_step = time.monotonic(), step
        written = self._try(self._output, data)
        if written:
            self.written_step = step
        return written

    def roll_back(self) -> None:
        """Note that the run was rolled back: the saved step comes again, with another state."""
        self._saved_step = None

    def save_best(self, data: Checkpoint) -> None:
        """Write the best weights."""
        self._best = data
        self._retry_best()

    def finish(self, data: Checkpoint, model: Model) -> None:
        """Write the state at the end of a run; if that fails, into the temporary folder.

        Raises
        ------
        NotSavedError
            A file could not be written. The message names the file that was written instead; the
            exception holds the model.
        """
        if self._output is None:
            return
        files = {self._output: data}
        if self._best is not None:
            files = {best_path(self._output): self._best} | files
        failures = [self._write_somewhere(path, content) for path, content in files.items()]
        if any(failures):
            raise NotSavedError("; ".join(filter(None, failures)), model)
        self.written_step = data.metadata.get("step")

    def rescue(self, data: Checkpoint, model: Model) -> str:
        """Write the state where an exception has ended the run, as at its end; say where it is."""
        step = data.metadata["step"]
        if self._output is None:
            return ""
        if self.written_step is None or self.written_step < step:
            self.finish(data, model)
        return f"the state of step {self.written_step:,} is in {self._output}"

    def _retry_best(self) -> None:
        if self._output is None or self._best is None:
            return
        if self._try(best_path(self._output), self._best):
            self._best = None

    def _try(self, path: Path, data: Checkpoint) -> bool:
        try:
            self._write(path, data)
        except Exception as error:  # whatever it is: the state is in memory, the run can go on
            reason = _failure(path, error)
            _logger.warning("%s; training continues, and writing is tried again", reason)
            self._failed.add(path)
            return False
        if path in self._failed:
            _logger.warning("wrote %s, which could not be written before", path)
            self._failed.remove(path)
        return True

    def _write(self, path: Path, data: Checkpoint) -> None:
        if path != self._output:
            checkpoint.write(path, data)
            return
        checkpoint.write(path, data, self._keep_previous)
        self._ours = True

    def _keep_previous(self) -> None:
        """Keep the state that is about to be replaced; a failure does not stop the new one."""
        if self._output is None:
            return
        previous = previous_path(self._output)
        try:
            if self._ours:
                link_or_copy(self._output, previous)
            elif self._forced:
                previous.unlink(missing_ok=True)
        except FileNotFoundError:
            pass  # somebody has removed the last state: the one before it is still there
        except OSError as error:
            if previous not in self._failed:
                reason = error.strerror or error
                _logger.warning("cannot keep the previous state as %s: %s", previous, reason)
            self._failed.add(previous)

    def _write_somewhere(self, path: Path, data: Checkpoint) -> str | None:
        """Write a file there, or else in the temporary folder; return what went wrong, if so."""
        try:
            self._write(path, data)
            return None
        except Exception as error:
            failure = _failure(path, error)
        try:
            folder = Path(tempfile.mkdtemp(prefix="gru_ext_"))
        except OSError:
            return failure
        for name in (path.name, "model.npz"):  # there a name may have to be shorter
            try:
                checkpoint.write(folder / name, data)
            except Exception as error:
                _logger.debug("%s", _failure(folder / name, error))
            else:
                return f"{failure}; it is in {folder / name} instead"
        with suppress(OSError):
            folder.rmdir()
        return failure


def _failure(path: Path, error: Exception) -> str:
    """A message that says which file could not be written, and why."""
    reason = str(error) or type(error).__name__
    return reason if str(path) in reason else f"cannot write {path}: {reason}"
