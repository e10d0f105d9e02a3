# SPDX-License-Identifier: MIT
"""The command ``gru-ext train``."""

from __future__ import annotations

import argparse

from gru_ext.arguments.messages import printable


def run(arguments: argparse.Namespace) -> None:
    """Train a model on texts."""
    from gru_ext.training.checkpoints import best_path
    from gru_ext.training.train import train

    options = vars(arguments).copy()
    del options["command"]
    if options["output"] is None:
        options["output"] = "gru_weights.data" if arguments.classic else "model.npz"
    model = train(options.pop("texts"), **options)
    if not arguments.quiet and not arguments.classic:
        beside = ""
        if "validation" in model.about:
            beside = f", and the best weights, of step {model.about['step']:,}, to "
            beside += str(best_path(options["output"]))
        print(printable(f"wrote {options['output']}{beside}"))
