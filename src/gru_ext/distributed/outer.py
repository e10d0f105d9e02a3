# SPDX-License-Identifier: MIT
"""The outer optimiser: how the mean of the workers' weights changes the weights of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:  # the command line reads the names, and --help must be fast
    import numpy as np
    from numpy.typing import NDArray

OuterOptimizerName = Literal["mean", "nesterov"]
OUTER_OPTIMIZERS: tuple[OuterOptimizerName, ...] = get_args(OuterOptimizerName)
OUTER_RATE: dict[OuterOptimizerName, float] = {"mean": 1.0, "nesterov": 0.7}
"""The outer learning rates of local SGD and of DiLoCo (Douillard and others, 2023)."""
OUTER_MOMENTUM = 0.5
"""DiLoCo has 0.9, with which these models diverge (docs/how-to/distributed.md)."""


def outer_update(
    weights: NDArray[np.floating],
    change: NDArray[np.floating],
    momentum: NDArray[np.floating] | None,
    rate: float,
    decay: float,
) -> None:
    """Update the weights with the mean change of the workers, in place.

    With momentum it is Nesterov's: ``v = decay v + change``, ``w = w + rate (change + decay v)``;
    without it, ``w = w + rate change``. Each operation is rounded by itself, so that the result is
    the same on every machine.

    Parameters
    ----------
    weights, change : ndarray, shape (n,)
        The change is overwritten.
    momentum : ndarray, shape (n,), or None
        v, updated in place.
    rate, decay : float
    """
    if momentum is not None:
        momentum *= decay
        momentum += change
        change += decay * momentum
    change *= rate
    weights += change
