# SPDX-License-Identifier: MIT
"""The command ``gru-ext import``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gru_ext.arguments.messages import counted, printable
from gru_ext.cli.export import check_output

if TYPE_CHECKING:
    from gru_ext.text.vocabulary import Vocabulary


def run(arguments: argparse.Namespace) -> None:
    """Write a model file from a file of another program."""
    from gru_ext.export.importing import load

    path = arguments.output
    check_output(path, arguments.file, arguments.force)
    model = load(arguments.file, _vocabulary(arguments))
    model.save(path)
    unit = {"chars": "character", "bytes": "byte"}[model.vocabulary.units]
    known = counted(len(model.vocabulary), unit)
    print(printable(f"wrote {path}: {known}, {model.parameters.sizes}, {model.dtype}"))


def _vocabulary(arguments: argparse.Namespace) -> Vocabulary | None:
    """The vocabulary that the command line gives; None where it gives none."""
    from gru_ext.text.reader import TextReader
    from gru_ext.text.vocabulary import Vocabulary

    if arguments.vocabulary is None:
        return None
    if arguments.vocabulary == "bytes":
        return Vocabulary.from_text("any", "bytes")
    pieces = TextReader([arguments.vocabulary], "chars", arguments.encoding).pieces()
    return Vocabulary("".join(str(piece) for piece in pieces))
