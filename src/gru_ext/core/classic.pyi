# SPDX-License-Identifier: MIT
import numpy as np
from numpy.typing import NDArray

_Real = NDArray[np.floating]

def iterate(
    W: _Real,
    U: _Real,
    b: _Real,
    Wy: _Real,
    by: _Real,
    mW: _Real,
    mU: _Real,
    mb: _Real,
    mWy: _Real,
    mby: _Real,
    hidden: _Real,
    symbols: NDArray[np.int32],
    position: int,
    T: int,
    learning_rate: float,
    clip: float,
    losses: NDArray[np.float64],
) -> int: ...
def sample(
    W: _Real,
    U: _Real,
    b: _Real,
    Wy: _Real,
    by: _Real,
    hidden: _Real,
    first: int,
    uniforms: NDArray[np.float64],
) -> NDArray[np.int32]: ...
