# SPDX-License-Identifier: MIT
"""Pictures of training runs: loss and speed over the characters seen (matplotlib)."""

from __future__ import annotations

import importlib.util
import itertools
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gru_ext.arguments.messages import printable
from gru_ext.files import StrPath
from gru_ext.files.atomic import check_writable, write_atomically
from gru_ext.reporting.metrics import Record, number_in, read_metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")
_CYCLE = 10  # the colours that matplotlib has in order
_INSIDE, _INSIDE_WIDTH = 8, 40  # the lines of a legend on the axes, and their characters
_COLUMN = 60  # the lines of a column of a legend beside them
_LONGEST_LABEL = 60


def check_plot(path: StrPath) -> None:
    """Check before a long run that a picture can be drawn at its end.

    Raises
    ------
    ValueError, ImportError, OSError
        The name has no known suffix, matplotlib is missing, or the file cannot be written.
    """
    if _format(path) not in FORMATS:
        raise ValueError(f"{path} must end in .png or .svg, the formats of a picture")
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError(
            "pictures need matplotlib, which is not installed: "
            "python -m pip install 'gru-ext[plot]'"
        )
    check_writable(path)


def _format(path: StrPath) -> str:
    return Path(path).suffix.lower().removeprefix(".")


def plot_files(metrics: Sequence[StrPath], output: StrPath) -> None:
    """Draw the runs of metrics files into one picture.

    Parameters
    ----------
    metrics : sequence of path-like
        Metrics files of training runs.
    output : path-like
        The picture; its name ends in ``.png`` or ``.svg``.

    Raises
    ------
    ValueError, ImportError, OSError
        A file is not a metrics file or is empty, or the picture cannot be written.
    """
    check_plot(output)
    names = [os.fspath(path) for path in metrics]
    runs = [read_metrics(name) for name in names]
    for name, records in zip(names, runs, strict=True):
        if not records:
            raise ValueError(f"{name} has no records yet: there is nothing to draw")
    plot_records(dict(zip(_labels(names), runs, strict=True)), output)


def _labels(names: Sequence[str]) -> list[str]:
    """A printable label for each file, different from all others: its stem where that suffices."""
    stems = [Path(name).stem for name in names]
    labels: list[str] = []
    for name in stems if len(set(stems)) == len(stems) else names:
        label = printable(name)
        if len(label) > _LONGEST_LABEL:
            label = f"{label[: _LONGEST_LABEL // 2]}…{label[-_LONGEST_LABEL // 2 :]}"
        same = itertools.chain([label], (f"{label} ({n})" for n in itertools.count(2)))
        labels.append(next(each for each in same if each not in labels))
    return labels


def plot_records(runs: dict[str, list[Record]], output: StrPath) -> None:
    """Draw the records of runs, by their names, into one picture."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    with (
        rc_context({"svg.hashsalt": "gru_ext"}),  # the same records give the same file
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Glyph .* missing")  # drawn as a box
        figure = Figure(figsize=(8, 6), layout="constrained")
        loss, speed = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
        for i, (name, records) in enumerate(runs.items()):
            _draw(loss, speed, name if len(runs) > 1 else "", _color(i, len(runs)), records)
        loss.set_ylabel("bits per character")
        speed.set_ylabel("characters per second")
        speed.set_xlabel("characters seen")
        speed.set_ylim(bottom=0)
        speed.yaxis.set_major_formatter(EngFormatter(sep=""))
        speed.xaxis.set_major_formatter(EngFormatter(sep=""))
        _add_legend(figure, loss)
        for axes in (loss, speed):
            axes.grid(alpha=0.3)
        kind = _format(output)

        def save(file: IO[bytes]) -> None:
            dated = {"metadata": {"Date": None}} if kind == "svg" else {"dpi": 150}
            figure.savefig(file, format=kind, **dated)

        write_atomically(output, save)


def _color(i: int, runs: int) -> Any:
    """A colour for run i, different from those of the others."""
    if runs <= _CYCLE:
        return f"C{i}"
    from matplotlib.colors import hsv_to_rgb

    # neighbours differ in brightness too
    return tuple(hsv_to_rgb((i / runs, 0.9, (0.9, 0.6)[i % 2])).tolist())


def _add_legend(figure: Figure, loss: Axes) -> None:
    """A legend of all curves; where it is long, beside the axes instead of on them."""
    curves = loss.get_lines()
    labels = [str(curve.get_label()) for curve in curves]
    lines, widest = len(labels), max(map(len, labels))
    # matplotlib leaves out labels that begin with _, so that the real ones are set afterwards
    stand_ins = ["x" * len(label) for label in labels]
    if lines <= _INSIDE and widest <= _INSIDE_WIDTH:
        legend = loss.legend(curves, stand_ins)
    else:
        columns = -(-lines // _COLUMN)
        width, height = figure.get_size_inches()
        beside = columns * (0.7 + 0.1 * widest)
        figure.set_size_inches(width + beside, max(height, 0.22 * min(lines, _COLUMN)))
        legend = figure.legend(curves, stand_ins, loc="outside right upper", ncols=columns)
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)
        text.set_parse_math(False)  # a $ would begin a formula


def _draw(loss: Axes, speed: Axes, name: str, color: str, records: list[Record]) -> None:
    def curve(column: str) -> tuple[list[Any], list[Any]]:
        values = [(r["characters"], number_in(r, column)) for r in records]
        points = [(x, y) for x, y in values if y is not None]
        return [x for x, _ in points], [y for _, y in points]

    # a single point is not visible as a line
    dot: dict[str, Any] = {"marker": "."} if len(records) == 1 else {}
    loss.plot(*curve("train_bits"), color=color, alpha=0.6, label=f"{name} training".strip(), **dot)
    measured = curve("val_bits")
    if measured[0]:
        label = f"{name} validation".strip()
        loss.plot(*measured, color=color, marker="o", markersize=3, linestyle="--", label=label)
    speed.plot(*curve("characters_per_second"), color=color, **dot)
