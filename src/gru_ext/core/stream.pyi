# SPDX-License-Identifier: MIT
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.stream_state import StreamState

class SymbolStream(StreamState):
    def feed(self, text: Any) -> NDArray[np.float64]: ...
    def read(
        self,
        symbols: NDArray[np.integer],
        starts: NDArray[np.bool_] | None = None,
        resets: NDArray[np.bool_] | None = None,
        states: NDArray[np.floating] | None = None,
        threads: int = 1,
    ) -> NDArray[np.float64]: ...
    def logits(self) -> NDArray[np.floating]: ...
    def log_probabilities(self, temperature: float = 1.0) -> NDArray[np.float64]: ...
    def probabilities(self, temperature: float = 1.0) -> NDArray[np.float64]: ...
    def entropy(self) -> Any: ...
