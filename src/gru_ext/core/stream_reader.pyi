# SPDX-License-Identifier: MIT
import numpy as np
from numpy.typing import NDArray

from gru_ext.core.stream_state import StreamState

class StreamReader(StreamState):
    def read(
        self,
        symbols: NDArray[np.integer],
        starts: NDArray[np.bool_] | None = None,
        resets: NDArray[np.bool_] | None = None,
        states: NDArray[np.floating] | None = None,
        threads: int = 1,
    ) -> NDArray[np.float64]: ...
