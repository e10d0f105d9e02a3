# SPDX-License-Identifier: MIT
"""A run's numbers as an event file of TensorBoard (tensorboardX).

Its messages and checksums are tensorboardX's. The file is written here: its own writer gives events
to a thread, where an error of the disk is lost, and leaves half a record.
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

from gru_ext.files import StrPath
from gru_ext.files.append import AppendedFile
from gru_ext.reporting.metrics import Record

TAGS = ("train_bits", "val_bits", "learning_rate", "characters_per_second")
"""What is written, under the names that a metrics file has."""

_NAME = re.compile(r"events\.out\.tfevents\.(\d{1,12})\..*")


def check_tensorboard(folder: StrPath, fresh: bool) -> None:
    """Find out before a long run whether event files can be written there.

    Parameters
    ----------
    folder : path-like
        May be missing, and folders above it too.
    fresh : bool
        Whether no run may have written there.

    Raises
    ------
    ImportError, OSError
        Where tensorboardX is missing, or the folder cannot be written or has event files.
    """
    if importlib.util.find_spec("tensorboardX") is None:
        raise ImportError(
            "files for TensorBoard need tensorboardX, which is not installed: "
            "python -m pip install 'gru-ext[tensorboard]'"
        )
    path = Path(os.path.realpath(folder))
    try:
        if fresh and path.is_dir() and _event_files(path):
            raise FileExistsError(
                f"{folder} has event files of a run: go on with it by --resume, replace them by "
                f"--force, or name another with --tensorboard"
            )
        nearest = next(parent for parent in (path, *path.parents) if parent.exists())
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except FileExistsError:
        raise
    except OSError as error:
        raise OSError(f"cannot write to {folder}: {error.strerror or error}") from None


def _event_files(folder: Path) -> list[str]:
    """Names of the event files, in the order in which TensorBoard reads them."""
    return sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name))


def _new_name(folder: Path) -> str:
    """A name that comes after those that are there, also within the same second."""
    import socket

    taken = [int(name.split(".")[3]) + 1 for name in _event_files(folder)]
    return f"events.out.tfevents.{max(int(time.time()), *taken, 0):010d}.{socket.gethostname()}"


class EventFile:
    """The records of a run, for TensorBoard.

    A file that cannot be written does not end the run: all is written at the next try.

    Parameters
    ----------
    folder : path-like or None
        It is made where it is missing. None: nothing is written.
    step : int
        Update from which the run goes on, in another file beside those of before; TensorBoard then
        forgets what these have after it. 0 for a new run, which removes them.

    Raises
    ------
    OSError
        Where the file cannot be written at all.
    """

    def __init__(self, folder: StrPath | None, step: int) -> None:
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
            else:
                for name in _event_files(inside):
                    (inside / name).unlink()
            self._file = AppendedFile(inside / _new_name(inside))
            self._file.append(self._events, bytes)
        except OSError as error:
            raise OSError(f"cannot write to {folder}: {error.strerror or error}") from None

    def _event(self, **content: Any) -> bytes:
        """An event as a record of the file: length, its checksum, the event, its checksum."""
        from tensorboardX.record_writer import masked_crc32c

        data: bytes = self._Event(wall_time=time.time(), **content).SerializeToString()
        length = struct.pack("<Q", len(data))
        sums = (struct.pack("<I", masked_crc32c(part)) for part in (length, data))
        return length + next(sums) + data + next(sums)

    def _restart(self, step: int) -> None:
        """TensorBoard is to forget the events after this update."""
        start = self._SessionLog(status=self._SessionLog.START)
        self._events.append(self._event(step=step + 1, session_log=start))

    def add(self, record: Record) -> None:
        """The numbers of a record of :class:`gru_ext.reporting.metrics.Metrics`."""
        if self._file is None:
            return
        values = [
            self._Summary.Value(tag=tag, simple_value=record[tag])
            for tag in TAGS
            if record[tag] is not None
        ]
        summary = self._Summary(value=values)
        self._events.append(self._event(step=record["step"], summary=summary))
        self.flush()

    def take_back(self, step: int) -> None:
        """Have the records after an update forgotten, which the run makes again."""
        if self._file is not None:
            self._restart(step)

    def flush(self) -> None:
        """Write what is not written yet."""
        if self._file is not None:
            self._file.try_append(self._events, bytes)
