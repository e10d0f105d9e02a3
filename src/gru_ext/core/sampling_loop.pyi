# SPDX-License-Identifier: MIT
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gru_ext.core.sampler import Sampler
from gru_ext.core.stream import SymbolStream

def sample_symbols(
    stream: SymbolStream,
    sampler: Sampler,
    uniforms: ArrayLike,
    losses: NDArray[np.float64] | None = None,
    threads: int = 1,
) -> NDArray[np.int32]: ...
