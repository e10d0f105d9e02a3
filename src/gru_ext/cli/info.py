# SPDX-License-Identifier: MIT
"""The command ``gru-ext info``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gru_ext.arguments.messages import brief, counted, is_mark

if TYPE_CHECKING:
    from gru_ext.text.vocabulary import Vocabulary

# What a file may say in a line.
_LONGEST = 1000


def run(arguments: argparse.Namespace) -> None:
    """Describe a model file, or this installation."""
    if arguments.model is None:
        from gru_ext.core.config import show_config

        show_config()
        return

    from gru_ext.model.checkpoint import read
    from gru_ext.model.parameters import shapes

    data = read(arguments.model)
    V, H = data.vocabulary_size, data.hidden_size
    about = data.metadata
    options = about.get("options")
    tied = V * H if isinstance(options, dict) and options.get("tied") is True else 0
    parameters = sum(rows * columns for rows, columns in shapes(V, H, data.layers).values())
    script = "the original script, or numpy.savez"
    lines = {
        "file": arguments.model,
        "written by": f"gru-ext {brief(about.get('version'))}" if about else script,
        "format": about.get("format", "none"),
        "hidden size": H,
        "layers": data.layers,
        "dtype": data.weights["Wz"].dtype,
        "parameters": parameters - tied,
        "vocabulary": _described(data.vocabulary)
        or f"{counted(V, 'character')}, not named in the file",
        "steps": about.get("step", "unknown"),
    }
    if about.get("document_separator") is not None:
        lines["document separator"] = repr(about["document_separator"])
    if isinstance(options, dict):
        lines["optimizer"] = options.get("optimizer", "unknown")
        lines["options"] = ", ".join(
            f"{name} {brief(value)}"
            for name, value in options.items()
            if name not in ("optimizer", "hidden_size", "layers", "dtype")
        )
    validation = about.get("validation")
    if isinstance(validation, dict):
        lines["validation loss"] = f"{validation.get('nats_per_char')} nats per character"
    lines["can be resumed"] = "yes" if data.memory is not None else "no"
    for name, value in lines.items():
        print(f"{name}: {brief(value, _LONGEST)}")


def _described(vocabulary: Vocabulary | None) -> str:
    if vocabulary is None:
        return ""
    if vocabulary.units == "bytes":
        return f"{len(vocabulary)} bytes"
    unknown = "; U+FFFD is the unknown token" if vocabulary.unknown else ""
    characters = "".join(ascii(c)[1:-1] if is_mark(c) else c for c in repr(vocabulary.characters))
    return f"{counted(len(vocabulary), 'character')}: {characters}{unknown}"
