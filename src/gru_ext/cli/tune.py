# SPDX-License-Identifier: MIT
"""The command ``gru-ext tune``."""

from __future__ import annotations

import argparse
import sys

from gru_ext.arguments.messages import counted, printable
from gru_ext.cli.options import given_options
from gru_ext.tuning.options import TuneOptions


def run(arguments: argparse.Namespace) -> None:
    """Search for the sizes that suit texts."""
    from gru_ext.tuning.tune import TuneInterrupted, tune

    options = given_options(TuneOptions, arguments)
    try:
        result = tune(arguments.texts, **options.given())
    except TuneInterrupted as stopped:
        finished = sum(trial.state == "finished" for trial in stopped.result.trials)
        told = f"gru-ext: interrupted after {counted(finished, 'finished trial')}"
        print(told, file=sys.stderr, flush=True)
        if stopped.result.trials:
            _print(repr(stopped.result), arguments.output)
        raise
    _print(repr(result), arguments.output)


def _print(table: str, output: str | None) -> None:
    for line in table.split("\n"):
        print(printable(line))
    if output is not None:
        print(printable(f"wrote {output}: all trials"))
