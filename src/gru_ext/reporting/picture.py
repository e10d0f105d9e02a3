# SPDX-License-Identifier: MIT
"""A figure of matplotlib that a notebook shows. It is imported where a picture is drawn."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class Picture(Figure):
    """A figure that is shown in a notebook, whatever backend matplotlib has there."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()
