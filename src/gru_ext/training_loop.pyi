# SPDX-License-Identifier: MIT
import numpy as np
from numpy.typing import NDArray

from gru_ext.windows import Workspace

_Flat = NDArray[np.floating]
_Symbols = NDArray[np.integer]

class TrainingLoop:
    position: int
    def __init__(
        self,
        parameters: _Flat,
        memory: _Flat,
        workspace: Workspace,
        symbols: _Symbols,
        separator: _Symbols | None = None,
    ) -> None: ...
    @property
    def workspace(self) -> Workspace: ...
    @property
    def parameters(self) -> _Flat: ...
    @property
    def memory(self) -> _Flat: ...
    @property
    def windows_done(self) -> int: ...
    @property
    def windows_per_epoch(self) -> int: ...
    def steps(
        self,
        windows: int,
        learning_rate: float | NDArray[np.float64],
        clip: float = 5.0,
        eps: float = 1e-8,
        threads: int = 1,
    ) -> NDArray[np.float64]: ...
