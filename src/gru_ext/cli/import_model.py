# SPDX-License-Identifier: MIT
"""The command ``gru-ext import``."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from gru_ext.arguments.messages import counted, printable

if TYPE_CHECKING:
    from gru_ext.text.vocabulary import Vocabulary


def run(arguments: argparse.Namespace) -> None:
    """Write a model file from a file of another program."""
    from gru_ext.export.importing import load

    path = arguments.output
    if os.path.exists(path) and not arguments.force:
        raise FileExistsError(
            f"{path} exists: replace it with `force`, or name another with `output`"
        )
    model = load(arguments.file, _vocabulary(arguments))
    model.save(path)
    parameters = model.parameters
    print(
        printable(
            f"wrote {path}: {counted(len(model.vocabulary), 'character')}, {parameters.sizes}, "
            f"{parameters.dtype}"
        )
    )


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
