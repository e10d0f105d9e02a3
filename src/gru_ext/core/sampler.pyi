# SPDX-License-Identifier: MIT
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

ENDINGS: tuple[str | None, ...]

class Sampler:
    def __init__(
        self,
        vocabulary_size: int,
        batch_size: int,
        dtype: DTypeLike,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        typical_p: float = 1.0,
        surprise: float | None = None,
        surprise_rate: float = 0.1,
        bias: ArrayLike | None = None,
        dry: float = 0.0,
        dry_base: float = 1.15,
        dry_length: int = 20,
        dry_range: int = 1024,
        dry_breakers: ArrayLike | None = None,
        regex: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
        stop: tuple[ArrayLike, ArrayLike] | None = None,
        length: int | None = None,
    ) -> None: ...
    @property
    def vocabulary_size(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[np.floating]: ...
    @property
    def ended(self) -> NDArray[np.int32]: ...
    def reset(self) -> None: ...
    def copy(self) -> Sampler: ...
    def read(self, symbols: ArrayLike) -> None: ...
    def read_stream(self, stream: int, symbols: ArrayLike) -> None: ...
    def choose(
        self, logits: NDArray[np.floating], uniforms: ArrayLike
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]: ...
