# SPDX-License-Identifier: MIT
"""The lines that a run prints: its heading, progress lines, and how it ended."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping

from gru_ext.arguments.messages import as_size, counted
from gru_ext.core.bfloat16 import product_times
from gru_ext.training.made_from import parameter_count
from gru_ext.training.parts import TextParts
from gru_ext.training.trainer import Trainer
from gru_ext.training.validation import Validation

# The validation loss has risen by so much; the training loss is at least so much of it.
_RISEN, _ALIKE = 0.02, 0.99
_FEW_STREAMS = 4  # GRU_PACK_STREAMS


def unit_of(trainer: Trainer) -> str:
    """What the model reads and writes."""
    return "byte" if trainer.model.vocabulary.units == "bytes" else "character"


def heading(trainer: Trainer, parts: TextParts, steps: int, memory: int, columns: int) -> str:
    """What the run trains, on what, and how: lines of at most so many columns.

    The run holds ``memory`` bytes.
    """
    model, unit, validation = trainer.model, unit_of(trainer), ""
    if len(parts.validation):
        validation = f", {len(parts.validation):,} for validation ({parts.described})"
    new = f" ({parts.added} of them new to the model)" if parts.added else ""
    regularised = {"dropout": trainer.dropout, "weight dropout": trainer.weight_dropout}
    dropout = "".join(f", {name} {value:g}" for name, value in regularised.items() if value)
    dtype = trainer.products or model.dtype
    decay = f", weight decay {trainer.weight_decay:g}" if trainer.weight_decay else ""
    epochs = steps / trainer.windows_per_epoch
    lines = [
        f"{counted(trainer.characters, unit)} for training{validation}, "
        f"{len(model.vocabulary)} different{new}",
        f"{model.parameters.sizes}{dropout}, {dtype}: "
        f"{counted(parameter_count(trainer), 'parameter')}, {as_size(memory)} of memory",
        f"{counted(steps, 'step')} ({epochs:.3g} epoch{'' if epochs == 1 else 's'}), batch size "
        f"{trainer.batch_size}, sequence length {trainer.seq_length}, "
        f"{counted(trainer.threads, 'thread')}",
        f"{trainer.optimizer}{decay}, peak learning rate {trainer.learning_rate:.4g}, "
        f"{trainer.schedule.name} schedule",
    ]
    if trainer.about_workers:
        lines.append(trainer.about_workers)
    if trainer.products and not pays(trainer):
        lines.append(
            "this processor multiplies numbers in bfloat16 no faster than those in float32 "
            "(dtype='float32')"
        )
    if parts.lines:
        found = f"a list of {counted(parts.lines, 'line')}: each is a document"
        lines.insert(0, f'{found} (document_separator="" for one text)')
    if validation:
        lines.append("* marks the best validation loss so far")
    return "\n".join(wrapped(line, columns) for line in lines) + "\n"


def pays(trainer: Trainer) -> bool:
    """Whether products in bfloat16 are faster than those in float32.

    With few streams they are in any case: these read the weights from the cache, half the bytes.
    """
    if trainer.batch_size < _FEW_STREAMS:
        return True
    times = product_times()
    return min(time for name, time in times.items() if name != "float32") < times["float32"]


def wrapped(line: str, columns: int) -> str:
    """A line as lines of at most so many columns."""
    return textwrap.fill(line, columns, subsequent_indent="  ")


def sample_lines(step: int, text: str) -> str:
    """A sample, set apart from the progress lines."""
    return f"---- sample at step {step:,} ----\n{text}\n----"


def lowered_line(trainer: Trainer, validation: Validation) -> str:
    """That the learning rate was lowered on a plateau."""
    return (
        f"no better validation loss in {counted(validation.waited, 'evaluation')}: learning rate "
        f"lowered to {trainer.learning_rate:.4g}"
    )


def calibrated_line(found: Mapping[str, float], unit: str) -> str:
    """By which temperature the output layer was divided, and what that gives."""
    bits = found["nats_per_char"] / math.log(2), found["nats_per_char_before"] / math.log(2)
    return (
        f"output layer divided by a temperature of {found['temperature']:.3g}: validation loss "
        f"{bits[0]:.3f} instead of {bits[1]:.3f} bits per {unit}"
    )


def ending(validation: Validation, step: int, train_nats: float, unit: str) -> Iterator[str]:
    """Why the run has ended, its validation loss, and what would help.

    ``train_nats`` is the training loss of the latest steps; NaN where it is that of a model with
    dropout, which says nothing beside a loss without it.
    """
    best = f"was {validation.best_nats / math.log(2):.3f} at step {validation.best_step:,}"
    if validation.exhausted and validation.best_step:
        evaluations = counted(validation.waited, "evaluation")
        yield f"no better validation loss in {evaluations}; the best {best}"
    elif 0 < validation.best_step < step:
        yield f"the best validation loss {best}"
    if validation.last is not None and validation.step == step:
        yield (
            f"validation loss: {validation.last.bits_per_char:.3f} bits per {unit}, over "
            f"{counted(validation.last.characters, unit)}"
        )
        if validation.last.nats_per_char > (1 + _RISEN) * validation.best_nats:
            yield (
                f"it has risen since step {validation.best_step:,}: the model has begun to learn "
                f"its text by heart; more text would help, or more dropout, or a smaller hidden "
                f"size"
            )
        elif validation.best_step == step and train_nats > _ALIKE * validation.best_nats:
            yield (
                "the training loss is not lower: more epochs would help, or a larger hidden size"
            )
