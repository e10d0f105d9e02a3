# SPDX-License-Identifier: MIT
"""The lines that a run prints: its heading, progress lines, and how it ended."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gru_ext.arguments.messages import as_size, counted
from gru_ext.reporting.progress import Progress
from gru_ext.training.trainer import Trainer
from gru_ext.training.validation import Validation


def unit_of(trainer: Trainer) -> str:
    """What the model reads and writes."""
    return "byte" if trainer.model.vocabulary.units == "bytes" else "character"


def heading(trainer: Trainer, validation_size: int, steps: int, added: int, memory: int) -> str:
    """What the run trains, on what, and how.

    ``added`` characters are new to the model, and the run holds ``memory`` bytes.
    """
    model, unit = trainer.model, unit_of(trainer)
    validation = f", {validation_size:,} for validation" if validation_size else ""
    new = f" ({added} of them new to the model)" if added else ""
    dropout = f", dropout {trainer.dropout:g}" if trainer.dropout else ""
    return (
        f"{counted(trainer.characters, unit)} for training{validation}, "
        f"{len(model.vocabulary)} different{new}; {model.parameters.sizes}{dropout}, "
        f"{model.dtype}, batch size {trainer.batch_size}, sequence length {trainer.seq_length}, "
        f"{trainer.optimizer} with peak learning rate {trainer.learning_rate:.4g}, "
        f"{counted(steps, 'step')}, {counted(trainer.threads, 'thread')}, "
        f"{as_size(memory)} of memory"
    )


def progress_line(progress: Progress, validation: Validation, unit: str) -> str:
    """The numbers of the run at one step."""
    evaluated = ""
    if validation.last is not None:
        when = "" if validation.step == progress.step else f" at step {validation.step:,}"
        evaluated = f" (validation {validation.last.bits_per_char:.3f}{when})"
    return (
        f"step {progress.step:,} of {progress.steps:,} ({progress.share:.0%}), epoch "
        f"{progress.epoch:.2f}: {progress.train_bits:.3f} bits per {unit}{evaluated}, "
        f"{progress.characters_per_second:,.0f} {unit}s per second"
    )


def lowered_line(trainer: Trainer, validation: Validation) -> str:
    """That the learning rate was lowered on a plateau."""
    return (
        f"no better validation loss in {counted(validation.waited, 'evaluation')}: learning rate "
        f"lowered to "
        f"{trainer.learning_rate:.4g}"
    )


def ending(validation: Validation, step: int, unit: str) -> Iterator[str]:
    """Why the run has ended, and its validation loss."""
    if validation.exhausted and validation.best_step:
        yield (
            f"no better validation loss in {counted(validation.waited, 'evaluation')}; the best "
            f"was {validation.best_nats / math.log(2):.3f} bits per {unit} at step "
            f"{validation.best_step:,}"
        )
    if validation.last is not None and validation.step == step:
        yield (
            f"validation loss: {validation.last.bits_per_char:.3f} bits per {unit}, over "
            f"{counted(validation.last.characters, unit)}"
        )
