# SPDX-License-Identifier: MIT
"""The model files of a run: the model to use, the training state, and the state before that.

A file that cannot be written does not end a run: its content is in memory, and writing is tried
again at the next checkpoint.
"""

from __future__ import annotations

import logging
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gru_ext.files import StrPath
from gru_ext.files.atomic import link_or_copy, remove_temporary_files
from gru_ext.model import checkpoint
from gru_ext.model.checkpoint import Checkpoint
from gru_ext.training.state_files import old_previous_path, previous_path, state_path

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


class CheckpointWriter:
    """Writes the model files of a run.

    The model file is written before the state that refers to its weights. A state that replaces an
    older one of the same run keeps that one as ``model.state.previous.npz``.

    Parameters
    ----------
    output : path-like or None
        With None nothing is written.
    every : int, optional
        Steps between checkpoints; 0 or None for none.
    minutes : float, optional
        Minutes between checkpoints; 0 for none, ten by default.
    resumed : bool
        Whether the files belong to this run.
    forced : bool
        Whether another run's files are replaced; its states are then removed too.
    classic : bool
        Whether the run has a model file alone.

    Attributes
    ----------
    state_path : Path or None
        The file of the state, if the run writes one.
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
        classic: bool = False,
    ) -> None:
        self._output = None if output is None else Path(output)
        self.state_path = None if output is None or classic else state_path(output)
        self.every = every or 0 if output is not None else 0
        self._seconds = 60 * (DEFAULT_MINUTES if minutes is None else minutes)
        self._since = time.monotonic()
        self._saved_step: int | None = None
        self.written_step: int | None = None
        self._model: Checkpoint | None = None  # what the run has written to the model file last
        self._failed: set[Path] = set()
        self._away: Path | None = None  # the folder of files that could not be written elsewhere
        self._ours, self._forced = resumed, forced
        # an older version wrote the state to the model file, and it is there alone
        self._old = resumed and self.state_path is not None and not self.state_path.exists()
        if output is not None:
            for path in (output, *([] if classic else [state_path(output), previous_path(output)])):
                remove_temporary_files(path)

    def is_due(self, step: int) -> bool:
        """Whether to write a checkpoint after this step."""
        if self._output is None or step == self._saved_step:
            return False
        late = self._seconds > 0 and time.monotonic() - self._since >= self._seconds
        return late or (self.every > 0 and step % self.every == 0)

    def save(self, state: Checkpoint, model: Checkpoint) -> bool:
        """Write the model file if it has changed, and then the state; whether that was written."""
        if self.state_path is None:
            return False
        self.save_model(model)
        self._since, self._saved_step = time.monotonic(), state.metadata["step"]
        written = self._try(self.state_path, state)
        if written:
            self.written_step = self._saved_step
        return written

    def roll_back(self) -> None:
        """Note that the run was rolled back: the saved step comes again, with another state."""
        self._saved_step = None

    def save_model(self, model: Checkpoint) -> None:
        """Write the model file, unless it has this content."""
        if self._output is not None and not self._is_written(model):
            self._try(self._output, model)

    def finish(self, state: Checkpoint | None, model: Checkpoint, trained: Model) -> None:
        """Write the files at the end of a run; where that fails, into the temporary folder.

        Parameters
        ----------
        state : Checkpoint or None
            A classic run has none.
        model : Checkpoint
        trained : Model
            What the exception holds.

        Raises
        ------
        NotSavedError
            A file could not be written. The message names the file that was written instead.
        """
        if self._output is None:
            return
        failures = []
        if not self._is_written(model):
            failures.append(self._write_somewhere(self._output, model))
        if self.state_path is not None and state is not None:
            failures.append(self._write_somewhere(self.state_path, state))
        if any(failures):
            raise NotSavedError("; ".join(filter(None, failures)), trained)
        if state is not None or self.state_path is None:
            self.written_step = trained.about["step"] if state is None else state.metadata["step"]

    def rescue(self, state: Checkpoint | None, model: Checkpoint, trained: Model) -> str:
        """Write the files where an exception has ended the run, as at its end; say where they are.

        A newer state in the file is not replaced by an older one.
        """
        if self._output is None:
            return ""
        step = trained.about["step"] if state is None else state.metadata["step"]
        if self.written_step is None or self.written_step < step:
            self.finish(state, model, trained)
        elif self._model is None:
            self.finish(None, model, trained)
        return f"the state of step {self.written_step:,} is in {self.state_path or self._output}"

    def _is_written(self, model: Checkpoint) -> bool:
        """Whether the model file has this content, if nobody has changed or removed it."""
        return model is self._model and self._output is not None and self._output.exists()

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
        if path == self.state_path:
            checkpoint.write(path, data, self._keep_previous)
            self._old = False
        else:
            self._model = None
            checkpoint.write(path, data, self._keep_state)
            self._model = data
        self._ours = True

    def _keep_state(self) -> None:
        """Before the model file is replaced, keep the state that an older version wrote to it.

        A failure stops the new file: the state would be lost.
        """
        if self._old and self._output is not None and self.state_path is not None:
            link_or_copy(self._output, self.state_path)
            self._old = False
        self._remove_other_states()

    def _keep_previous(self) -> None:
        """Keep the state that is about to be replaced; a failure does not stop the new one."""
        if self._output is None or self.state_path is None:
            return
        previous = previous_path(self._output)
        try:
            self._remove_other_states()
            if self._ours:
                link_or_copy(self._output if self._old else self.state_path, previous)
        except FileNotFoundError:
            pass  # the first state; or somebody has removed the last one
        except OSError as error:
            if previous not in self._failed:
                reason = error.strerror or error
                _logger.warning("cannot keep the previous state as %s: %s", previous, reason)
            self._failed.add(previous)

    def _remove_other_states(self) -> None:
        """Remove the states of another run, which must not be resumed for those of this one."""
        if self._ours or not self._forced or self._output is None or self.state_path is None:
            return
        for path in (self.state_path, previous_path(self._output), old_previous_path(self._output)):
            path.unlink(missing_ok=True)

    def _write_somewhere(self, path: Path, data: Checkpoint) -> str | None:
        """Write a file there, or else in the temporary folder; return what went wrong, if so."""
        try:
            self._write(path, data)
            return None
        except Exception as error:
            failure = _failure(path, error)
        try:
            self._away = self._away or Path(tempfile.mkdtemp(prefix="gru_ext_"))
        except OSError:
            return failure
        short = "model.npz" if path == self._output else state_path("model.npz").name
        for name in (path.name, short):  # there a name may have to be shorter
            try:
                checkpoint.write(self._away / name, data)
            except Exception as error:
                _logger.debug("%s", _failure(self._away / name, error))
            else:
                return f"{failure}; it is in {self._away / name} instead"
        with suppress(OSError):  # it holds the other file
            self._away.rmdir()
            self._away = None
        return failure


def _failure(path: Path, error: Exception) -> str:
    """A message that says which file could not be written, and why."""
    reason = str(error) or type(error).__name__
    return reason if str(path) in reason else f"cannot write {path}: {reason}"
