# SPDX-License-Identifier: MIT
"""The optimisers by name, and their defaults (docs/explanation/equations.md)."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, get_args

# Nothing here imports NumPy: the command line reads these names, and --help must be fast.
OptimizerName = Literal["adagrad", "adam", "adamw", "rmsprop"]
ScheduleName = Literal["constant", "cosine", "plateau"]
SCHEDULES: tuple[ScheduleName, ...] = get_args(ScheduleName)


class Optimizer(NamedTuple):
    """An optimiser's defaults.

    Attributes
    ----------
    learning_rate : float
        The learning rate without a warm-up.
    peak_rate, exponent : float
        The peak learning rate after a warm-up where H is 128 or less. For a larger H it falls with
        this power of H.
    schedule : str
        The learning-rate schedule of a run of known length.
    beta1, beta2 : float
        The decay rates of the first and second moment.
    has_mean : bool
        Whether it has a first moment, a mean of the gradients, beside the second.
    weight_decay : float or None
        The weight decay where a run is given none and no preset advises one; None where the
        optimiser has none.
    """

    learning_rate: float
    peak_rate: float
    exponent: float
    schedule: ScheduleName
    beta1: float = 0.0
    beta2: float = 0.0
    has_mean: bool = False
    weight_decay: float | None = None


OPTIMIZERS: dict[OptimizerName, Optimizer] = {
    "adagrad": Optimizer(0.05, 0.1, 0.75, "constant"),
    "adam": Optimizer(0.002, 0.012, 0.75, "cosine", 0.9, 0.999, has_mean=True),
    "adamw": Optimizer(0.002, 0.012, 0.75, "cosine", 0.9, 0.999, has_mean=True, weight_decay=0.01),
    "rmsprop": Optimizer(0.001, 0.005, 1.0, "cosine", beta2=0.95),
}


def default_learning_rate(optimizer: OptimizerName, hidden_size: int, layers: int = 1) -> float:
    """A peak learning rate, after a warm-up, that trains well with these sizes.

    It falls as H grows: the first steps change every weight by the whole rate, so that the change
    of a pre-activation grows with H. It also falls with the root of the number of layers, above
    which some runs of two layers stayed at the frequencies of the characters. It has four digits,
    so that the last bit of a power, which differs between C libraries, is not part of it.
    """
    rule = OPTIMIZERS[optimizer]
    falling = (128 / hidden_size) ** rule.exponent
    return float(f"{rule.peak_rate * min(1.0, falling) / math.sqrt(layers):.4g}")


def weight_decay_of(
    optimizer: OptimizerName, asked: float | None, advised: float | None = None
) -> float:
    """The weight decay that is asked for, or the advised one, or the optimiser's default.

    Raises
    ------
    ValueError
        The optimiser has no weight decay. As an L2 penalty, added to the gradient, it would be
        divided by the root of the second moment, so that weights with large gradients would decay
        least (Loshchilov and Hutter, 2019).
    """
    own = OPTIMIZERS[optimizer].weight_decay
    if asked and own is None:
        raise ValueError(f"`weight_decay` needs the optimizer adamw: {optimizer} has none")
    if own is None:
        return 0.0
    return next(decay for decay in (asked, advised, own) if decay is not None)
