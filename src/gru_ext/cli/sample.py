# SPDX-License-Identifier: MIT
"""The command ``gru-ext sample``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gru_ext.cli.output import ModelOutput

if TYPE_CHECKING:
    from gru_ext.model.model import Model


def run(arguments: argparse.Namespace) -> None:
    """Print text that a model generates."""
    from gru_ext.model.model import load

    model = load(arguments.model)
    output = ModelOutput(arguments.encoding)
    prompt = _prompt(arguments, model.vocabulary.units)
    parts = _parts(model, prompt, arguments)
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


def _parts(model: Model, prompt: Any, arguments: argparse.Namespace) -> Iterator[Any]:
    """What follows the prompt, a part at a time: as bytes for a model of bytes."""
    from gru_ext.model.sampling import sample_symbols

    vocabulary = model.vocabulary
    for symbols in sample_symbols(
        model.parameters,
        vocabulary,
        arguments.length,
        prompt,
        arguments.temperature,
        arguments.seed,
        separator=model.separator,
    ):
        if vocabulary.units == "bytes":
            yield vocabulary.to_bytes(symbols)
        else:
            yield vocabulary.decode(symbols)
