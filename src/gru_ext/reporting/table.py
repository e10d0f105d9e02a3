# SPDX-License-Identifier: MIT
"""The progress lines of a run as a table that fits the terminal."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gru_ext.reporting.progress import Progress

SCREEN = 22
"""The lines after which the heading has left a terminal of 24 lines, and is repeated."""


@dataclass(frozen=True)
class Column:
    """A column: two lines of heading, the cell, and how soon a narrow terminal does without it."""

    title: str
    unit: str
    cell: str
    width: int = 0
    rank: int = 0  # the highest one is left out first, 0 never

    @property
    def wide(self) -> int:
        """The characters that it takes."""
        return max(self.width, *map(len, (self.title, self.unit, self.cell)))


class Table:
    """Formats progress lines: a row each, with a heading before the first.

    The heading comes again where it has left the screen, or where the terminal was resized so that
    the columns are others.

    Parameters
    ----------
    unit : {"character", "byte"}
        What the model reads and writes.
    validates : bool
        Whether there are validation losses.
    """

    def __init__(self, unit: str = "character", validates: bool = True) -> None:
        self._per = "byte" if unit == "byte" else "char"
        self._validates = validates
        self._shown: list[str] = []  # the titles of the last heading
        self._printed = 0  # what was printed when it was

    def lines(
        self, progress: Progress, best: bool, left: float | None, columns: int, printed: int = 0
    ) -> str:
        """The row of a progress line, with the heading above it where that is due.

        Parameters
        ----------
        progress : Progress
        best : bool
            Whether the validation loss is the best so far, which is marked.
        left : float, optional
            The seconds that the rest of the run will take.
        columns : int
            The width of the terminal in characters.
        printed : int
            The lines that were printed before.
        """
        chosen = _fitting(self._columns(progress, best, left), columns)
        row = _line([(c.cell, c.wide) for c in chosen])
        titles = [column.title for column in chosen]
        if titles == self._shown and printed - self._printed < SCREEN:
            return row
        self._shown, self._printed = titles, printed
        names = _line([(column.title, column.wide) for column in chosen])
        units = _line([(column.unit, column.wide) for column in chosen])
        again = [""] if printed > SCREEN else []
        return "\n".join([*again, names, units, row])

    def _columns(self, progress: Progress, best: bool, left: float | None) -> list[Column]:
        per, epochs = self._per, progress.epoch / progress.step * progress.steps
        loss, step = f"bits/{per}", f"{progress.step:,}"
        found = [
            Column("step", "", step, len(f"{progress.steps:,}")),
            Column("epoch", "", f"{progress.epoch:.2f}", len(f"{epochs:.2f}"), 4),
            Column("train", loss, _bits(progress.train_bits)),
        ]
        if self._validates:
            mark = "*" if best else " "
            cell = f"{_bits(progress.val_bits)} {mark}"
            found.append(Column("validation", f"{loss}  ", cell))
        speed = progress.characters_per_second
        return [
            *found,
            Column("learning", "rate", f"{progress.learning_rate:.2e}", 0, 5),
            Column("speed", f"{per}/s", "" if speed is None else as_amount(speed), 5, 3),
            Column("time", "left", "" if left is None else as_clock(left), 7, 2),
        ]


def _fitting(columns: list[Column], width: int) -> list[Column]:
    """The columns without those that a terminal of this width has no place for."""
    chosen = list(columns)
    while len(_line([("", c.wide) for c in chosen], strip=False)) > width:
        least = max(chosen, key=lambda column: column.rank)
        if not least.rank:
            break
        chosen.remove(least)
    return chosen


def _line(cells: list[tuple[str, int]], strip: bool = True) -> str:
    line = "  ".join(f"{text:>{width}}" for text, width in cells)
    return line.rstrip() if strip else line


def _bits(bits: float | None) -> str:
    return "" if bits is None else f"{bits:.3f}"


def as_amount(number: float) -> str:
    """A number with three digits and the prefix of a unit: ``812k``, ``1.20M``."""
    prefix = ""
    for prefix in ("", "k", "M", "G", "T"):
        if abs(number) < 999.5 or prefix == "T":
            break
        number /= 1000
    digits = 0 if not prefix and number == round(number) else max(0, 2 - _magnitude(number))
    return f"{number:.{digits}f}{prefix}"


def _magnitude(number: float) -> int:
    """The power of ten of a number's first digit, as it is rounded to three digits."""
    return math.floor(math.log10(float(f"{abs(number):.3g}"))) if number else 0


def as_clock(seconds: float) -> str:
    """A duration: ``0:07``, ``12:34``, ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
