# SPDX-License-Identifier: MIT
"""What a checkpoint must have in common with the trainer that continues from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gru_ext.model.checkpoint import Checkpoint
from gru_ext.training.resume import Match, TextMatch

if TYPE_CHECKING:
    from gru_ext.training.trainer import Trainer


def matches_of(trainer: Trainer, data: Checkpoint, state: dict[str, Any]) -> list[Match]:
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
        Match("optimizer", state["optimizer"], trainer.optimizer),
        Match("weight tying", state["tied"], trainer.tied),
        Match("average of the weights", data.average is not None, trainer.average is not None),
        Match("shuffle", state["shuffle"], trainer.shuffles),
        Match(
            "a text",
            TextMatch(state["text_sha256"], state["text_characters"]),
            TextMatch(trainer.text_digest(), trainer.characters),
            other_text,
        ),
    ]
