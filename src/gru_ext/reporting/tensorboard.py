# SPDX-License-Identifier: MIT
"""The metrics of a run as an event file for TensorBoard (tensorboardX).

The messages and checksums are made by tensorboardX. The file is written here, because the writer of
tensorboardX writes from a thread of its own: there an error of the disk is lost, and half a record
may be left.
"""

from __future__ import annotations

import importlib.util
import os
import re
import struct
import tempfile
import time
from pathlib import Path
from typing import Any

from gru_ext.arguments.messages import printable_lines
from gru_ext.files import StrPath
from gru_ext.files.append import AppendedFile
from gru_ext.reporting.metrics import Record
from gru_ext.reporting.tensorboard_about import TRAIN, VALIDATION, hyperparameters, layout, text

TAGS = {
    TRAIN: "train_bits",
    VALIDATION: "val_bits",
    "learning_rate": "learning_rate",
    "characters_per_second": "characters_per_second",
}
"""The tags that are written, and the columns of a metrics file that they have the numbers of."""

_NAME = re.compile(r"events\.out\.tfevents\.(\d{1,12})\..*")


def check_tensorboard(folder: StrPath, fresh: bool) -> None:
    """Check before a long run that event files can be written in a folder.

    Parameters
    ----------
    folder : path-like
        The folder and those above it need not exist yet.
    fresh : bool
        Whether the folder must not have event files of another run.

    Raises
    ------
    ImportError, OSError
        tensorboardX is missing, or the folder cannot be written or has event files.
    """
    if importlib.util.find_spec("tensorboardX") is None:
        raise ImportError(
            "files for TensorBoard need tensorboardX, which is not installed: "
            'python -m pip install "gru-ext[tensorboard]"'
        )
    path = Path(os.path.realpath(folder))
    try:
        if fresh and path.is_dir() and _event_files(path):
            raise FileExistsError(
                f"{folder} has event files of a run: continue it with `resume`, replace them with "
                f"`force`, or name another folder with `tensorboard`"
            )
        nearest = next(parent for parent in (path, *path.parents) if parent.exists())
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except FileExistsError:
        raise
    except OSError as error:
        raise OSError(f"cannot write to {folder}: {error.strerror or error}") from None


def _event_files(folder: Path) -> list[str]:
    """The names of the event files, in the order in which TensorBoard reads them."""
    return sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name))


def _new_name(folder: Path) -> str:
    """A name that sorts after the existing ones, even within the same second."""
    import socket

    taken = [int(name.split(".")[3]) + 1 for name in _event_files(folder)]
    return f"events.out.tfevents.{max(int(time.time()), *taken, 0):010d}.{socket.gethostname()}"


class EventFile:
    """The records of a run, for TensorBoard.

    If the file cannot be written, the run continues, and writing is tried again with the next
    record.

    Parameters
    ----------
    folder : path-like or None
        The folder is made if it does not exist. With None nothing is written.
    step : int
        The step from which a resumed run continues, in a new file beside the older ones.
        TensorBoard then drops what these have after that step. 0 stands for a new run, which
        removes them.
    about : dict, optional
        What is known of the run beside its numbers: its ``options`` are the hyperparameters.

    Raises
    ------
    OSError
        The file cannot be written at all.
    """

    def __init__(
        self, folder: StrPath | None, step: int, about: dict[str, Any] | None = None
    ) -> None:
        self._file: AppendedFile | None = None
        if folder is None:
            return
        from tensorboardX.proto.event_pb2 import Event, SessionLog
        from tensorboardX.proto.summary_pb2 import Summary

        self._Event, self._SessionLog, self._Summary = Event, SessionLog, Summary
        self._events = [self._event(file_version="brain.Event:2")]
        inside = Path(os.path.realpath(folder))
        try:
            inside.mkdir(parents=True, exist_ok=True)
            if step:
                self._restart(step)
            self._describe(about or {})
            before = [] if step else _event_files(inside)
            self._file = AppendedFile(inside / _new_name(inside))
            self._file.append(self._events, bytes)
            for name in before:  # only now: the new file could be written
                (inside / name).unlink()
        except OSError as error:
            raise OSError(f"cannot write to {folder}: {error.strerror or error}") from None

    def _event(self, **content: Any) -> bytes:
        """An event as a record of the file: length, its checksum, event, its checksum."""
        from tensorboardX.record_writer import masked_crc32c

        data: bytes = self._Event(wall_time=time.time(), **content).SerializeToString()
        length = struct.pack("<Q", len(data))
        sums = (struct.pack("<I", masked_crc32c(part)) for part in (length, data))
        return length + next(sums) + data + next(sums)

    @property
    def open(self) -> bool:
        """Whether anything is written."""
        return self._file is not None

    def _describe(self, about: dict[str, Any]) -> None:
        options = about.get("options", {})
        known = {"parameters", "characters", "vocabulary_size"} & about.keys()
        values = options | {name: about[name] for name in sorted(known)}
        unit = "byte" if options.get("units") == "bytes" else "character"
        for summary in (layout(unit), *(hyperparameters(values) if values else [])):
            self._events.append(self._event(step=0, summary=summary))

    def _restart(self, step: int) -> None:
        """Add an event that makes TensorBoard drop the events after this step."""
        start = self._SessionLog(status=self._SessionLog.START)
        self._events.append(self._event(step=step + 1, session_log=start))

    def add(self, record: Record) -> None:
        """Add the metrics of a record."""
        if self._file is None:
            return
        values = [
            self._Summary.Value(tag=tag, simple_value=record[column])
            for tag, column in TAGS.items()
            if record[column] is not None
        ]
        summary = self._Summary(value=values)
        self._events.append(self._event(step=record["step"], summary=summary))
        self.flush()

    def add_sample(self, step: int, sample: str) -> None:
        """Add a text that the model has generated."""
        if self._file is not None:
            summary = text("sample", printable_lines(sample))
            self._events.append(self._event(step=step, summary=summary))
            self.flush()

    def roll_back(self, step: int) -> None:
        """Make TensorBoard drop the records after a step, which the run makes again."""
        if self._file is not None:
            self._restart(step)

    def flush(self) -> None:
        """Write the events that are not written yet."""
        if self._file is not None:
            self._file.try_append(self._events, bytes)
