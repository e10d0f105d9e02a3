# SPDX-License-Identifier: MIT
"""The command ``gru-ext sample``."""

from __future__ import annotations

import argparse
from typing import Any

from gru_ext.cli.output import ModelOutput


def run(arguments: argparse.Namespace) -> None:
    """Print text that a model generates."""
    from gru_ext.model.model import load

    model = load(arguments.model)
    output = ModelOutput(arguments.encoding)
    prompt = _prompt(arguments, model.vocabulary.units)
    parts = model.iter_sample(arguments.length, prompt, arguments.temperature, arguments.seed)
    first = next(parts, prompt[:0])  # a bad prompt is reported before anything is printed
    output.write(prompt + first)
    for part in parts:
        output.write(part)
    output.end(line=model.vocabulary.units == "chars")


def _prompt(arguments: argparse.Namespace, units: str) -> Any:
    """The prompt as a str, or as bytes for a model of bytes."""
    from gru_ext.text.reader import TextReader
    from gru_ext.text.units import utf8

    if arguments.prompt_file is None:
        return utf8(arguments.prompt, name="`prompt`") if units == "bytes" else arguments.prompt
    pieces: Any = TextReader([arguments.prompt_file], units, arguments.encoding).pieces()
    return (b"" if units == "bytes" else "").join(pieces)
