# SPDX-License-Identifier: MIT
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Real = TypeVar("_Real", np.float32, np.float64)

MOST_LAYERS: int

def use_isa(name: str | None = None) -> None: ...
def available_isas() -> list[str]: ...
def not_built() -> list[str]: ...
def active_isa() -> str: ...
def compiler() -> str: ...
def layout(
    vocabulary_size: int,
    hidden_size: int,
    itemsize: int,
    layers: int = 1,
    weights: str | None = None,
) -> dict[str, int]: ...
def dropout(
    x: NDArray[_Real],
    out: NDArray[_Real],
    dropout: float,
    seed: int,
    update: int,
    row: int = 0,
) -> None: ...
def clip(gradients: NDArray[_Real], limit: float) -> None: ...
def adagrad_update(
    parameters: NDArray[_Real],
    memory: NDArray[_Real],
    gradients: NDArray[_Real],
    learning_rate: float,
    clip: float = 5.0,
    eps: float = 1e-8,
) -> None: ...
def rmsprop_update(
    parameters: NDArray[_Real],
    memory: NDArray[_Real],
    gradients: NDArray[_Real],
    learning_rate: float,
    beta2: float = 0.95,
    clip: float = 5.0,
    eps: float = 1e-8,
) -> None: ...
def adam_update(
    parameters: NDArray[_Real],
    memory: NDArray[_Real],
    mean: NDArray[_Real],
    gradients: NDArray[_Real],
    step: int,
    learning_rate: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    weight_decay: float = 0.0,
    clip: float = 5.0,
    eps: float = 1e-8,
) -> None: ...
def exp(x: NDArray[_Real], out: NDArray[_Real]) -> None: ...
def sigmoid(x: NDArray[_Real], out: NDArray[_Real]) -> None: ...
def tanh(x: NDArray[_Real], out: NDArray[_Real]) -> None: ...
def log(x: NDArray[_Real], out: NDArray[_Real]) -> None: ...
def check_eps(eps: float, itemsize: int) -> None: ...
def check_beta(what: str, beta: float) -> None: ...
def check_weight_decay(weight_decay: float, learning_rate: float) -> None: ...
def check_learning_rate(learning_rate: float, itemsize: int) -> None: ...
def check_clip(clip: float) -> None: ...
def check_dropout(dropout: float, what: str = "dropout") -> None: ...
