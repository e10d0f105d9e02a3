# SPDX-License-Identifier: MIT
"""The metrics of a run as a JSONL file: one JSON object per line."""

from __future__ import annotations

import json
import os
from typing import Any

from gru_ext.arguments.fields import COUNT, LOSS, Field, checked, read_json
from gru_ext.arguments.kinds import Number
from gru_ext.arguments.messages import brief, shown
from gru_ext.files import StrPath
from gru_ext.files.append import AppendedFile
from gru_ext.files.atomic import write_atomically
from gru_ext.files.errors import errors_with_name
from gru_ext.files.regular import open_regular

Record = dict[str, Any]

_AMOUNT = Number(least=0, below=1e100)
FIELDS = {"step": Field(COUNT), "characters": Field(_AMOUNT), "seconds": Field(_AMOUNT)}
"""What every record must have."""
COLUMNS = {
    "epoch": _AMOUNT,
    "train_nats": LOSS,
    "train_bits": LOSS,
    "val_nats": LOSS,
    "val_bits": LOSS,
    "learning_rate": _AMOUNT,
    "characters_per_second": _AMOUNT,
}
"""What a record may have beside them; :func:`number_in` leaves out what is not such a number."""


class MetricsError(ValueError):
    """A file is not a metrics file. The message says which line is wrong."""


def read_metrics(path: StrPath) -> list[Record]:
    """The records of a metrics file, in order.

    A torn last line is left out, whether it ends or not: a process was killed while it wrote it.

    Raises
    ------
    OSError
        The file cannot be read. The error names it.
    MetricsError
        A line is not a record.
    """
    with errors_with_name(path), open_regular(path) as file:
        complete = file.read().split(b"\n")[:-1]
    records = []
    for number, line in enumerate(complete, start=1):
        try:
            records.append(_record(line))
        except (TypeError, ValueError) as error:
            if number == len(complete) and line.startswith(b'{"') and not _is_json(line):
                break  # a torn last line
            binary = isinstance(error, UnicodeDecodeError)
            reason = "it is not UTF-8 text" if binary else brief(error, 200)
            raise MetricsError(
                f"{path} is not a metrics file: line {number} is not a JSON object with step, "
                f"characters and seconds: {reason}"
            ) from None
    return records


def _record(line: bytes) -> Record:
    """A line as a record, in which nothing is NaN or infinite, so that it can be written again."""
    record = read_json(line, finite=True)
    if not isinstance(record, dict):
        raise TypeError(f"it is {shown(record)}")
    checked(record, FIELDS)
    return record


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def number_in(record: Record, column: str) -> float | None:
    """The number in a column of a record; None where there is none, or another value."""
    try:
        return COLUMNS[column].check(column, record.get(column))
    except (TypeError, ValueError):
        return None


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
    about : dict, optional
        What is known of the run beside its numbers: the first record has it as ``about``.

    Raises
    ------
    OSError, MetricsError
        The file cannot be written at all, or the file to continue is not a metrics file.
    """

    def __init__(
        self, path: StrPath | None, step: int, about: dict[str, Any] | None = None
    ) -> None:
        self.records: list[Record] = []
        self._about = about
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
        first = not self.records and self._about
        self.records.append(record | {"about": self._about} if first else record)
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
