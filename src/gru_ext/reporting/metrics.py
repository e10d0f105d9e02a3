# SPDX-License-Identifier: MIT
"""The metrics of a run as a JSONL file: one JSON object per line."""

from __future__ import annotations

import json
import os
from typing import Any

from gru_ext.files import StrPath
from gru_ext.files.append import AppendedFile
from gru_ext.files.atomic import write_atomically
from gru_ext.files.regular import open_regular

Record = dict[str, Any]


class MetricsError(ValueError):
    """A file is not a metrics file. The message says which line is wrong."""


def read_metrics(path: StrPath) -> list[Record]:
    """The records of a metrics file, in order.

    A torn last line is left out, whether it ends or not: a process was killed while it wrote it.

    Raises
    ------
    OSError
        The file cannot be read.
    MetricsError
        A line is not a record.
    """
    with open_regular(path) as file:
        complete = file.read().split(b"\n")[:-1]
    records = []
    for number, line in enumerate(complete, start=1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
            if number == len(complete) and line.startswith(b'{"'):
                break
        if not isinstance(record, dict) or not _is_record(record):
            raise MetricsError(
                f"{path} is not a metrics file: line {number} is not a JSON object with step, "
                f"characters and seconds"
            )
        records.append(record)
    return records


def _is_record(record: Record) -> bool:
    return type(record.get("step")) is int and all(
        type(record.get(name)) in (int, float) for name in ("characters", "seconds")
    )


class Metrics:
    """The records of a run, in memory and in a file.

    If the file cannot be written, the run continues, and writing is tried again with the next
    record.

    Parameters
    ----------
    path : path-like or None
        With None the records are only kept in memory.
    step : int
        The step from which the run continues; 0 for a new run. Later records, of a run that was
        killed after its last checkpoint, are removed: the run makes them again.

    Raises
    ------
    OSError, MetricsError
        The file cannot be written at all, or the file to continue is not a metrics file.
    """

    def __init__(self, path: StrPath | None, step: int) -> None:
        self.records: list[Record] = []
        self._file: AppendedFile | None = None
        if path is None:
            return
        if step and os.path.exists(path):
            self.records = [record for record in read_metrics(path) if record["step"] <= step]
        data = b"".join(map(_line, self.records))
        write_atomically(path, lambda file: file.write(data))
        self._file = AppendedFile(path, len(data), len(self.records))

    @property
    def seconds(self) -> float:
        """The seconds that training took up to the last record."""
        return float(self.records[-1]["seconds"]) if self.records else 0.0

    def add(self, record: Record) -> None:
        """Add a record, unless the file already has one of that step."""
        if self.records and record["step"] <= self.records[-1]["step"]:
            return
        self.records.append(record)
        self.flush()

    def roll_back(self, step: int) -> None:
        """Remove the records after a step, which the run makes again."""
        self.records = [record for record in self.records if record["step"] <= step]
        file = self._file
        if file is None or file.count <= len(self.records):
            return
        file.cut(len(b"".join(map(_line, self.records))), len(self.records))

    def flush(self) -> None:
        """Write the records that are not written yet."""
        if self._file is not None:
            self._file.try_append(self.records, _line)


def _line(record: Record) -> bytes:
    return json.dumps(record, allow_nan=False).encode() + b"\n"
