# SPDX-License-Identifier: MIT
"""The scale of a picture of losses, on which the interesting part is not flat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

_BEGINNING = 0.1
_FEW = 3
_LINEAR = 4.0


class Scale(NamedTuple):
    """The least and the greatest loss to show, and whether the scale is logarithmic."""

    low: float
    high: float
    logarithmic: bool


def scale_of(curves: Iterable[list[tuple[float, float]]]) -> Scale | None:
    """The scale for curves of losses over steps; None where there is no point.

    The beginning of each curve, its first tenth and in any case its first point, is steep: what
    is shown begins after it. Where the losses still differ by more than a factor of four, the scale
    is logarithmic, and all is shown.
    """
    every, later = [], []
    for points in curves:
        every += [y for _, y in points]
        if len(points) <= _FEW:
            later += [y for _, y in points]
        else:
            begun = max(points[0][0], _BEGINNING * points[-1][0])
            later += [y for x, y in points if x > begun]
    if not every:
        return None
    low, high = min(every), max(later)
    if low > 0 and high > _LINEAR * low:
        return Scale(low, max(every), True)
    return Scale(low, high, False)
