# SPDX-License-Identifier: MIT
"""What is known of a model and its training, as names and values to show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gru_ext.arguments.fields import COUNT, Field, ListOf, Object, checked
from gru_ext.arguments.kinds import Flag, String
from gru_ext.arguments.messages import brief, counted, listed
from gru_ext.model.sampling import validation_bits

if TYPE_CHECKING:
    from gru_ext.model.stored import StoredModel

Facts = list[tuple[str, str]]

# as a model file records them, which may say anything
_TRAINED = {"text_characters": Field(COUNT, 0)}
_VALIDATED = {"characters": Field(COUNT, 0)}
_MADE = {"texts": Field(ListOf(String(), 100), [])}
_STEP = {"step": Field(COUNT)}
_TIED = {"tied": Field(Flag(), False)}


def _found(record: object, fields: Mapping[str, Field]) -> Any:
    """The value of the one field of a record; None where there is none, or it is damaged."""
    try:
        (value,) = checked(Object().check("record", record), fields).values()
    except (TypeError, ValueError):
        return None
    return value


def unit_of(model: StoredModel) -> tuple[str, str]:
    """What the model reads and writes, in short and in full: ``char`` and ``character``."""
    return ("byte", "byte") if model.vocabulary.units == "bytes" else ("char", "character")


def step_of(model: StoredModel) -> int | None:
    """The steps that the model was trained for; None where it is not known."""
    step: int | None = _found(model.about, _STEP)
    return step


def is_tied(model: StoredModel) -> bool:
    """Whether the output layer has the weights of the first layer's candidate (weight tying)."""
    return _found(model.about.get("options"), _TIED) is True


def parameters_of(model: StoredModel) -> int:
    """The number of trained parameters; tied weights count once."""
    tied = model.parameters["Wy"].size if is_tied(model) else 0
    return model.parameters.count - tied


def size_facts(model: StoredModel) -> Facts:
    """The sizes of the model."""
    vocabulary = model.vocabulary
    size = counted(len(vocabulary), unit_of(model)[1])
    return [
        ("layers", f"{model.layers}"),
        ("hidden size", f"{model.hidden_size:,} units in each layer"),
        ("vocabulary", f"{size}, one of which is the unknown token" * vocabulary.unknown or size),
        ("parameters", f"{parameters_of(model):,}"),
        ("data type", model.parameters.narrow or str(model.dtype)),
    ]


def training_facts(model: StoredModel) -> Facts:
    """What the model was trained on, for how long, and with which result, as far as is known."""
    per, step, history = unit_of(model)[0], step_of(model), model.history
    train, best, validation = history.points("train_bits"), history.best, validation_bits(model)
    facts = [("text", text) if (text := _text(model)) else None]
    facts.append(("steps", f"{step:,}") if step is not None else None)
    if train:
        facts.append(("training loss", f"{train[-1][1]:.3f} bits/{per}"))
    if best is not None:
        # the model's own, with its temperature, where it has the weights of this step
        bits = best[1] if validation is None or step != best[0] else validation
        facts.append(("validation loss", f"{bits:.3f} bits/{per}, best at step {best[0]:,}"))
    elif validation is not None:
        facts.append(("validation loss", f"{validation:.3f} bits/{per}"))
    return [fact for fact in facts if fact is not None]


def _text(model: StoredModel) -> str:
    """The names of the texts and their size."""
    if model.history.title[1]:
        return model.history.title[1]
    about, run = model.about, model.about.get("run")
    names = _found(about.get("made_from"), _MADE)
    parts = [brief(listed(names, 3), 60)] if names else []
    validated = _found(run.get("validation"), _VALIDATED) if isinstance(run, dict) else None
    characters = (_found(about.get("training"), _TRAINED) or 0) + (validated or 0)
    if characters:
        parts.append(counted(characters, unit_of(model)[1]))
    return ", ".join(parts)
