# SPDX-License-Identifier: MIT
"""The command ``gru-ext evaluate``."""

from __future__ import annotations

import argparse


def run(arguments: argparse.Namespace) -> None:
    """Print how well a model predicts texts."""
    import json
    import math

    from gru_ext.model.model import load

    model = load(arguments.model)
    result = model.evaluate(arguments.texts, arguments.encoding, arguments.join)
    figures = {
        name: getattr(result, name)
        for name in ("nats_per_char", "bits_per_char", "perplexity", "characters")
    }
    if arguments.json:
        finite = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        print(json.dumps(finite))
    else:
        for name, value in figures.items():
            print(name, f"{value:.6g}" if isinstance(value, float) else value)
