# SPDX-License-Identifier: MIT
"""The command ``gru-ext info``."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import textwrap
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gru_ext.arguments.messages import as_size, brief, counted, is_mark, listed, printable
from gru_ext.cli.columns import output_width
from gru_ext.cli.config_file import as_toml

if TYPE_CHECKING:
    from gru_ext.model.checkpoint import Checkpoint
    from gru_ext.text.vocabulary import Vocabulary

# What a file may say in a line.
_LONGEST = 1000


def run(arguments: argparse.Namespace) -> None:
    """Describe a model file, or this installation."""
    if arguments.model is None:
        if arguments.toml:
            raise ValueError("`toml` is for a model: name its file")
        from gru_ext.core.config import get_config, show_config

        if arguments.json:
            print(json.dumps(get_config()))
        else:
            show_config()
        return

    from gru_ext.model.checkpoint import read
    from gru_ext.training.description import describe
    from gru_ext.training.state_files import holds_state

    data = read(arguments.model)
    found = describe(data, None if holds_state(data) else _state_beside(arguments.model))
    status = os.stat(arguments.model)
    written = datetime.fromtimestamp(status.st_mtime).astimezone().isoformat(" ", "seconds")
    about = {"file": arguments.model, "bytes": status.st_size, "written": written, **found}
    if arguments.json:
        print(json.dumps(about))
        return
    if arguments.toml:
        from gru_ext.training.made_from import options_of

        print(_toml(options_of(data), about), end="")
        return
    width = output_width()
    for name, value in _lines(about, data.vocabulary).items():
        line = f"{name}: {brief(value, _LONGEST)}"
        if name == "options" and width is not None:
            line = textwrap.fill(line, width, subsequent_indent="  ")
        print(line)


def _lines(about: dict[str, Any], vocabulary: Vocabulary | None) -> dict[str, object]:
    """The lines of the description, without those of which nothing is known."""
    from gru_ext.model.narrow_cost import NarrowCost

    per = "byte" if about["units"] == "bytes" else "character"
    version = about["version"]
    by = "the original script, or numpy.savez" if version is None else f"gru-ext {brief(version)}"
    lines = {
        "file": f"{about['file']}, {as_size(about['bytes'])}, written {about['written']}",
        "written by": by,
        "hidden size": about["hidden_size"],
        "layers": about["layers"],
        "dtype": about["dtype"],
        "cost of int8": None if about["int8"] is None else str(NarrowCost(**about["int8"])),
        "parameters": f"{about['parameters']:,}",
        "vocabulary": _described(vocabulary)
        or f"{counted(about['vocabulary_size'], per)}, not named in the file",
        "document separator": _quoted(about["document_separator"]),
        "text": _text(about, per),
        "started from": about["init_from"],
        "steps": _steps(about, per),
        "training loss": _loss(about["train_bits"], per, "mean of about the last 1,000 steps"),
        **_validation_losses(about, per),
        "optimizer": (about["options"] or {}).get("optimizer"),
        "options": ", ".join(
            f"{name} {format(value, 'g') if isinstance(value, float) else brief(value)}"
            for name, value in (about["options"] or {}).items()
            if name not in ("optimizer", "hidden_size", "layers", "dtype")
        ),
        "can be resumed": _resumable(about),
        "command": about["command"],
    }
    return {name: value for name, value in lines.items() if value not in (None, "")}


def _toml(options: dict[str, Any], about: dict[str, Any]) -> str:
    """The file for ``gru-ext train --config``: the options by groups, under the command."""
    from gru_ext.training.options import TrainingOptions

    if not options:
        raise ValueError(f"{about['file']} has no record of the options of its run")
    command = shlex.join(["gru-ext", "train", *(about["texts"] or ["TEXT"]), "--config", "FILE"])
    lines = [
        f"# The run of {brief(about['file'], _LONGEST)}, by gru-ext {brief(about['version'])}:",
        f"# {printable(command)}",
        "# The encoding of a text is not recorded: add encoding where it is not UTF-8.",
    ]
    if about["init_from"] and "init_from" not in options:
        lines.append("# It started from a model that had no file: add init-from.")
    group = ""
    for name, option in TrainingOptions.declared().items():
        if name in options:
            if option.group != group:
                group = option.group
                lines.append(f"\n# {group}")
            lines.append(as_toml(name, options[name]))
    return "\n".join(lines) + "\n"


def _state_beside(path: str) -> Checkpoint | None:
    """The training state in the file beside a model file; None where it cannot be read."""
    from gru_ext.model.checkpoint import CheckpointError, read
    from gru_ext.training.state_files import holds_state, state_path

    try:
        data = read(state_path(path))
    except (OSError, CheckpointError):
        return None
    return data if holds_state(data) else None


def _resumable(about: dict[str, Any]) -> str:
    if not about["resumable"]:
        return "no"
    return "yes" if about["state_step"] is None else f"yes, from step {about['state_step']:,}"


def _text(about: dict[str, Any], per: str) -> str:
    parts = [brief(listed(about["texts"], 10), 200)] if about["texts"] else []
    if about["characters"] is not None:
        validation = about["validation_characters"]
        beside = f", {validation:,} for validation" if validation else ""
        parts.append(f"{counted(about['characters'], per)} for training{beside}")
    return ": ".join(parts)


def _steps(about: dict[str, Any], per: str) -> str:
    if about["step"] is None:
        return ""
    seen = about["characters_seen"]
    beside = ""
    if seen is not None:
        beside = f", {counted(seen, per)} seen"
        if about["characters"]:
            epochs = f"{seen / about['characters']:.3g}"
            beside += f" ({epochs} epoch{'' if epochs == '1' else 's'})"
    return f"{about['step']:,}{beside}"


def _loss(bits: float | None, per: str, when: str) -> str:
    return "" if bits is None else f"{bits:.3f} bits per {per}{f' ({when})' if when else ''}"


def _validation_losses(about: dict[str, Any], per: str) -> dict[str, str]:
    """The loss of the last evaluation, and the best one where that is another."""
    last, best = _at(about["val_step"]), _at(about["best_step"])
    if last and last == best:
        when = f"{last}, the best"
        if about["temperature"] is not None and about["val_bits_before"] is not None:
            when += f"; {about['val_bits_before']:.3f} without its temperature of "
            when += f"{about['temperature']:.3g}"
        return {"validation loss": _loss(about["val_bits"], per, when)}
    return {
        "validation loss": _loss(about["val_bits"], per, last),
        "best validation loss": _loss(about["best_val_bits"], per, best),
    }


def _at(step: int | None) -> str:
    return "" if step is None else f"at step {step:,}"


def _quoted(text: str | None) -> str | None:
    return None if text is None else repr(text)


def _described(vocabulary: Vocabulary | None) -> str:
    if vocabulary is None:
        return ""
    if vocabulary.units == "bytes":
        return f"{len(vocabulary)} bytes"
    unknown = "; U+FFFD is the unknown token" if vocabulary.unknown else ""
    characters = "".join(ascii(c)[1:-1] if is_mark(c) else c for c in repr(vocabulary.characters))
    return f"{counted(len(vocabulary), 'character')}: {characters}{unknown}"
