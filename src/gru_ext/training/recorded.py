# SPDX-License-Identifier: MIT
"""What a model file records of a training run: every value with its kind and bounds.

A test holds that these are the values that a run writes. The options of the run are declared in
``training/options.py``, and what every reader of a model needs in ``model/metadata.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gru_ext.arguments.fields import COUNT, LOSS, Field, ListOf, Object, Row, checked
from gru_ext.arguments.kinds import Flag, Number, OneOf, String, Whole
from gru_ext.model.checkpoint import CheckpointError
from gru_ext.training.optimizers import OPTIMIZERS
from gru_ext.training.options import PRODUCTS
from gru_ext.training.schedule import MOST_LOWERED

RECORDED = {
    "step": Field(COUNT),
    "options": Field(Object(), nullable=True),
    "training": Field(Object(), nullable=True),
    "run": Field(Object(), nullable=True),
    "validation": Field(Object(), nullable=True),
    "made_from": Field(Object(), nullable=True),
    "classic": Field(Flag(), False),
}
TRAINING = {
    "optimizer": Field(OneOf(OPTIMIZERS), "adagrad"),
    "position": Field(COUNT),
    "smooth_loss": Field(LOSS),
    "halvings": Field(Whole(0, 100), 0),
    "tied": Field(Flag(), False),
    "products": Field(OneOf(PRODUCTS), nullable=True),
    "lowered": Field(ListOf(COUNT, MOST_LOWERED), []),
    "shuffle": Field(Flag(), False),
    "text_sha256": Field(String()),
    "text_characters": Field(COUNT, nullable=True),
}
RUN = {
    "id": Field(String(), nullable=True),
    "point": Field(COUNT),
    "nats": Field(LOSS),
    "validation": Field(Object(), nullable=True),
    "stability": Field(Object(), nullable=True),
}
VALIDATION = {
    "text_sha256": Field(String()),
    "characters": Field(COUNT, nullable=True),
    "step": Field(COUNT),
    "nats": Field(LOSS, nullable=True),
    "best_step": Field(COUNT),
    "best_nats": Field(LOSS, nullable=True),
    "waited": Field(COUNT),
}
TRAINER_COUNTERS = {"step": Field(COUNT), "position": Field(COUNT), "loss": Field(LOSS)}
RUN_COUNTERS = {
    "reported step": Field(COUNT),
    "loss sum": Field(LOSS),
    "validated step": Field(COUNT),
    "validation loss": Field(LOSS, nullable=True),
    "evaluations waited": Field(COUNT),
}
STABILITY = {
    "strikes": Field(COUNT),
    "good": Field(Row(TRAINER_COUNTERS | RUN_COUNTERS), nullable=True),
}
BEST = {
    "nats_per_char": Field(LOSS),
    "temperature": Field(Number(above=0), nullable=True),
    "nats_per_char_before": Field(LOSS, nullable=True),
}
MOST_TEXTS = 20
MADE_FROM = {
    "texts": Field(ListOf(String(), MOST_TEXTS), []),
    "validation": Field(ListOf(String(), MOST_TEXTS), []),
    "init_from": Field(String(), nullable=True),
}


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
        return checked(state, fields)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"has a damaged {what}: {error}") from None
