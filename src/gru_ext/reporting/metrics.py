# SPDX-License-Identifier: MIT
"""A run's numbers as a file of lines, each a JSON object (JSONL)."""

from __future__ import annotations

import json
import os
from typing import Any

from gru_ext.files import StrPath
from gru_ext.files.append import AppendedFile
from gru_ext.files.atomic import write_atomically

Record = dict[str, Any]


class MetricsError(ValueError):
    """A file that holds no metrics; the message says which line is wrong."""


def read_metrics(path: StrPath) -> list[Record]:
    """The records of a metrics file, in order.

    A last line without an end, which a process leaves that was killed while it wrote, is left out.

    Raises
    ------
    OSError
        Where the file cannot be read.
    MetricsError
        Where a line is no record.
    """
    with open(path, "rb") as file:
        whole = file.read().split(b"\n")[:-1]
    records = []
    for number, line in enumerate(whole, start=1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict) or not _is_record(record):
            raise MetricsError(
                f"{path} is no metrics file: line {number} is no JSON object with step, "
                f"characters and seconds"
            )
        records.append(record)
    return records


def _is_record(record: Record) -> bool:
    return type(record.get("step")) is int and all(
        type(record.get(name)) in (int, float) for name in ("characters", "seconds")
    )


class Metrics:
    """The records of a run, kept in memory and in a file.

    A file that cannot be written does not end the run: all is written at the next try.

    Parameters
    ----------
    path : path-like or None
        None: in memory alone.
    step : int
        Update from which the run goes on; 0 for a new one. Lines after it, of a run that was killed
        between its last checkpoint and its end, are taken back: the run makes them again.

    Raises
    ------
    OSError, MetricsError
        Where the file cannot be written at all, or what is to be gone on with is no metrics file.
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
        """At the last record."""
        return float(self.records[-1]["seconds"]) if self.records else 0.0

    def add(self, record: Record) -> None:
        """One record more, unless the file has that step from before."""
        if self.records and record["step"] <= self.records[-1]["step"]:
            return
        self.records.append(record)
        self.flush()

    def take_back(self, step: int) -> None:
        """Forget the records after an update, which the run makes again."""
        self.records = [record for record in self.records if record["step"] <= step]
        file = self._file
        if file is None or file.written <= len(self.records):
            return
        file.written = len(self.records)
        file.whole = len(b"".join(map(_line, self.records)))
        try:
            if os.path.getsize(file.path) > file.whole:
                os.truncate(file.path, file.whole)
        except OSError:
            pass  # the next record is written in their place

    def flush(self) -> None:
        """Write what is not written yet."""
        if self._file is not None:
            self._file.try_append(self.records, _line)


def _line(record: Record) -> bytes:
    return json.dumps(record, allow_nan=False).encode() + b"\n"
