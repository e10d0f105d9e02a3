# SPDX-License-Identifier: MIT
"""The training state of a trainer as a file records it, and its checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gru_ext.model.checkpoint import Checkpoint, CheckpointError
from gru_ext.training.recorded import RECORDED, TRAINING, checked_state
from gru_ext.training.resume import Match, TextMatch, check_matches
from gru_ext.training.schedule import are_lowered

if TYPE_CHECKING:
    from gru_ext.training.trainer import Trainer


def recorded_state(trainer: Trainer) -> dict[str, Any]:
    """What the metadata of a checkpoint hold of a trainer, beside its arrays and its step."""
    _, position, smooth_loss = trainer.counters
    return {
        "optimizer": trainer.optimizer,
        "position": position,
        "smooth_loss": smooth_loss,
        "halvings": trainer.schedule.halvings,
        "tied": trainer.tied,
        "products": trainer.products,
        "lowered": list(trainer.schedule.lowered),
        "shuffle": trainer.shuffles,
        "text_sha256": trainer.text_digest(),
        "text_characters": trainer.characters,
    }


def state_for(trainer: Trainer, data: Checkpoint) -> tuple[int, dict[str, Any]]:
    """The step and the training state of a checkpoint from which a trainer is to continue.

    Raises
    ------
    CheckpointError
        It holds no training state, or that of another text or other sizes, or a damaged one.
    """
    recorded = data.metadata.get("training")
    if data.memory is None or data.hidden is None or not isinstance(recorded, dict):
        raise CheckpointError(
            "holds no training state to resume: start from its weights with `init_from`"
        )
    state = checked_state(recorded, TRAINING, "training state")
    check_matches(_matches(trainer, data, state))
    step: int = checked_state(data.metadata, RECORDED, "training state")["step"]
    if not are_lowered(state["lowered"], step) or data.beside.keys() != trainer.beside.keys():
        raise CheckpointError("has a damaged training state")
    return step, state


def _matches(trainer: Trainer, data: Checkpoint, state: dict[str, Any]) -> list[Match]:
    """What a checkpoint, with this checked state, must have in common with this trainer."""
    parameters, about = trainer.model.parameters, trainer.model.about
    batch_size = None if data.hidden is None else data.hidden.shape[-2]
    other_text = " without the validation part; to train on another text, use `init_from`"
    return [
        Match("vocabulary", data.vocabulary, trainer.model.vocabulary),
        Match(
            "document separator",
            repr(data.metadata.get("document_separator")),
            repr(about.get("document_separator")),
        ),
        Match("dtype", str(data.weights["Wz"].dtype), str(parameters.dtype)),
        Match("hidden size", data.hidden_size, parameters.hidden_size),
        Match("layers", data.layers, parameters.layers),
        Match("batch size", batch_size, trainer.batch_size),
        Match("workers", 1 + data.other_workers, trainer.workers),
        Match("optimizer", state["optimizer"], trainer.optimizer),
        Match("weight tying", state["tied"], trainer.tied),
        Match("dtype of products", state["products"] or "float32", trainer.products or "float32"),
        Match("average of the weights", data.average is not None, trainer.average is not None),
        Match("shuffle", state["shuffle"], trainer.shuffles),
        Match(
            "a text",
            TextMatch(state["text_sha256"], state["text_characters"]),
            TextMatch(trainer.text_digest(), trainer.characters),
            other_text,
        ),
    ]
