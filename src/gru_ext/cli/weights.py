# SPDX-License-Identifier: MIT
"""What a command says of narrow weights."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gru_ext.model.model import Model

_logger = logging.getLogger("gru_ext")


def read_with(model: Model, weights: str | None) -> Model:
    """The model with these weights, or with its own; log what is known of their cost."""
    from gru_ext.model.narrow_cost import NarrowCost

    chosen = model.with_weights(weights)  # type: ignore[arg-type]
    narrow = chosen.parameters.narrow
    if narrow is not None:
        cost = NarrowCost.recorded(chosen.about)
        says = (
            f"cost {cost}"
            if cost
            else f"cost what gru-ext evaluate --weights {narrow} says of a text"
        )
        _logger.warning("%s weights %s", narrow, says)
    return chosen
