# SPDX-License-Identifier: MIT
"""The command ``gru-ext sample``."""

from __future__ import annotations

import argparse


def run(arguments: argparse.Namespace) -> None:
    """Print text that a model generates."""
    from gru_ext.model.model import load
    from gru_ext.model.sampling import sample_chunks

    model = load(arguments.model)
    chunks = sample_chunks(
        model.parameters,
        model.vocabulary,
        arguments.length,
        arguments.prompt,
        arguments.temperature,
        arguments.seed,
        separator=model.separator,
    )
    first = next(chunks, "")  # a bad prompt is reported before anything is printed
    print(arguments.prompt + first, end="", flush=True)
    for chunk in chunks:
        print(chunk, end="", flush=True)
    print()
