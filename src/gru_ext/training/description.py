# SPDX-License-Identifier: MIT
"""What a model file says of its model and its training, each value checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gru_ext.arguments.fields import Field, checked
from gru_ext.model.checkpoint import Checkpoint
from gru_ext.model.metadata import VERSION
from gru_ext.model.narrow_cost import NarrowCost
from gru_ext.model.parameters import Parameters, shapes
from gru_ext.training.made_from import command_of, valid_options
from gru_ext.training.recorded import BEST, MADE_FROM, RECORDED, RUN, TRAINING, VALIDATION
from gru_ext.training.state_files import holds_state
from gru_ext.training.trainer import SMOOTHING


def describe(data: Checkpoint, beside: Checkpoint | None = None) -> dict[str, Any]:
    """The description of a model file, as plain Python that JSON can hold.

    A value that the file lacks, or that is damaged, is None; a damaged list or object is empty.

    Parameters
    ----------
    data : Checkpoint
    beside : Checkpoint, optional
        The training state in the file beside a model file.

    Returns
    -------
    dict
        ``version``, ``format``; ``hidden_size``, ``layers``, ``dtype``, ``int8``, what int8 weights
        cost (:class:`gru_ext.model.narrow_cost.NarrowCost`), ``parameters``,
        ``vocabulary_size``, ``vocabulary``, ``units``, ``document_separator``; ``texts`` and
        ``init_from``, names of files; ``characters`` and ``validation_characters`` of the text,
        ``step``, ``characters_seen``; ``train_bits``, the mean of about the last 1,000 steps,
        ``val_bits`` at ``val_step``, ``best_val_bits`` at ``best_step``, in bits per character;
        ``temperature``, by which the output layer was divided, and ``val_bits_before`` that;
        ``options``; ``resumable``, whether there is a state in the file or beside it, and its
        ``state_step``; and ``command``, which trains the same model.
    """
    V, H, about = data.vocabulary_size, data.hidden_size, data.metadata
    narrow = data.weights.narrow if isinstance(data.weights, Parameters) else None
    cost = NarrowCost.recorded(about) if narrow else None
    known = _valid(about, RECORDED | VERSION)
    training = _valid(known["training"] or {}, TRAINING)
    run = _valid(known["run"] or {}, RUN)
    validation = _valid(run["validation"] or {}, VALIDATION)
    best = _valid(known["validation"] or {}, BEST)
    made = _valid(known["made_from"] or {}, MADE_FROM)
    options = valid_options(known["options"])
    tied = V * H if options.get("tied") is True else 0
    count = sum(rows * columns for rows, columns in shapes(V, H, data.layers).values()) - tied
    step, characters = known["step"], training["text_characters"]
    per_step = options.get("seq_length", 0) * options.get("batch_size", 0)
    best_nats, best_step = validation["best_nats"], validation["best_step"]
    val_nats, val_step = validation["nats"], validation["step"]
    if best["nats_per_char"] is not None:  # the loss of the weights in a model file
        val_nats, val_step = best["nats_per_char"], step
        if options.get("keep") != "last":
            best_nats, best_step = val_nats, val_step
    state = data if holds_state(data) else beside
    vocabulary, separator = data.vocabulary, about.get("document_separator")
    return {
        "version": known["version"],
        "format": about.get("format"),
        "hidden_size": H,
        "layers": data.layers,
        "dtype": narrow or str(data.weights["Wz"].dtype),
        "int8": None if cost is None else cost.record(),
        "parameters": count,
        "vocabulary_size": V,
        "vocabulary": None if vocabulary is None else vocabulary.characters,
        "units": "chars" if vocabulary is None else vocabulary.units,
        "document_separator": separator,
        "texts": made["texts"] or [],
        "init_from": made["init_from"],
        "characters": characters,
        "validation_characters": validation["characters"],
        "step": step,
        "characters_seen": step * per_step if step is not None and per_step else None,
        "train_bits": _bits(_mean_loss(training["smooth_loss"], step, V)),
        "val_bits": _bits(val_nats),
        "val_step": None if val_nats is None else val_step,
        "val_bits_before": _bits(best["nats_per_char_before"]),
        "temperature": best["temperature"],
        "best_val_bits": _bits(best_nats),
        "best_step": None if best_nats is None else best_step,
        "options": {
            name: str(value) if isinstance(value, float) and math.isinf(value) else value
            for name, value in options.items()
        },
        "resumable": state is not None,
        "state_step": None if state is None else _valid(state.metadata, RECORDED)["step"],
        "command": command_of(made, options, separator, characters),
    }


def _valid(record: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    """The values of a record; None for those that it lacks or that are not valid."""
    values: dict[str, Any] = {}
    for name, field in fields.items():
        try:
            values[name] = checked(record, {name: field})[name] if name in record else None
        except (TypeError, ValueError):
            values[name] = None
    return values


def _mean_loss(smooth_loss: float | None, steps: int | None, V: int) -> float | None:
    """The mean loss of about the last 1,000 steps, in nats.

    A file has ``smooth_loss``, the moving average of the original script. It starts at log V, whose
    weight after n steps is SMOOTHING^n; without it, the weights of the losses are divided by their
    sum.
    """
    if smooth_loss is None or not steps:
        return None
    start = SMOOTHING**steps
    return (smooth_loss - start * math.log(V)) / (1 - start)


def _bits(nats: float | None) -> float | None:
    return None if nats is None else nats / math.log(2)
