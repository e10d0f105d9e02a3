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

    # the option's kind has checked that it is one of the words
    chosen = model.with_weights(weights)  # type: ignore[arg-type]
    narrow = chosen.parameters.narrow
    if narrow is not None:
        cost = NarrowCost.recorded(chosen.about)
        if cost is not None:
            _logger.warning("%s weights cost %s", narrow, cost)
        elif chosen is not model:
            _logger.warning("what %s weights cost: see gru-ext evaluate --weights", narrow)
        else:
            _logger.warning("what %s weights cost was not measured when they were made", narrow)
    return chosen
