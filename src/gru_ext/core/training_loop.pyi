# SPDX-License-Identifier: MIT
import numpy as np
from numpy.typing import NDArray

from gru_ext.core.windows import Workspace

_Flat = NDArray[np.floating]
_Symbols = NDArray[np.integer]

def step_time(hidden_size: int, batch_size: int, itemsize: int, threads: int) -> float: ...

class TrainingLoop:
    position: int
    windows_done: int
    def __init__(
        self,
        parameters: _Flat,
        memory: _Flat,
        workspace: Workspace,
        symbols: _Symbols,
        separator: _Symbols | None = None,
        optimizer: str = "adagrad",
        mean: _Flat | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        tied: bool = False,
        average: _Flat | None = None,
    ) -> None: ...
    @property
    def workspace(self) -> Workspace: ...
    @property
    def parameters(self) -> _Flat: ...
    @property
    def memory(self) -> _Flat: ...
    @property
    def mean(self) -> _Flat | None: ...
    @property
    def average(self) -> _Flat | None: ...
    @property
    def windows_per_epoch(self) -> int: ...
    def steps(
        self,
        windows: int,
        learning_rate: float | NDArray[np.float64],
        clip: float = 5.0,
        eps: float = 1e-8,
        threads: int = 1,
        weight_decay: float = 0.0,
        clip_norm: float = ...,
        dropout: float = 0.0,
        seed: int = 0,
        weight_dropout: float = 0.0,
        state_reset: float = 0.0,
        average_over: float = 0.0,
        gradient_only: bool = False,
    ) -> NDArray[np.float64]: ...
    @property
    def gradients(self) -> _Flat: ...
    def apply(
        self,
        learning_rate: float | NDArray[np.float64],
        clip: float = 5.0,
        eps: float = 1e-8,
        threads: int = 1,
        weight_decay: float = 0.0,
        clip_norm: float = ...,
        average_over: float = 0.0,
    ) -> None: ...
