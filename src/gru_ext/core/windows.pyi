# SPDX-License-Identifier: MIT
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_Flat = NDArray[np.floating]
_Symbols = NDArray[np.integer]

def aligned_zeros(n: int, dtype: DTypeLike) -> NDArray[Any]: ...
def check_count(what: str, n: int, least: int, most: int) -> int: ...

class Workspace:
    def __init__(
        self,
        vocabulary_size: int,
        hidden_size: int,
        batch_size: int,
        seq_length: int,
        dtype: DTypeLike = ...,
        training: bool = True,
        threads: int = 1,
        resetting: bool = False,
        layers: int = 1,
        dropping: bool = False,
        weights: str | None = None,
        products: str | None = None,
    ) -> None: ...
    @property
    def hidden(self) -> NDArray[np.floating]: ...
    @property
    def states(self) -> NDArray[np.floating]: ...
    @property
    def probabilities(self) -> NDArray[np.floating]: ...
    @property
    def losses(self) -> NDArray[np.float64]: ...
    @property
    def dtype(self) -> np.dtype[np.floating]: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def memory(self) -> _Flat: ...

def forward_window(
    parameters: _Flat,
    inputs: _Symbols,
    targets: _Symbols | None,
    workspace: Workspace,
    resets: NDArray[np.bool_] | None = None,
    dropout: float = 0.0,
    seed: int = 0,
    update: int = 0,
) -> float: ...
def backward_window(
    parameters: _Flat, gradients: _Flat, workspace: Workspace, scale: float = 1.0
) -> None: ...
