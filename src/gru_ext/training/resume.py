# SPDX-License-Identifier: MIT
"""Resuming a run: what must match, and what may change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gru_ext.arguments.kinds import Kind, String
from gru_ext.arguments.messages import brief, counted, shown
from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.training.options import TrainingOptions


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
                brief(value) if isinstance(value, str) else shown(value)
                for value in (match.in_file, match.in_run)
            )
            raise CheckpointError(f"was trained with {match.name} {before}, not {now}{match.hint}")


@dataclass(frozen=True)
class TextMatch:
    """A text as the message of a :class:`Match` describes it; texts are equal by their SHA-256."""

    sha256: object
    characters: object = field(compare=False)

    def __repr__(self) -> str:
        return f"of {_characters(self.characters)} (SHA-256 {str(self.sha256)[:8]}…)"


def _characters(number: object) -> str:
    """A number of characters in a file, which need not be one."""
    return counted(number, "character") if isinstance(number, int) else f"{number} characters"


def resumed_options(asked: TrainingOptions, saved: Checkpoint) -> TrainingOptions:
    """The recorded options of a run, with those replaced that a resumed run may change."""
    recorded = saved.metadata.get("options")
    if not isinstance(recorded, dict):
        raise CheckpointError(
            "holds no options of a training run: start from its weights with `init_from`"
        )
    declared = asked.declared()
    try:
        kept = {
            name: declared[name].check(value)
            for name, value in recorded.items()
            if name in declared and declared[name].saved
        }
        type(asked)(**kept)
        for name in ("seq_length", "batch_size"):
            if name not in kept:
                raise ValueError(f"`{name}` is missing")
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"has damaged options: {error}") from None
    # what the weights say, files of older versions need not
    kept = {"hidden_size": saved.hidden_size, "layers": saved.layers} | kept
    fixed = {name: value for name, value in asked.given().items() if declared[name].fixed}
    # an option that an older file does not record had its default
    defaults = {name: declared[name].default for name in fixed}
    before = {name: value for name, value in defaults.items() if value is not None} | kept
    check_matches(
        Match(
            name.replace("_", " "),
            _named(declared[name].kind, before.get(name, value)),
            _named(declared[name].kind, value),
        )
        for name, value in fixed.items()
    )
    if asked.epochs is not None and asked.max_steps is None:
        kept.pop("max_steps", None)
    try:
        return asked.over(kept)
    except ValueError as error:  # the options of both contradict each other
        raise CheckpointError(f"cannot be resumed with these options: {error}") from None


def _named(kind: Kind[Any], value: object) -> object:
    """A value as a message shows it: text in quotation marks, names without."""
    return shown(value) if isinstance(kind, String) else value
