# SPDX-License-Identifier: MIT
"""Tables and curves for a notebook as HTML and SVG, without a library. All text is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gru_ext.reporting.metrics import Record, number_in
from gru_ext.reporting.scale import scale_of
from gru_ext.reporting.table import as_amount
from gru_ext.reporting.visible import visible_text

if TYPE_CHECKING:
    from gru_ext.reporting.history import History, Points
    from gru_ext.reporting.progress import Progress

_WIDTH, _HEIGHT = 480, 200
_LEFT, _BELOW, _RIGHT, _ABOVE = 44, 24, 8, 8
_CURVES = (("train_bits", "training", "#0072B2", ""), ("val_bits", "validation", "#D55E00", "6 4"))
_MOST_ROWS = 20


def progress_html(progress: Progress) -> str:
    """The numbers of one progress line as a table."""
    return _table([progress.record()], "char")


def history_html(history: History) -> str:
    """The curves of a run, and a table of at most twenty of its records, with the last one."""
    title = html.escape(" · ".join(filter(None, history.title)))
    title = f"<p>{title}</p>" if title else ""
    return f"<div>{title}{curves_html(history)}{_table(_shown(history), history.unit)}</div>"


def _shown(history: History) -> list[Record]:
    """At most twenty records, with the last one: of neighbours, one that has an evaluation."""
    records = history.records
    every = -(-len(records) // _MOST_ROWS) or 1
    ends = range(len(records), 0, -every)
    groups = [records[max(0, end - every) : end][::-1] for end in ends][::-1]
    shown = [max(group, key=lambda r: number_in(r, "val_bits") is not None) for group in groups]
    return shown[:-1] + records[-1:]


def facts_html(title: str, facts: Sequence[tuple[str, str]], below: str = "") -> str:
    """A title, a table of names and values, and what stands below it, which is HTML already."""
    rows = "".join(
        f'<tr><th style="text-align:left">{html.escape(visible_text(name))}</th>'
        f'<td style="text-align:left">{html.escape(visible_text(value))}</td></tr>'
        for name, value in facts
    )
    return f"<div><p>{html.escape(title)}</p><table>{rows}</table>{below}</div>"


def table_html(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A title and a table with a heading; cells are on the right, where a notebook has numbers."""
    return f"<div><p>{html.escape(title)}</p>{_rows(head, rows)}</div>"


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    lines = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
    return f"<table><tr>{cells}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _table(records: list[Record], per: str) -> str:
    names = ("step", "epoch", f"train bits/{per}", f"validation bits/{per}", "learning rate")
    rows = []
    for record in records:
        cells = [f"{record['step']:,}", _cell(record, "epoch", ".2f")]
        cells += [_cell(record, column, ".3f") for column in ("train_bits", "val_bits")]
        speed = number_in(record, "characters_per_second")
        cells += [_cell(record, "learning_rate", ".2e"), "" if speed is None else as_amount(speed)]
        rows.append(cells)
    return _rows((*names, f"{per}/s"), rows)


def _cell(record: Record, column: str, form: str) -> str:
    number = number_in(record, column)
    return "" if number is None else format(number, form)


def curves_html(history: History) -> str:
    """The losses over the steps as an SVG picture; nothing where there are fewer than two."""
    curves = [
        (points, name, color, dashes)
        for column, name, color, dashes in _CURVES
        if (points := history.points(column))
    ]
    scale = scale_of(points for points, *_ in curves)
    if scale is None or len(history) < 2:
        return ""
    last = max(history.records[-1]["step"], 1)
    shape = math.log if scale.logarithmic else float
    low, high = shape(scale.low), shape(scale.high)
    wide, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _ABOVE - _BELOW

    def place(x: float, y: float) -> tuple[float, float]:
        height = (shape(y) - low) / (high - low) if high > low else 0.5
        return _LEFT + wide * x / last, _ABOVE + tall * (1 - height)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="11" '
        f'fill="currentColor"><svg x="0" y="0" width="{_WIDTH}" height="{_HEIGHT - _BELOW}">'
    ]
    for points, _, color, dashes in curves:
        parts.append(_line([place(*point) for point in points], color, dashes))
    parts.append("</svg>")
    if history.best is not None:
        x, y = place(*history.best)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{_CURVES[1][2]}"/>')
    for height in (0.0, 0.5, 1.0):
        bits = low + height * (high - low)
        value, y = math.exp(bits) if scale.logarithmic else bits, _ABOVE + tall * (1 - height)
        parts.append(
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.2f}</text>'
            f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="currentColor" opacity="0.15"/>'
        )
    parts.append(
        f'<path d="M{_LEFT} {_ABOVE}V{_ABOVE + tall}H{_WIDTH - _RIGHT}" fill="none" '
        f'stroke="currentColor" opacity="0.5"/>'
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 8}" text-anchor="end">{last:,} steps</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 8}">bits per {_unit(history)}</text>'
    )
    for i, (_, name, color, dashes) in enumerate(curves):
        y = _ABOVE + 10 + 16 * i
        parts.append(_line([(_WIDTH - 110, y), (_WIDTH - 84, y)], color, dashes))
        parts.append(f'<text x="{_WIDTH - 78}" y="{y + 4}">{name}</text>')
    return "".join(parts) + "</svg>"


def _unit(history: History) -> str:
    return "byte" if history.unit == "byte" else "character"


def _line(points: Points, color: str, dashes: str) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{places}" fill="none" stroke="{color}" stroke-width="1.8"{dashed}/>'
