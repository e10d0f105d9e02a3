# SPDX-License-Identifier: MIT
"""The options of a run of several workers: how many, how often and how they are combined."""

from __future__ import annotations

from typing import Any

from gru_ext.distributed.outer import OUTER_MOMENTUM, OUTER_RATE, OuterOptimizerName
from gru_ext.training.options import TrainingOptions
from gru_ext.training.workers import Plan

SYNC_EVERY = 64
"""The steps after which workers are combined, by default."""
OUTER_OPTIMIZER: OuterOptimizerName = "nesterov"

_OUTER = ("outer_optimizer", "outer_learning_rate", "outer_momentum")


def settle_workers(options: TrainingOptions, processes: int) -> tuple[TrainingOptions, Plan | None]:
    """Set what is open of the options of several workers; None for a run of one.

    Raises
    ------
    ValueError
        There are more processes than workers, or an option is for another kind of run.
    """
    workers, given = options.workers or processes, options.given()
    if workers < processes:
        raise ValueError(
            f"`workers` must be at least the number of processes, {processes}, not {workers}"
        )
    if workers == 1:
        for name in ("sync_every", *_OUTER):
            if name in given:
                raise ValueError(f"`{name}` is for several `workers`: the run has one")
        return options, None
    options = options.over({"workers": workers, "sync_every": SYNC_EVERY})
    sync_every = options.sync_every or SYNC_EVERY
    if sync_every == 1:
        for name in _OUTER:
            if name in given:
                raise ValueError(
                    f"`{name}` needs a `sync_every` of 2 or more: with 1 the gradients are combined"
                )
        return options, Plan(workers, 1, False, 1.0, 0.0)
    options = options.over({"outer_optimizer": OUTER_OPTIMIZER})
    options = options.over(_rates(options))
    rate, decay = options.outer_learning_rate or 1.0, options.outer_momentum
    if options.outer_optimizer == "mean" and decay is not None:
        raise ValueError("`outer_momentum` is for the outer optimizer nesterov: mean has none")
    return options, Plan(workers, sync_every, decay is not None, rate, decay or 0.0)


def _rates(options: TrainingOptions) -> dict[str, Any]:
    """What an outer optimiser has by default."""
    optimizer = options.outer_optimizer or OUTER_OPTIMIZER
    rates: dict[str, Any] = {"outer_learning_rate": OUTER_RATE[optimizer]}
    return rates | ({"outer_momentum": OUTER_MOMENTUM} if optimizer == "nesterov" else {})


def automatic_of_workers(options: TrainingOptions) -> dict[str, Any]:
    """What a run with these options takes by itself of those of several workers."""
    if (options.workers or 1) == 1:
        return {}
    taken = {"sync_every": SYNC_EVERY, "outer_optimizer": OUTER_OPTIMIZER}
    return taken | _rates(options)
