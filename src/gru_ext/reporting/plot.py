# SPDX-License-Identifier: MIT
"""Pictures of training runs: losses, learning rate and speed over the steps (matplotlib)."""

from __future__ import annotations

import importlib.util
import itertools
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gru_ext.arguments.messages import either, printable, shown
from gru_ext.files import StrPath
from gru_ext.files.atomic import check_writable, write_atomically
from gru_ext.reporting.history import History
from gru_ext.reporting.scale import scale_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
# Metadata without which the same records give the same file.
_UNDATED: dict[str, dict[str, Any]] = {
    "png": {"dpi": 150},
    "svg": {"metadata": {"Date": None}},
    "pdf": {"metadata": {"CreationDate": None}},
}
# Okabe and Ito, "Color universal design" (2008): colours that colour-blind people can tell apart,
# and on paper without colour line styles and markers differ. Their yellow is too light on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
STYLES: tuple[Any, ...] = (
    "--",
    ":",
    "-.",
    (0, (5, 1)),
    (0, (1, 1)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (7, 3)),
)
_GREY = "#666666"
_COLUMN = 24  # the lines of a column of the legend
_LONGEST_LABEL = 60

Run = History | StrPath


def plot(runs: Run | Sequence[Run] | Mapping[str, Run], output: StrPath | None = None) -> Figure:
    """Draw training runs: losses, learning rate and speed.

    The losses of training and validation are drawn over the steps, with the epochs above, and the
    best validation loss is marked. If the runs have steps of different sizes, they are drawn over
    the characters seen. The scale leaves out the steep beginning, or is logarithmic where the
    losses span more than a factor of four.

    Parameters
    ----------
    runs : History, path-like, or a sequence or mapping of these
        A run: the ``history`` of a model that :func:`gru_ext.train` has returned, or a metrics
        file. The keys of a mapping are the labels of the runs.
    output : path-like, optional
        The picture to write; its name ends in ``.png``, ``.svg`` or ``.pdf``. An existing file is
        replaced.

    Returns
    -------
    matplotlib.figure.Figure
        The picture, which a notebook shows.

    Raises
    ------
    ImportError
        matplotlib is missing.
    TypeError, ValueError, OSError
        A run is none, has no records or cannot be read, or the picture cannot be written.
    """
    if output is None:
        _check_library()
    else:
        check_plot(output)
    return _drawn(_histories(runs), output)


def check_plot(path: StrPath) -> None:
    """Check before a long run that a picture can be drawn at its end.

    Raises
    ------
    ValueError, ImportError, OSError
        The name has no known suffix, matplotlib is missing, or the file cannot be written.
    """
    if _format(path) not in FORMATS:
        known = either([f".{name}" for name in FORMATS])
        raise ValueError(f"{path} must end in {known}, the formats of a picture")
    _check_library()
    check_writable(path)


def _check_library() -> None:
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError(
            "pictures need matplotlib, which is not installed: "
            'python -m pip install "gru-ext[plot]"'
        )


def _format(path: StrPath) -> str:
    return Path(path).suffix.lower().removeprefix(".")


def _histories(runs: object) -> dict[str, History]:
    """The runs by their labels, which are all different."""
    if isinstance(runs, Mapping):
        named = dict(zip(_labels([str(name) for name in runs]), runs.values(), strict=True))
    else:
        several = isinstance(runs, Sequence) and not isinstance(runs, str | bytes)
        listed: Any = runs if several else [runs]
        paths = [os.fspath(r) for r in listed if isinstance(r, str | os.PathLike)]
        stems = [Path(path).stem for path in paths]
        names = iter(stems if len(set(stems)) == len(stems) else paths)
        label = [
            next(names) if isinstance(run, str | os.PathLike) else f"run {i}"
            for i, run in enumerate(listed, start=1)
        ]
        named = dict(zip(_labels(label), listed, strict=True))
    histories = {}
    for name, run in named.items():
        if isinstance(run, str | os.PathLike):
            history, what = History.read(run), os.fspath(run)
        elif isinstance(run, History):
            history, what = run, "the history" if len(named) == 1 else f"the history of {name}"
        else:
            raise TypeError(f"`runs` must be a History or a path, or several, not {shown(run)}")
        if not history.records:
            raise ValueError(f"{what} has no records yet: there is nothing to draw")
        histories[name] = history
    if not histories:
        raise ValueError("`runs` must be one run or more, not none")
    return histories


def _labels(names: Sequence[str]) -> list[str]:
    """A printable label for each name, different from all others."""
    labels: list[str] = []
    for name in names:
        label = printable(name)
        if len(label) > _LONGEST_LABEL:
            label = f"{label[: _LONGEST_LABEL // 2]}…{label[-_LONGEST_LABEL // 2 :]}"
        same = itertools.chain([label], (f"{label} ({n})" for n in itertools.count(2)))
        labels.append(next(each for each in same if each not in labels))
    return labels


def _drawn(runs: dict[str, History], output: StrPath | None) -> Figure:
    """The picture of runs by their labels, written to a file if one is named."""
    from matplotlib import rc_context
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    from gru_ext.reporting.picture import Picture

    with (
        rc_context({"svg.hashsalt": "gru_ext", "pdf.fonttype": 42}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Glyph .* missing")  # drawn as a box
        spaced = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
        figure = Picture(figsize=(8, 6), layout=spaced)
        grid = figure.add_gridspec(2, 2, height_ratios=(3, 1))
        loss = figure.add_subplot(grid[0, :])
        rate, speed = (figure.add_subplot(grid[1, i], sharex=loss) for i in range(2))
        over = _over(runs.values())
        for i, history in enumerate(runs.values()):
            _draw_run(loss, rate, speed, history, over, i if len(runs) > 1 else None)
        _set_axes(loss, rate, speed, [*runs.values()], over)
        if len(runs) > 1:
            _add_labels(figure, loss, runs)
        else:
            loss.legend(loc="best", frameon=False, handlelength=3)
        if output is not None:
            kind = _format(output)

            def save(file: IO[bytes]) -> None:
                figure.savefig(file, format=kind, **_UNDATED[kind])

            write_atomically(output, save)
    return figure


def _over(runs: Any) -> str:
    """What the runs are drawn over: steps, or characters where a step has not the same number."""
    sizes = {history.per_step("characters") for history in runs}
    return "step" if len(sizes) == 1 else "characters"


def _draw_run(
    loss: Axes, rate: Axes, speed: Axes, history: History, over: str, number: int | None
) -> None:
    """Draw one run; the number that it has among several gives its colour and its marks."""
    turn, i = divmod(number or 0, len(COLORS))
    color = COLORS[i]
    measured = COLORS[1] if number is None else color
    # a colour that comes again has other marks and lines
    marks = {
        "marker": MARKERS[(i + turn) % len(MARKERS)],
        "markersize": 4,
        "linestyle": STYLES[(i + turn) % len(STYLES)],
    }
    point = "." if len(history) == 1 else ""  # a single one is not visible as a line
    plain: dict[str, Any] = {
        "linestyle": ("-", *STYLES)[turn % (1 + len(STYLES))],
        "marker": point,
    }

    def curve(axes: Axes, column: str, **how: Any) -> None:
        points = history.points(column, over)
        if points:
            axes.plot(*zip(*points, strict=True), **how)

    if number is None:
        plain["linewidth"] = 1.8
    elif history.best is None:
        plain = marks
    else:
        plain |= {"linewidth": 1.0, "alpha": 0.7}
    curve(loss, "train_bits", color=color, label="training", **plain)
    curve(loss, "val_bits", color=measured, label="validation", linewidth=1.8, **marks)
    best = min(history.points("val_bits", over), key=lambda point: point[1], default=None)
    if best is not None and history.best is not None:
        step, bits = history.best
        loss.plot(
            *best,
            color=measured,
            marker="*",
            markersize=13,
            markeredgecolor="black",
            linestyle="none",
            zorder=4,
            clip_on=False,
            label=f"best validation: {bits:.3f} at step {step:,}",
        )
    for axes, column in ((rate, "learning_rate"), (speed, "characters_per_second")):
        line = "-" if number is None else marks["linestyle"]
        curve(axes, column, color=color, linewidth=1.2, linestyle=line, marker=point)


def _set_axes(loss: Axes, rate: Axes, speed: Axes, runs: list[History], over: str) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullLocator

    per = "byte" if all(history.unit == "byte" for history in runs) else "character"
    scale = scale_of(h.points(column, over) for h in runs for column in ("train_bits", "val_bits"))
    loss.set_ylabel(f"loss in bits per {per}")
    if scale is not None and scale.high > scale.low:
        if scale.logarithmic:
            loss.set_yscale("log")
            loss.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
            loss.yaxis.set_major_formatter("{x:g}")
            loss.yaxis.set_minor_locator(NullLocator())
            room = (scale.high / scale.low) ** 0.05
            loss.set_ylim(scale.low / room, scale.high * room)
        else:
            room = 0.05 * (scale.high - scale.low)
            loss.set_ylim(scale.low - room, scale.high + room)
    # what all runs have in common
    titles = [part[0] for part in zip(*(h.title for h in runs), strict=True) if len({*part}) == 1]
    title = printable(" · ".join(filter(None, titles)))
    loss.set_title(title, loc="left", fontsize=10.5, parse_math=False, pad=10)
    rate.set_title("learning rate", loc="left", fontsize=9)
    speed.set_title(f"{per}s per second", loc="left", fontsize=9)
    loss.set_xlabel("steps" if over == "step" else f"{per}s seen")
    last = max(history.records[-1][over] for history in runs)
    for axes in (loss, rate, speed):
        axes.xaxis.set_major_formatter("{x:,.0f}" if last < 1e5 else EngFormatter(sep=""))
        axes.grid(alpha=0.3, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    loss.set_xlim(0, 1.02 * last or 1)
    for axes in (rate, speed):
        axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.yaxis.set_major_formatter(EngFormatter(sep="") if axes is speed else "{x:g}")
        axes.tick_params(labelsize=8)
    _add_epochs(loss, runs, over)


def _add_epochs(loss: Axes, runs: list[History], over: str) -> None:
    """A second axis, of epochs, where these are equally long in all runs."""
    lengths = set()
    for history in runs:
        epochs, amount = history.per_step("epoch"), history.per_step("characters")
        whole = 1.0 if over == "step" else amount
        lengths.add(None if epochs is None or whole is None else float(f"{epochs / whole:.4g}"))
    if len(lengths) > 1 or None in lengths:
        return
    (epoch,) = lengths

    def to_epochs(x: Any) -> Any:
        return x * epoch

    def from_epochs(x: Any) -> Any:
        return x / epoch

    above = loss.secondary_xaxis("top", functions=(to_epochs, from_epochs))
    above.set_xlabel("epochs", color=_GREY)
    above.tick_params(colors=_GREY)
    above.spines["top"].set_color(_GREY)


def _add_labels(figure: Figure, loss: Axes, runs: dict[str, History]) -> None:
    """The labels of several runs, beside the axes: the lowest loss first."""
    from matplotlib.lines import Line2D

    curves = [c for c in loss.get_lines() if c.get_label() in ("training", "validation")]
    losses, handles = {}, {}
    curve = iter(curves)
    for name, history in runs.items():
        own = [next(curve) for column in ("train_bits", "val_bits") if history.points(column)]
        train = history.points("train_bits")
        bits = history.best[1] if history.best else train[-1][1] if train else None
        losses[name] = bits
        handles[name] = own[-1] if own else Line2D([], [])
    order = sorted(runs, key=lambda name: (losses[name] is None, losses[name] or 0.0))
    validated = any(history.best for history in runs.values())
    labels = []
    for name in order:
        told = "" if losses[name] is None else f"  {losses[name]:.3f}"
        other = " in training" if validated and told and not runs[name].best else ""
        labels.append(f"{name}{told}{other}")
    columns = -(-len(labels) // _COLUMN)
    width, height = figure.get_size_inches()
    widest = max(map(len, labels))
    figure.set_size_inches(width + columns * (0.6 + 0.09 * widest), height)
    # matplotlib leaves out labels that begin with _, so that the real ones are set afterwards
    legend = figure.legend(
        [handles[name] for name in order],
        ["x" * len(label) for label in labels],
        loc="outside right upper",
        ncols=columns,
        frameon=False,
        fontsize=9,
        handlelength=3,
        title="lowest validation loss (★)\nthin lines: training" if validated else "training loss",
        title_fontsize=8,
        alignment="left",
    )
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)
        text.set_parse_math(False)  # a $ would begin a formula
