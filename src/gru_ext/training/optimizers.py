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
    risen_rate, fall : float
        After a warm-up, where H is 128 or less; it falls by that power of H.
    schedule : str
        What the rate does then, in a run of known length.
    beta1, beta2 : float
        Shares of their past that the means of the gradients and of their squares keep.
    has_mean : bool
        Whether it remembers a mean of the gradients beside that of their squares.
    weight_decay : float or None
        None: it has none.
    """

    learning_rate: float
    risen_rate: float
    fall: float
    schedule: str
    beta1: float = 0.0
    beta2: float = 0.0
    has_mean: bool = False
    weight_decay: float | None = None


OPTIMIZERS = {
    "adagrad": Optimizer(0.05, 0.1, 0.75, "constant"),
    "adam": Optimizer(0.002, 0.012, 0.75, "cosine", 0.9, 0.999, has_mean=True),
    "adamw": Optimizer(0.002, 0.012, 0.75, "cosine", 0.9, 0.999, has_mean=True, weight_decay=0.01),
    "rmsprop": Optimizer(0.001, 0.005, 1.0, "cosine", beta2=0.95),
}


def default_learning_rate(optimizer: str, hidden_size: int) -> float:
    """A rate that trains well at this H and does not blow up as H grows, after a warm-up.

    The first updates move every weight by the whole rate, so that the change of a pre-activation
    grows with H.
    """
    rule = OPTIMIZERS[optimizer]
    return float(min(rule.risen_rate, rule.risen_rate * (128 / hidden_size) ** rule.fall))


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
