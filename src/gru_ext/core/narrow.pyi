# SPDX-License-Identifier: MIT
import numpy as np
from numpy.typing import NDArray

PANEL_LINES: int

def int8_products() -> str: ...
def matmul(
    a: NDArray[np.float32],
    packed: NDArray[np.float32],
    weights: str,
    K: int,
    columns: tuple[int, int] | None = None,
) -> NDArray[np.float32]: ...
