# SPDX-License-Identifier: MIT
"""Defaults that depend on the text: sizes, learning rate, length of the run."""

from __future__ import annotations

import math

from gru_ext.training.optimizers import OPTIMIZERS, default_learning_rate, weight_decay_of
from gru_ext.training.options import MOST_STEPS, TrainingOptions
from gru_ext.training.presets import recipe

# Files of older versions, whose runs are resumed, do not say how many epochs these have: enough for
# 16 million characters, up to 50, but for at least 3,000 steps.
_OLD_CHARACTERS, _OLD_MOST_EPOCHS, _OLD_FEWEST_STEPS = 16_000_000, 50, 3000
# A stream has at least so many windows.
_FEWEST_WINDOWS = 16
PATIENCE = 5
"""The evaluations without a better loss, of some twenty in a run, after which it ends."""
# A warm-up lasts an epoch, within these bounds, but no longer than a quarter of the run.
_SHORTEST_WARMUP, _LONGEST_WARMUP, _OF_RUN = 200, 400, 4
_PROGRESS_LINES = 20
# A model of fewer steps, whose warm-up is not over, writes noise. A shorter run ends soon enough.
_SAMPLED, _SAMPLED_OFTEN = 200, 2000


def settle(options: TrainingOptions, characters: int, documents: bool) -> TrainingOptions:
    """Set the options that depend on the text, for so many characters, and documents or not.

    Sizes and epochs are those of the preset's recipe. The learning rate falls as the hidden size
    grows (:func:`default_learning_rate`), and dropout grows with the weights for each character.
    """
    advised = recipe(options.preset, characters, documents)
    layers = advised.layers if options.hidden_size is None else 1  # these two belong together
    options = options.over({"hidden_size": advised.hidden_size, "layers": layers})
    share = (characters - 1) // (options.workers or 1)  # what a worker trains on
    longest = share // (options.batch_size or 1)
    shortest = min(advised.seq_length, max(5, characters // 20))
    seq_length = options.seq_length or max(1, min(shortest, longest))
    most = (share + 1) // (seq_length * _FEWEST_WINDOWS)
    streams = max(1, min(advised.batch_size, most))
    optimizer = options.optimizer
    sizes = options.hidden_size, options.layers
    rate = options.given().get("learning_rate", default_learning_rate(optimizer, *sizes))
    values = {
        "dtype": advised.dtype,
        "seq_length": seq_length,
        "batch_size": 2 ** (streams.bit_length() - 1),
        "dropout": default_dropout(*sizes, characters, advised.more_dropout),
        "weight_dropout": advised.weight_dropout,
        "learning_rate": rate,
        "weight_decay": weight_decay_of(
            optimizer, options.given().get("weight_decay"), min(advised.weight_decay, 1 / rate)
        ),
        "schedule": OPTIMIZERS[optimizer].schedule,
    }
    if options.max_steps is None:
        bounded = min(advised.epochs, advised.characters / characters)
        values["epochs"] = float(f"{bounded:.3g}")
    return options.over(values)


def settle_resumed(options: TrainingOptions) -> TrainingOptions:
    """Set the options that files of older versions do not record, as these had them."""
    optimizer = options.optimizer
    return options.over(
        {
            "dropout": 0.0,
            "weight_dropout": 0.0,
            "calibrate": False,
            "learning_rate": default_learning_rate(optimizer, options.hidden_size),
            "weight_decay": weight_decay_of(optimizer, options.given().get("weight_decay")),
            "schedule": OPTIMIZERS[optimizer].schedule,
        }
    )


def default_dropout(hidden_size: int, layers: int, characters: int, more: float = 0.0) -> float:
    """The dropout that suits so many recurrent weights and characters to learn them from.

    It is 0 where there are some twelve characters for a weight, and 0.6 at most
    (docs/explanation/design/training.md). ``more`` is added to what follows from the numbers.
    """
    weights = 3 * hidden_size**2 * (2 * layers - 1)
    fitting = 0.38 + 0.35 * math.log10(weights / characters) + more
    return min(0.6, max(0.0, round(20 * fitting) / 20))


def default_warmup(windows_per_epoch: int, steps: int | None = None) -> int:
    """The steps of the warm-up in a run of so many steps, or of unknown length.

    The optimiser state is zero at first, and each weight changes by the whole learning rate:
    without a warm-up some runs never recover from their first steps.
    """
    warmup = min(_LONGEST_WARMUP, max(_SHORTEST_WARMUP, windows_per_epoch))
    return warmup if steps is None else min(warmup, steps // _OF_RUN)


def default_patience(options: TrainingOptions) -> int | None:
    """The patience of a run with a validation part; None where it would not make sense."""
    waits = options.eval_every == 0 or options.schedule == "plateau"
    return None if waits else PATIENCE


def windows_of_epoch(options: TrainingOptions, characters: int) -> int:
    """The steps in an epoch of a settled run of so many characters."""
    streams = options.batch_size * (options.workers or 1)
    stream_length = (characters - 1) // streams + 1
    return max(1, (stream_length - 2) // options.seq_length)


def steps_of(options: TrainingOptions, windows_per_epoch: int) -> int | None:
    """The steps that ``max_steps``, or else ``epochs``, asks for; None where neither is given."""
    if options.max_steps is not None or options.epochs is None:
        return options.max_steps
    if options.epochs * windows_per_epoch > MOST_STEPS:
        most = MOST_STEPS // windows_per_epoch
        raise ValueError(f"`epochs` must be at most {most}, not {options.epochs}")
    return math.ceil(options.epochs * windows_per_epoch)


def default_steps(windows_per_epoch: int, characters: int) -> int:
    """The steps of a resumed run whose file names neither steps nor epochs."""
    epochs = max(1, min(_OLD_MOST_EPOCHS, round(_OLD_CHARACTERS / characters)))
    return max(epochs * windows_per_epoch, _OLD_FEWEST_STEPS)


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
