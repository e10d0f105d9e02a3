# SPDX-License-Identifier: MIT
"""The trials of a search in lines of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from gru_ext.arguments.messages import brief, counted
from gru_ext.reporting.table import as_amount, as_clock
from gru_ext.tuning.trial import TuneResult, TuneTrial

_MOST_ROWS = 50
_HEADINGS = (
    ("hidden", "size"),
    ("", "layers"),
    ("drop-", "out"),
    ("learning", "rate"),
    ("batch", "size"),
    ("seq.", "length"),
    ("", "epochs"),
    ("loss,", "bits"),
    ("speed,", "char/s"),
    ("", "end"),
)
_WIDTHS = (6, 6, 5, 8, 5, 6, 6, 6, 6, 8)


def result_lines(result: TuneResult) -> list[str]:
    """The table, and the command that trains the best trial's model."""
    lines = table(result.trials)
    promising = result.promising
    if promising is not None:
        lines.append(
            f"trial {promising.number + 1} was not finished, but already better than the best: "
            f"search for longer"
        )
    return [*lines, f"use: {result.command}"] if result.finished else lines


def table(trials: Sequence[TuneTrial]) -> list[str]:
    """The trials, the best first; a pruned trial's loss is that where it was stopped."""
    shown = sorted(trials, key=lambda trial: trial.rank)[:_MOST_ROWS]
    headings = list(zip(*_HEADINGS, strict=True))
    lines = [_line(cells) for cells in (*headings, *map(_cells, shown))]
    if len(trials) > len(shown):
        lines.append(f"and {counted(len(trials) - len(shown), 'more trial')}")
    return lines


def _cells(trial: TuneTrial) -> tuple[str, ...]:
    sizes = trial.sizes
    return (
        str(sizes["hidden_size"]),
        str(sizes["layers"]),
        f"{sizes['dropout']:g}",
        f"{sizes['learning_rate']:.3g}",
        str(sizes["batch_size"]),
        str(sizes["seq_length"]),
        _epochs(trial.epochs),
        _bits(trial.bits),
        "" if trial.characters_per_second is None else as_amount(trial.characters_per_second),
        trial.state,
    )


def _line(cells: Sequence[str]) -> str:
    pairs = zip(cells, _WIDTHS, strict=True)
    return "  ".join(f"{cell:>{width}}" for cell, width in pairs).rstrip()


def trial_line(trial: TuneTrial, trials: int) -> str:
    """What is printed when a trial ends."""
    sizes, ended = trial.sizes, str(trial.state)
    if trial.state == "failed":
        ended = f"failed: {brief(trial.error)}"
    elif trial.bits is not None:
        ended = f"{_bits(trial.bits)} bits" + ("" if ended == "finished" else f", {ended}")
    number = f"{trial.number + 1:>{len(str(trials))}}/{trials}"
    return (
        f"{number} {sizes['hidden_size']}x{sizes['layers']}, dropout {sizes['dropout']:g}, "
        f"rate {sizes['learning_rate']:.2g}, {_epochs(trial.epochs)} epochs, "
        f"{as_clock(trial.seconds)}: {ended}"
    )


def _epochs(epochs: float) -> str:
    return f"{epochs:.3g}" if epochs < 1000 else f"{epochs:,.0f}"


def _bits(bits: float | None) -> str:
    return "" if bits is None else f"{bits:.4f}"
