# SPDX-License-Identifier: MIT
"""The progress lines of a run, kept: for plots, tables and notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gru_ext.arguments.fields import COUNT, Field, ListOf, Object, checked
from gru_ext.arguments.kinds import Number, String
from gru_ext.arguments.messages import brief, counted, listed
from gru_ext.files import StrPath
from gru_ext.reporting.metrics import Record, number_in, read_metrics

_ABOUT = {
    "texts": Field(ListOf(String(), 100), []),
    "characters": Field(COUNT, nullable=True),
    "validation_characters": Field(COUNT, nullable=True),
    "parameters": Field(COUNT, nullable=True),
    "steps": Field(COUNT, nullable=True),
    "options": Field(Object(), {}),
}
_SIZES = {"hidden_size": Field(COUNT), "layers": Field(COUNT, 1)}
_RATIO = Number(least=0, below=1e100)

Points = list[tuple[float, float]]


class History:
    """The records of a training run, one for each progress line or evaluation.

    Parameters
    ----------
    records : sequence of dict
        Records as a metrics file has them (:meth:`Progress.record`).

    Attributes
    ----------
    records : list of dict

    Examples
    --------
    >>> model = gru_ext.train(text)                                  # doctest: +SKIP
    >>> model.history                                                # doctest: +SKIP
    <gru_ext.History: 20 records up to step 980, train 2.500, best validation 2.659 bits/char>
    >>> gru_ext.plot(model.history, "run.png")                       # doctest: +SKIP
    """

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = list(records)

    @classmethod
    def read(cls, path: StrPath) -> History:
        """The history in a metrics file.

        Raises
        ------
        OSError, MetricsError
            The file cannot be read, or is not a metrics file.
        """
        return cls(read_metrics(path))

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def points(self, column: str, over: str = "step") -> Points:
        """The numbers of a column, such as ``val_bits``, each after the number in ``over``.

        Records without a number in the column are left out.
        """
        values = [(record[over], number_in(record, column)) for record in self.records]
        return [(x, y) for x, y in values if y is not None]

    @property
    def best(self) -> tuple[int, float] | None:
        """Step and bits per character of the lowest validation loss; None if there is none."""
        points = self.points("val_bits")
        step, bits = min(points, key=lambda point: point[1], default=(0, 0.0))
        return (int(step), bits) if points else None

    @property
    def unit(self) -> str:
        """What the model reads and writes: ``byte`` or ``char``."""
        return "byte" if self._options().get("units") == "bytes" else "char"

    @property
    def title(self) -> tuple[str, str]:
        """The sizes of the model, and the texts with their size; empty where they are not known."""
        about, parts, texts = self._about(), [], []
        try:
            sizes = checked(about["options"], _SIZES)
        except (TypeError, ValueError):
            pass
        else:
            layers = f"{sizes['layers']} layers of " if sizes["layers"] > 1 else ""
            parts.append(f"{layers}hidden size {sizes['hidden_size']}")
        if about["parameters"] is not None:
            parts.append(counted(about["parameters"], "parameter"))
        if about["texts"]:
            texts.append(brief(listed(about["texts"], 3), 60))
        if about["characters"] is not None:
            whole = about["characters"] + (about["validation_characters"] or 0)
            texts.append(counted(whole, "byte" if self.unit == "byte" else "character"))
        return ", ".join(parts), ", ".join(texts)

    def _about(self) -> dict[str, Any]:
        """What is known of the run; a file may say anything, and what is not valid is left out."""
        first = self.records[0].get("about") if self.records else None
        found = first if isinstance(first, dict) else {}
        valid: dict[str, Any] = {}
        for name, field in _ABOUT.items():
            try:
                valid |= checked(found, {name: field})
            except (TypeError, ValueError):
                valid[name] = field.default
        return valid

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = self._about()["options"]
        return options

    def per_step(self, column: str) -> float | None:
        """The amount of ``epoch`` or ``characters`` in a step; None where it is not known."""
        for record in reversed(self.records):
            try:
                amount: float = _RATIO.check(column, record.get(column)) / record["step"]
            except (TypeError, ValueError, ZeroDivisionError):
                continue
            if amount > 0:
                return amount
        return None

    def __repr__(self) -> str:
        if not self.records:
            return "<gru_ext.History: no records>"
        train, losses = self.points("train_bits"), []
        if train:
            losses.append(f"train {train[-1][1]:.3f}")
        if self.best is not None:
            losses.append(f"best validation {self.best[1]:.3f}")
        told = f", {', '.join(losses)} bits/{self.unit}" if losses else ""
        last = self.records[-1]["step"]
        return f"<gru_ext.History: {counted(len(self), 'record')} up to step {last:,}{told}>"

    def _repr_html_(self) -> str:
        from gru_ext.reporting.notebook import history_html

        return history_html(self)
