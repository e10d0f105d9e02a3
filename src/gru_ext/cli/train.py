# SPDX-License-Identifier: MIT
"""The command ``gru-ext train``."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

from gru_ext.arguments.messages import as_size, printable
from gru_ext.cli.options import DEFAULT_MODEL

if TYPE_CHECKING:
    from gru_ext.model.model import Model
    from gru_ext.training.interrupts import TrainingInterrupted


def run(arguments: argparse.Namespace) -> None:
    """Train a model on texts. Of several processes, that of rank 0 alone prints."""
    from gru_ext.distributed.launched import launched
    from gru_ext.training.interrupts import TrainingInterrupted
    from gru_ext.training.train import train

    rank = launched().rank
    options = vars(arguments).copy()
    del options["command"]
    if options["output"] is None:
        options["output"] = "gru_weights.data" if arguments.classic else DEFAULT_MODEL
    try:
        model = train(options.pop("texts"), **options)
    except TrainingInterrupted as stopped:
        if rank:
            raise
        print(f"gru-ext: {printable(_stopped(stopped, options))}", file=sys.stderr, flush=True)
        raise
    except Exception:
        if rank:
            raise SystemExit(2) from None
        raise
    if not arguments.quiet and not arguments.classic and rank == 0:
        for line in _written(model, options):
            print(printable(line))


def _stopped(stopped: TrainingInterrupted, options: dict[str, Any]) -> str:
    """Where a run was interrupted, and how it is continued."""
    of = "" if stopped.steps is None else f" of {stopped.steps:,}"
    what, how = "model", "--resume"
    if options["classic"]:
        what, how = "weights", "the same command"
    return (
        f"interrupted at step {stopped.step or 0:,}{of}; {what} in {options['output']}, "
        f"continue with {how}"
    )


def _written(model: Model, options: dict[str, Any]) -> list[str]:
    """The files that a run has written, and what to do next with the model."""
    from gru_ext.training.state_files import state_path

    output, about = options["output"], model.about
    best = "validation" in about and about["options"].get("keep") != "last"
    weights = f"the weights of step {about['step']:,}, the {'best' if best else 'last'}"
    state = state_path(output)
    folder = shlex.quote(str(options["tensorboard"]))
    lines = [
        f"wrote {path} ({as_size(os.path.getsize(path))}): {what}"
        for path, what in ((output, weights), (state, "the state, for --resume"))
    ]
    lines += [
        f"wrote {options[name]}: {what}"
        for name, what in (
            ("metrics", "the numbers of all lines"),
            ("plot", "the picture of the run"),
            ("tensorboard", f"look at it with tensorboard --logdir {folder}"),
        )
        if options[name] is not None and os.path.exists(options[name])
    ]
    return [*lines, f"next: {shlex.join(['gru-ext', 'sample', str(output)])}"]
