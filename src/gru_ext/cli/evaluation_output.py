# SPDX-License-Identifier: MIT
"""What ``gru-ext evaluate`` prints for people: words for one model and text, or else a table."""

from __future__ import annotations

from collections.abc import Sequence

from gru_ext.arguments.messages import counted, printable
from gru_ext.cli.columns import columns
from gru_ext.cli.comparisons import XZ_MOST
from gru_ext.cli.evaluations import Row


def _unit(row: Row) -> str:
    return "byte" if row.text.units == "bytes" else "character"


def print_one(row: Row) -> None:
    """Print one evaluation, and below it what to compare it with."""
    found, text = row.found, row.text
    print(
        f"{found.bits_per_char:.3f} bits per {_unit(row)} (perplexity {found.perplexity:.4g}) "
        f"over {counted(found.characters, _unit(row))}"
    )
    xz = f"not computed: more than {XZ_MOST:,} bytes, or a Python without xz"
    letters = "byte" if text.units == "bytes" else "letter"
    comparisons = {
        "uniform guess": f"{row.uniform_bits:.2f}",
        f"{letters} frequencies": f"{text.letter_frequency_bits:.2f}",
        "xz": xz if text.xz_bits is None else f"{text.xz_bits:.2f}",
    }
    if row.own is not found:
        more = found.bits_per_char - row.own.bits_per_char
        said = f"{row.own.bits_per_char:.3f}; {row.weights} costs {round(more, 4) + 0.0:.4f} more"
        comparisons = {f"{row.own_weights} weights": said, **comparisons}
    elif row.recorded is not None:
        comparisons = {f"cost of {row.weights}": str(row.recorded), **comparisons}
    for name, value in comparisons.items():
        print(f"  {name:18} {value}")


def print_table(rows: Sequence[Row]) -> None:
    """Print several evaluations, a row each, with what to compare them with."""
    mixed = len({row.text.units for row in rows}) > 1
    print(f"bits per {'character or byte' if mixed else _unit(rows[0])}, best first")
    chosen = any(row.own is not row.found for row in rows)
    bytes_only = not mixed and rows[0].text.units == "bytes"
    length = "bytes" if bytes_only else "characters"
    cells = [["model's", "uniform", "letters", "xz", length, "model", "text"]]
    if chosen:
        cells[0].insert(1, "own weights")
    for row in rows:
        xz = row.text.xz_bits
        cells.append(
            [
                f"{row.found.bits_per_char:.3f}",
                f"{row.uniform_bits:.3f}",
                f"{row.text.letter_frequency_bits:.3f}",
                "-" if xz is None else f"{xz:.3f}",
                f"{row.found.characters:,}" + " bytes" * (mixed and row.text.units == "bytes"),
                printable(row.model),
                printable(str(row.text)),
            ]
        )
        if chosen:
            cells[-1].insert(1, f"{row.own.bits_per_char:.3f}")
    left = len(cells[0]) - 2  # from there on there are names
    widths = [max(_columns(line[i]) for line in cells) for i in range(len(cells[0]))]
    for line in cells:
        padded = [
            " " * (width - _columns(cell)) + cell
            if i < left
            else cell + " " * (width - _columns(cell))
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(padded).rstrip())


def _columns(text: str) -> int:
    return sum(map(columns, text))
