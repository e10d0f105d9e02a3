# SPDX-License-Identifier: MIT
"""The arrays of a model as a table: layers, shapes, numbers of parameters and of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gru_ext.arguments.messages import as_size, counted
from gru_ext.model.facts import is_tied, unit_of
from gru_ext.model.parameters import layer_name

if TYPE_CHECKING:
    from gru_ext.model.stored import StoredModel

_HEAD = ("layer", "arrays", "shape of each", "parameters", "size")
_LEFT = 3
"""The columns on the left; the others are numbers."""


class SummaryRow(NamedTuple):
    """Arrays of one shape in one layer.

    ``names`` are their names in :class:`gru_ext.Parameters`, ``shape`` is that of each of them.
    ``parameters`` is the number of trained parameters in all of them, ``bytes`` is their size in
    bytes, without padding. With weight tying the output layer has no parameters of its own in Wy.
    """

    layer: str
    names: tuple[str, ...]
    shape: tuple[int, int]
    parameters: int
    bytes: int


@dataclass(frozen=True, repr=False)
class Summary:
    """The layers of a model: a table for people, and its numbers for programs.

    :meth:`Model.summary` makes one. Printed, it is a table of at most 80 columns; a notebook shows
    it as one.

    Attributes
    ----------
    title : str
        The model in one line.
    rows : tuple of SummaryRow
        ``(layer, names, shape, parameters, bytes)`` of the arrays of each layer.
    """

    title: str
    rows: tuple[SummaryRow, ...]

    @property
    def parameters(self) -> int:
        """The number of trained parameters."""
        return sum(row.parameters for row in self.rows)

    @property
    def bytes(self) -> int:
        """The size of all arrays in bytes, without padding."""
        return sum(row.bytes for row in self.rows)

    def _cells(self) -> list[list[str]]:
        cells, before = [], ""
        for row in self.rows:
            layer = "" if row.layer == before else row.layer
            shape, count = f"({row.shape[0]}, {row.shape[1]})", f"{row.parameters:,}"
            cells.append([layer, " ".join(row.names), shape, count, as_size(row.bytes)])
            before = row.layer
        return [*cells, ["total", "", "", f"{self.parameters:,}", as_size(self.bytes)]]

    def __str__(self) -> str:
        cells = [[*_HEAD], *self._cells()]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join([self.title, *(_line(row, widths) for row in cells)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from gru_ext.reporting.notebook import table_html

        return table_html(self.title, _HEAD, self._cells())


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    left = [f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)][:_LEFT]
    right = [f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)][_LEFT:]
    return "  ".join([*left, *right])


def summary_of(model: StoredModel) -> Summary:
    """The summary of a model (:meth:`Model.summary`)."""
    parameters, tied, rows = model.parameters, is_tied(model), []
    for layer in range(1, parameters.layers + 1):
        for kind in "WUb":
            names = tuple(layer_name(kind + gate, layer) for gate in "zrh")
            rows.append(_row(model, f"GRU {layer}", names))
    rows += [_row(model, "output", ("Wy",), tied), _row(model, "output", ("by",))]
    size = counted(len(model.vocabulary), unit_of(model)[1])
    weights = parameters.narrow or model.dtype
    return Summary(f"Model: {size}, {parameters.sizes}, {weights}", tuple(rows))


def _row(model: StoredModel, layer: str, names: tuple[str, ...], tied: bool = False) -> SummaryRow:
    arrays = [model.parameters[name] for name in names]
    rows, columns = arrays[0].shape
    count = 0 if tied else sum(array.size for array in arrays)
    size = sum(map(model.parameters.size_of, names))
    return SummaryRow(layer, names, (rows, columns), count, size)
