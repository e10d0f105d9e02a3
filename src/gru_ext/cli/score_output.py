# SPDX-License-Identifier: MIT
"""What ``gru-ext score`` prints: columns for people, columns with tabs, JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from gru_ext.arguments.messages import printable
from gru_ext.cli.columns import columns, output_width, shortened
from gru_ext.cli.options import ScoreOptions
from gru_ext.cli.units import Unit

_LONGEST_NAME = 30
_CELL = 6
_WIDTH_OF_A_PIPE = 80


class Printer(Protocol):
    """A format: it prints a unit at a time."""

    def unit(self, unit: Unit) -> None: ...


def printer_of(options: ScoreOptions, names: Sequence[str], by: str, units: str) -> Printer:
    """The format that the options ask for."""
    if options.json:
        return _Json(options.per_character)
    if options.tsv:
        return _CharacterTable() if options.per_character else _Table()
    return _Lines(names, by, units, options.per_character)


def _characters(unit: Unit) -> Iterator[str]:
    """The characters of a unit that are kept, printable; bytes beyond ASCII escaped."""
    for c in unit.begin if isinstance(unit.begin, str) else map(chr, unit.begin):
        yield printable(c) if isinstance(unit.begin, str) or c.isascii() else f"\\x{ord(c):02x}"


def _text(unit: Unit) -> str:
    begin = unit.begin
    return begin if isinstance(begin, str) else begin.decode("utf-8", "replace")


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


class _Lines:
    """Columns for people: bits per character, the place, the text."""

    def __init__(self, names: Sequence[str], by: str, units: str, per_character: bool) -> None:
        self._by, self._several = by, len(names) > 1
        self._per_character = per_character
        self._width = output_width() or (None if by == "line" else _WIDTH_OF_A_PIPE)
        shown = [shortened(printable(name), _LONGEST_NAME) for name in names]
        longest = max(map(len, shown))
        if by == "file":
            self._place, head = longest, "file"
        else:
            self._place, head = (longest + 7 if self._several else 6), "line"
        print(f"bits/{'byte' if units == 'bytes' else 'char'}  {head:>{self._place}}  text")

    def unit(self, unit: Unit) -> None:
        value = unit.bits_per_char
        mean = "-" if math.isnan(value) else f"{value:.2f}"
        name = shortened(printable(unit.file), _LONGEST_NAME)
        place = name if self._by == "file" else f"{unit.line}"
        if self._several and self._by != "file":
            place = f"{name}:{place}"
        start = f"{mean:>9}  {place:>{self._place}}  "
        width = None if self._width is None else max(10, self._width - len(start))
        text = _text(unit).rstrip("\n")
        if width is not None:
            text = text[: width + 1]  # enough for what is shown
        print((start + shortened(printable(text), width)).rstrip())
        if self._per_character:
            self._cells(unit)

    def _cells(self, unit: Unit) -> None:
        """The characters of a unit and their bits, in two rows."""
        count = max(1, (self._width or _WIDTH_OF_A_PIPE) // _CELL)
        cells = list(zip(_characters(unit), unit.costs.tolist(), strict=True))
        for start in range(0, len(cells), count):
            row = cells[start : start + count]
            names = ("" if name == " " else name for name, _ in row)
            print("".join(" " * (_CELL - sum(map(columns, name))) + name for name in names))
            bits = ("-" if math.isnan(cost) else f"{cost:.2f}" for _, cost in row)
            print("".join(f"{cost:>{_CELL}}" for cost in bits))
        print()


class _Table:
    """A line for each unit, with tabs between its figures."""

    def __init__(self) -> None:
        print("bits_per_char", "bits", "characters", "unknown", "file", "line", "text", sep="\t")

    def unit(self, unit: Unit) -> None:
        text = printable(_text(unit).rstrip("\n").replace("\\", "\\\\"))
        figures = _number(unit.bits_per_char), _number(unit.bits), unit.characters, unit.unknown
        print(*figures, printable(unit.file), unit.line, text, sep="\t")


class _CharacterTable:
    """A line for each character, with tabs between its figures."""

    def __init__(self) -> None:
        print("bits", "file", "line", "column", "character", sep="\t")

    def unit(self, unit: Unit) -> None:
        line, column = unit.line, 1
        for character, cost in zip(_characters(unit), unit.costs.tolist(), strict=True):
            shown = "\\\\" if character == "\\" else character
            print(_number(cost), printable(unit.file), line, column, shown, sep="\t")
            line, column = (line + 1, 1) if character == "\\n" else (line, column + 1)


class _Json:
    """A JSON object for each unit."""

    def __init__(self, per_character: bool) -> None:
        self._per_character = per_character

    def unit(self, unit: Unit) -> None:
        mean = unit.bits_per_char
        said: dict[str, object] = {
            "file": unit.file,
            "line": unit.line,
            "bits_per_char": mean if math.isfinite(mean) else None,
            "bits": unit.bits if math.isfinite(unit.bits) else None,
            "characters": unit.characters,
            "unknown": unit.unknown,
            "text": _text(unit),
        }
        if self._per_character:
            known = np.isfinite(unit.costs).tolist()
            costs = zip(unit.costs.tolist(), known, strict=True)
            said["character_bits"] = [cost if finite else None for cost, finite in costs]
        print(json.dumps(said))
