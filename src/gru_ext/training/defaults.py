# SPDX-License-Identifier: MIT
"""Defaults that depend on the text: sizes, learning rate, length of the run."""

from __future__ import annotations

import math

from gru_ext.training.optimizers import OPTIMIZERS, default_learning_rate, weight_decay_of
from gru_ext.training.options import MOST_STEPS, TrainingOptions

# Characters seen in a run: enough for a good small model of a text of a megabyte. Shorter texts are
# read for more epochs, up to _MOST_EPOCHS, but for at least _FEWEST_STEPS steps.
_CHARACTERS = 16_000_000
_MOST_EPOCHS = 50
_FEWEST_STEPS = 3000
# A stream has at least so many windows. Few streams make many steps, which short runs need; long
# texts make enough of them to afford more streams, and with them more threads.
_FEWEST_WINDOWS = 64
_MOST_STREAMS = 64
_CHARACTERS_FOR_16_STREAMS = 16_000_000
_PROGRESS_LINES = 20
# A model of fewer steps, whose warm-up is not over, writes noise. A shorter run ends soon enough.
_SAMPLED, _SAMPLED_OFTEN = 200, 2000


def settle(options: TrainingOptions, characters: int) -> TrainingOptions:
    """Set the options that depend on the text, for a text of so many characters.

    The number of streams follows from the length, so that each is long enough to learn from. The
    learning rate falls as the hidden size grows (:func:`default_learning_rate`).
    """
    longest = (characters - 1) // (options.batch_size or 1)
    seq_length = options.seq_length or max(1, min(64, max(5, characters // 20), longest))
    most = min(_MOST_STREAMS, max(16, 16 * characters // _CHARACTERS_FOR_16_STREAMS))
    streams = max(1, min(most, characters // (seq_length * _FEWEST_WINDOWS)))
    optimizer = options.optimizer
    return options.over(
        {
            "seq_length": seq_length,
            "batch_size": 2 ** (streams.bit_length() - 1),
            "learning_rate": default_learning_rate(optimizer, options.hidden_size),
            "weight_decay": weight_decay_of(optimizer, options.given().get("weight_decay")),
            "schedule": OPTIMIZERS[optimizer].schedule,
        }
    )


def steps_of(options: TrainingOptions, windows_per_epoch: int) -> int | None:
    """The steps that ``max_steps``, or else ``epochs``, asks for; None where neither is given."""
    if options.max_steps is not None or options.epochs is None:
        return options.max_steps
    if options.epochs * windows_per_epoch > MOST_STEPS:
        most = MOST_STEPS // windows_per_epoch
        raise ValueError(f"`epochs` must be at most {most}, not {options.epochs}")
    return math.ceil(options.epochs * windows_per_epoch)


def default_steps(windows_per_epoch: int, characters: int) -> int:
    """The steps of a run for which neither ``max_steps`` nor ``epochs`` is given."""
    epochs = max(1, min(_MOST_EPOCHS, round(_CHARACTERS / characters)))
    return max(epochs * windows_per_epoch, _FEWEST_STEPS)


def default_log_every(steps: int) -> int:
    """The number of steps between progress lines, in a run of so many steps."""
    return max(1, steps // _PROGRESS_LINES)


def default_samples(steps: int) -> int:
    """The number of steps between samples in a run of so many steps; 0 for none.

    A long run has four, after each quarter; a shorter one has one at its end.
    """
    if steps < _SAMPLED:
        return 0
    return -(-steps // 4) if steps >= _SAMPLED_OFTEN else steps
