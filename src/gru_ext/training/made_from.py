# SPDX-License-Identifier: MIT
"""What a model was made from, as its file records it, and a command that makes it again."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from gru_ext._version import __version__
from gru_ext.arguments.fields import checked
from gru_ext.arguments.kinds import Flag, String
from gru_ext.arguments.messages import brief
from gru_ext.model.checkpoint import Checkpoint
from gru_ext.model.model import Model
from gru_ext.text.given import Given
from gru_ext.training.defaults import (
    default_patience,
    default_warmup,
    settle,
    steps_of,
    windows_of_epoch,
)
from gru_ext.training.options import TrainingOptions
from gru_ext.training.recorded import MADE_FROM, MOST_TEXTS, RECORDED, checked_state
from gru_ext.training.teamwork import automatic_of_workers
from gru_ext.training.trainer import Trainer

_LONGEST_NAME = 255
_UNNAMED = "a model"


def made_from(
    text: Given, options: TrainingOptions, resumed: Checkpoint | None
) -> dict[str, Any] | None:
    """The names of the texts and of the model to start from; None where they have none.

    They are names without folders, and those with which the run began. So a run that is resumed, on
    another machine too, still writes the same file, byte for byte.
    """
    if resumed is not None:
        recorded = checked_state(resumed.metadata, RECORDED, "metadata")["made_from"]
        if recorded is None:
            return None
        valid = checked_state(recorded, MADE_FROM, "record of what it was made from")
        return {name: value for name, value in valid.items() if name in recorded}
    start = options.init_from
    made: dict[str, Any] = {"texts": file_names(text)}
    validation = file_names(options.validation)
    if validation:
        made["validation"] = validation
    if start is not None:
        made["init_from"] = _UNNAMED if isinstance(start, Model) else _name(start)
    return made if any(made.values()) else None


def file_names(text: object) -> list[str]:
    """The names of the files of a text, without folders; none where it is given in memory."""
    return [_name(path) for path in text[:MOST_TEXTS]] if isinstance(text, list) else []


def _name(path: Any) -> str:
    """The last part of a path, printable and no longer than a file's name."""
    return brief(PurePath(os.fsdecode(path)).name or os.fsdecode(path), _LONGEST_NAME - 1)


def command_of(
    made: Mapping[str, Any],
    options: dict[str, Any],
    separator: str | None,
    characters: int | None,
) -> str | None:
    """A command that trains the same model; None where its texts or its start have no names.

    Parameters
    ----------
    made : mapping
        What :func:`made_from` gives.
    options : dict
        The recorded options of the run; those that are not valid are left out.
    separator : str, optional
        The document separator.
    characters : int, optional
        The characters that were trained on. Options that follow from them are left out too.
    """
    valid = valid_options(options)
    chosen = _chosen(valid, characters, separator is not None)
    given = chosen.pop("document_separator", None)  # empty where a list of lines is one text
    if separator is not None or given == "":
        chosen["document_separator"] = separator or ""
    automatic = _automatic(valid, separator, characters)
    if made.get("validation"):
        automatic["val_fraction"] = 0.0
    chosen = {name: v for name, v in chosen.items() if automatic.get(name, ...) != v}
    return command_with(made, chosen)


def options_of(data: Checkpoint) -> dict[str, Any]:
    """The options that train the same model on the same text, as far as its file records them.

    They are those of the run, whether given or found by itself, and the names of the model to
    start from and of the validation files. Empty where the file records none.
    """
    recorded = valid_options(data.metadata.get("options"))
    if not recorded:
        return {}
    if data.metadata.get("classic") is True:
        from gru_ext.training.classic import REPLACEABLE

        return {n: v for n, v in recorded.items() if n in REPLACEABLE} | {"classic": True}
    made = data.metadata.get("made_from")
    for name in ("init_from", "validation"):
        try:
            value = checked(made, {name: MADE_FROM[name]})[name] if made else None
        except (TypeError, ValueError, AttributeError):
            continue
        if value and value != _UNNAMED:
            recorded[name] = value
    if "init_from" in recorded:  # the vocabulary is that of the model
        recorded.pop("min_count", None)
    return recorded


def valid_options(recorded: object) -> dict[str, Any]:
    """The recorded options that are declared and have a value that is allowed."""
    declared, valid = TrainingOptions.declared(), {}
    for name, value in recorded.items() if isinstance(recorded, dict) else ():
        try:
            valid[name] = declared[name].check(value)
        except (KeyError, TypeError, ValueError):
            continue
    return valid


def command_with(made: Mapping[str, Any], options: Mapping[str, Any]) -> str | None:
    """A command with all these options; None where the texts or the start have no names."""
    texts, start = made.get("texts"), made.get("init_from")
    if not texts or start == _UNNAMED:
        return None
    words = ["gru-ext", "train"]
    words += [f"./{text}" if text.startswith("-") and text != "-" else text for text in texts]
    if start:
        words += ["--init-from", start]
    words += [f"--validation={name}" for name in made.get("validation") or ()]
    for name, value in options.items():
        option, flag = TrainingOptions.declared()[name], "--" + name.replace("_", "-")
        if value == option.default:
            continue
        if isinstance(option.kind, Flag):
            words.append(flag if value else f"--no-{flag[2:]}")
            continue
        word = f"{value:.12g}" if isinstance(value, float) else str(value)
        if isinstance(option.kind, String) and option.kind.parse("\\n") == "\n":
            word = word.encode("unicode_escape").decode()
        words += [f"{flag}={word}"] if word.startswith("-") else [flag, word]
    return shlex.join(words)


def _automatic(
    options: Mapping[str, Any], separator: str | None, characters: int | None
) -> dict[str, Any]:
    """What a run takes by itself beside what :func:`settle` sets, as far as that is known."""
    automatic: dict[str, Any] = {"split": "blocks" if separator is None else "documents"}
    automatic["shuffle"] = separator is not None
    try:
        settled = TrainingOptions(**options)
        automatic |= automatic_of_workers(settled)
        automatic["patience"] = default_patience(settled)
        if characters is not None and {"seq_length", "batch_size"} <= options.keys():
            windows = windows_of_epoch(settled, characters)
            automatic["warmup"] = default_warmup(windows, steps_of(settled, windows))
    except ValueError:  # damaged ones contradict each other
        pass
    return automatic


def _chosen(options: dict[str, Any], characters: int | None, documents: bool) -> dict[str, Any]:
    """The options without those that a run takes by itself for so many characters."""
    if characters is None:
        return options
    chosen = dict(options)
    for name, option in TrainingOptions.declared().items():
        if option.automatic and name in chosen:
            fewer = {other: value for other, value in chosen.items() if other != name}
            try:
                settled = settle(TrainingOptions(**fewer), characters, documents).record()
            except (TypeError, ValueError):  # damaged ones contradict each other
                return options
            if all(settled.get(other) == value for other, value in options.items()):
                chosen = fewer
    return chosen


def about_run(
    trainer: Trainer, options: TrainingOptions, steps: int, validation_size: int
) -> dict[str, Any]:
    """What metrics and pictures say of a run beside its numbers: when, on what, which sizes."""
    made = trainer.model.about.get("made_from", {})
    recorded, separator = options.record(), trainer.model.about.get("document_separator")
    about = {
        "version": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "texts": made.get("texts", []),
        "characters": trainer.characters,
        "validation_characters": validation_size,
        "vocabulary_size": len(trainer.model.vocabulary),
        "parameters": parameter_count(trainer),
        "steps": steps,
        "options": {
            name: str(value) if isinstance(value, float) and math.isinf(value) else value
            for name, value in recorded.items()
        },
        "command": command_of(made, recorded, separator, trainer.characters),
    }
    return {name: value for name, value in about.items() if value is not None}


def parameter_count(trainer: Trainer) -> int:
    """The parameters that are trained: with weight tying, two matrices are one."""
    parameters = trainer.model.parameters
    shared = parameters.vocabulary_size * parameters.hidden_size if trainer.tied else 0
    return parameters.count - shared
