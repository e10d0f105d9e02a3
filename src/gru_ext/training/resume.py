# SPDX-License-Identifier: MIT
"""Resuming a run: what must match, what may change, and the recorded state, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gru_ext.arguments.kinds import Kind, String
from gru_ext.arguments.messages import counted, shown
from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.training.options import TrainingOptions

if TYPE_CHECKING:
    from gru_ext.training.trainer import Trainer


@dataclass(frozen=True)
class Match:
    """Something in which a resumed run must equal the run in the file.

    Attributes
    ----------
    name : str
    in_file, in_run : object
        The two values.
    hint : str
        What to do where they differ.
    """

    name: str
    in_file: object
    in_run: object
    hint: str = ""


def check_matches(matches: Iterable[Match]) -> None:
    """Raise a CheckpointError at the first pair of values that differ."""
    for match in matches:
        if match.in_file != match.in_run:
            before, now = (
                value if isinstance(value, str) else shown(value)
                for value in (match.in_file, match.in_run)
            )
            raise CheckpointError(f"was trained with {match.name} {before}, not {now}{match.hint}")


@dataclass(frozen=True)
class _Text:
    """A text as a message describes it; equal to another by its SHA-256."""

    sha256: object
    characters: object = field(compare=False)

    def __repr__(self) -> str:
        return f"of {_characters(self.characters)} (SHA-256 {str(self.sha256)[:8]}…)"


def _characters(number: object) -> str:
    """A number of characters in a file, which need not be one."""
    return counted(number, "character") if isinstance(number, int) else f"{number} characters"


def trainer_matches(data: Checkpoint, state: Mapping[str, Any], trainer: Trainer) -> list[Match]:
    """What a checkpoint, with this training state, must have in common with a trainer."""
    parameters, about = trainer.model.parameters, trainer.model.about
    batch_size = None if data.hidden is None else data.hidden.shape[-2]
    other_text = " without the validation part; to train on another text, use `init_from`"
    return [
        Match("vocabulary", data.vocabulary, trainer.model.vocabulary),
        Match(
            "document separator",
            shown(data.metadata.get("document_separator")),
            shown(about.get("document_separator")),
        ),
        Match("dtype", str(data.weights["Wz"].dtype), str(parameters.dtype)),
        Match("hidden size", data.hidden_size, parameters.hidden_size),
        Match("layers", data.layers, parameters.layers),
        Match("batch size", batch_size, trainer.batch_size),
        Match("optimizer", state.get("optimizer", "adagrad"), trainer.optimizer),
        Match("weight tying", bool(state.get("tied")), trainer.tied),
        Match(
            "a text",
            _Text(state.get("text_sha256"), state.get("text_characters")),
            _Text(trainer.text_digest(), trainer.characters),
            other_text,
        ),
    ]


def resumed_options(asked: TrainingOptions, saved: Checkpoint) -> TrainingOptions:
    """The recorded options of a run, with those replaced that a resumed run may change."""
    recorded = saved.metadata.get("options")
    if not isinstance(recorded, dict):
        raise CheckpointError(
            "holds no options of a training run: start from its weights with `init_from`"
        )
    declared = asked.declared()
    fixed = {name: value for name, value in asked.given().items() if declared[name].fixed}
    # an option that an older file does not record had its default
    defaults = {name: declared[name].default for name in fixed}
    before = {name: value for name, value in defaults.items() if value is not None} | recorded
    check_matches(
        Match(
            name.replace("_", " "),
            _named(declared[name].kind, before.get(name, value)),
            _named(declared[name].kind, value),
        )
        for name, value in fixed.items()
    )
    kept = {name: value for name, value in recorded.items() if name in declared}
    if asked.epochs is not None and asked.max_steps is None:
        kept.pop("max_steps", None)
    try:
        return asked.over({name: kept[name] for name in kept if declared[name].saved})
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"has damaged options: {error}") from None


def _named(kind: Kind[Any], value: object) -> object:
    """A value as a message shows it: text in quotation marks, names without."""
    return shown(value) if isinstance(kind, String) else value


@dataclass(frozen=True)
class Field:
    """A value in a recorded state: its kind, and its value in older files, which lack it."""

    kind: Kind[Any]
    default: Any = None
    nullable: bool = False


def checked_state(state: object, fields: Mapping[str, Field], what: str) -> dict[str, Any]:
    """The fields of a recorded state as plain Python.

    Raises
    ------
    CheckpointError
        The state lacks a field, or one has a value that is not allowed.
    """
    if not isinstance(state, dict):
        raise CheckpointError(f"has a damaged {what}")
    try:
        return {
            name: None
            if field.nullable and state.get(name) is None
            else field.kind.check(name, state.get(name, field.default))
            for name, field in fields.items()
        }
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"has a damaged {what}: {error}") from None
