# SPDX-License-Identifier: MIT
"""The optimisers by name, and what each needs (docs/equations.md)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Optimizer:
    """What an optimiser does where nothing else is asked for.

    Attributes
    ----------
    learning_rate : float
        Without a warm-up.
    beta1, beta2 : float
        Shares of their past that the means of the gradients and of their squares keep.
    has_mean : bool
        Whether it remembers a mean of the gradients beside that of their squares.
    weight_decay : float or None
        None: it has none.
    """

    learning_rate: float
    beta1: float = 0.0
    beta2: float = 0.0
    has_mean: bool = False
    weight_decay: float | None = None


OPTIMIZERS = {
    "adagrad": Optimizer(0.05),
    "adam": Optimizer(0.002, 0.9, 0.999, has_mean=True),
    "adamw": Optimizer(0.002, 0.9, 0.999, has_mean=True, weight_decay=0.01),
    "rmsprop": Optimizer(0.002, beta2=0.95),
}


def weight_decay_of(optimizer: str, asked: float | None) -> float:
    """The weight decay asked for, or the optimiser's.

    Raises
    ------
    ValueError
        Where the optimiser has none. Added to the gradient, as an L2 penalty, it would be divided
        by the root of the squares' mean: least where gradients are large (Loshchilov and Hutter,
        2019).
    """
    own = OPTIMIZERS[optimizer].weight_decay
    if asked and own is None:
        raise ValueError(f"weight decay is adamw's, {optimizer} has none: leave it out, or adamw")
    return asked if asked is not None else own or 0.0
