# SPDX-License-Identifier: MIT
"""Draw the chart of a benchmark's page from the tables of the page.

python -m bench.charts docs/explanation/benchmarks.md docs/pictures/benchmarks.svg
"""

import argparse
import os
import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from bench.dark import with_dark_colors

OURS, OTHER, REST = "#0072B2", "#56B4E9", "#595959"
"""The colours of gru_ext, of the other libraries (as in gru_ext.reporting.plot) and of numbers."""
_PANELS = 2  # beside each other
SPLIT = "--split tail"
COMMAND = f"gru-ext train input.txt {SPLIT}"
"""What the commands on the page of training runs begin with."""


@dataclass(frozen=True)
class Bar:
    """An implementation in a case; `speedup` is that of gru_ext over it."""

    label: str
    characters_per_second: float
    speedup: str
    is_variant: bool


def tables(page):
    """The tables of a page with the headings above them: (heading, lists of cells by line)."""
    heading, found = "", []
    for block in re.split(r"\n{2,}", page):
        lines = block.strip().splitlines()
        if lines and lines[0].startswith("#"):
            heading = lines[0].lstrip("# ")
        elif lines and lines[0].startswith("|"):
            rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
            found.append((heading, [rows[0], *rows[2:]]))
    return found


def speeds(page):
    """The bars of each case in which gru_ext is compared with other libraries."""
    cases = {}
    for heading, (head, *rows) in tables(page):
        if "speedup of gru_ext" in head:
            rate, speedup = head.index("rate"), head.index("speedup of gru_ext")
            cases[heading] = [
                Bar(
                    row[0].partition(":")[0],
                    _number(row[rate]),
                    row[speedup].partition(" ")[0],
                    "a different variant" in row[0],
                )
                for row in rows
                if row[rate].endswith("char/s")
            ]
    return {heading: bars for heading, bars in cases.items() if len(bars) > 1}


def _number(rate):
    """The number of a rate such as ``12.6 k char/s``."""
    number, *prefix, _ = rate.split()
    return float(number) * {"": 1, "k": 1e3, "M": 1e6}["".join(prefix)]


def draw_speeds(page):
    """The rates of all libraries as horizontal bars, a panel for each case."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, MaxNLocator

    cases = speeds(page)
    if not cases:
        sys.exit("bench: no case compares gru_ext with another library, so there is no chart")
    count = -(-len(cases) // _PANELS)
    most = max(map(len, cases.values()))
    figure = Figure(figsize=(7.2, 0.24 * count * (most + 3.4)), layout="constrained")
    panels = iter(figure.subplots(count, _PANELS, squeeze=False).flat)
    for heading, bars in cases.items():
        panel = next(panels)
        labels = [f"{bar.label} *" if bar.is_variant else bar.label for bar in bars]
        rates = [bar.characters_per_second for bar in bars]
        colors = [OTHER if bar.speedup else OURS for bar in bars]
        panel.barh(range(len(bars)), rates, color=colors, height=0.72)
        for i, bar in enumerate(bars):
            rate = f"{bar.characters_per_second / 1000:.3g}k"
            panel.annotate(
                f"{rate} · {bar.speedup}×" if bar.speedup else rate,
                (rates[i], i),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=REST,
            )
        panel.set_yticks(range(len(bars)), labels, fontsize=8)
        panel.set_ylim(most - 0.4, -0.6)
        panel.set_xlim(0, 1.45 * max(rates))
        panel.set_title(_title(heading), loc="left", x=-0.4, fontsize=8.5)
        panel.xaxis.set_major_locator(MaxNLocator(4))
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.tick_params(axis="x", labelsize=8, colors=REST)
        panel.tick_params(axis="y", length=0)
        panel.spines[["top", "right", "left"]].set_visible(False)
    for panel in panels:
        panel.set_visible(False)
    variant = any(bar.is_variant for bars in cases.values() for bar in bars)
    figure.supxlabel(
        "characters per second · 2× says that gru_ext is twice as fast"
        + " · * a different variant of the GRU" * variant,
        fontsize=9,
        color=REST,
    )
    return figure


def _title(heading):
    """The heading of a case in two lines: what is measured, and how."""
    name, _, about = heading.partition(": ")
    what, _, how = about.partition(", ")
    return f"{what} ({name})\n{how}"


def losses(page):
    """The options, seconds and validation loss of the model of each run."""
    head, *rows = next(rows for _, rows in tables(page) if {"command", "s", "model"} <= {*rows[0]})
    columns = [head.index(name) for name in ("command", "s", "model")]
    runs = ([row[column] for column in columns] for row in rows)
    return [
        (command.strip("`").removeprefix(COMMAND).strip(), float(s), float(best))
        for command, s, best in runs
    ]


def _unbroken(options):
    """The options with spaces at which a line is broken only before the next one."""
    return re.sub(" (?!--)", "\N{NO-BREAK SPACE}", options) or "default\N{NO-BREAK SPACE}options"


def draw_losses(page):
    """The validation loss of the models of runs over the seconds that they take."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    axes = figure.subplots()
    runs = losses(page)
    axes.plot(*zip(*(run[1:] for run in runs), strict=True), "o", color=OURS, markersize=7)
    for i, (options, s, best) in enumerate(runs):
        below = i % 2 == 0  # so that neighbours have room
        axes.annotate(
            textwrap.fill(_unbroken(options), 32, break_on_hyphens=False),
            (s, best),
            (5 if i and below else -5, -8 if below else 8),
            textcoords="offset points",
            va="top" if below else "bottom",
            ha="right" if i and below else "left",
            fontsize=8,
            color=REST,
        )
    axes.set_xscale("log")
    axes.margins(x=0.1, y=0.36)
    axes.set_xlabel("seconds of the whole command")
    axes.set_ylabel("validation loss of the model in bits per character")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


CHARTS = {"# Benchmarks": draw_speeds, "# What loss to expect": draw_losses}
"""What draws the chart of a page with this first line."""


def check_chart(path):
    """End the program, before anything is measured, if the chart cannot be written."""
    from gru_ext.reporting.plot import check_plot

    try:
        check_plot(path)
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"bench: {error}")


def chart_link(chart, page):
    """The Markdown of the chart in a page, or nothing where one of them is not written."""
    if not (chart and page):
        return ""
    link = os.path.relpath(chart, Path(page).parent).replace(os.sep, "/")
    return f"![The figures of the tables as a chart]({link})"


def write_chart(page, path):
    """Draw the chart of a page that is given as text."""
    from matplotlib import rc_context

    draw = CHARTS[page.partition("\n")[0]]
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with rc_context({"svg.hashsalt": "gru_ext", "svg.fonttype": "none"}):
        draw(page).savefig(path, dpi=150, metadata=undated.get(Path(path).suffix.lower()))
    if Path(path).suffix.lower() == ".svg":
        chart = Path(path).read_text(encoding="utf-8")
        Path(path).write_text(with_dark_colors(chart), encoding="utf-8", newline="\n")


def main():
    """Draw the chart of a page."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.charts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("page", type=Path, help="benchmarks.md or baselines.md of docs/explanation")
    parser.add_argument("chart", type=Path, help="the picture to write, .svg, .png or .pdf")
    args = parser.parse_args()
    check_chart(args.chart)
    write_chart(args.page.read_text(encoding="utf-8"), args.chart)


if __name__ == "__main__":
    main()
