# SPDX-License-Identifier: MIT
"""The parameters: one flat buffer, with the notebook's eleven names as writable views into it.

The only Python module that knows where a parameter lies (``_layout.pxd`` draws the map).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gru_ext.kernels import layout
from gru_ext.windows import aligned_zeros

# In the order in which the notebook draws (matrices) and lists them.
MATRICES = ("Wz", "Uz", "Wr", "Ur", "Wh", "Uh", "Wy")
NAMES = ("Wy", "Wh", "Wr", "Wz", "Uh", "Ur", "Uz", "by", "bh", "br", "bz")


def shapes(vocabulary_size: int, hidden_size: int) -> dict[str, tuple[int, int]]:
    """Shape of each parameter by name, as the notebook has them."""
    V, H = vocabulary_size, hidden_size
    gates = {
        f"{kind}{gate}": shape
        for gate in "zrh"
        for kind, shape in (("W", (H, V)), ("U", (H, H)), ("b", (H, 1)))
    }
    every = gates | {"Wy": (V, H), "by": (V, 1)}
    return {name: every[name] for name in NAMES}


class Parameters(Mapping[str, NDArray[np.floating]]):
    """Eleven named views of one flat buffer.

    Parameters
    ----------
    vocabulary_size, hidden_size : int
        V and H.
    dtype : dtype
        float32 or float64.
    flat : ndarray, shape (size,), optional
        A buffer to use; its padding must be zero. By default a new one, all zero.

    Attributes
    ----------
    flat : ndarray, shape (size,)
        The buffer, which the kernels take. Rows are padded with zeros to whole cache lines; write
        through the names, so that the padding stays zero.

    Raises
    ------
    ValueError, TypeError
        Where a size, the dtype or the buffer does not fit.
    """

    def __init__(
        self,
        vocabulary_size: int,
        hidden_size: int,
        dtype: DTypeLike = np.float32,
        flat: NDArray[np.floating] | None = None,
    ) -> None:
        dtype = np.dtype(dtype)
        if dtype not in (np.float32, np.float64):
            raise TypeError(f"dtype must be float32 or float64, not {dtype}")
        self._layout = layout(vocabulary_size, hidden_size, dtype.itemsize)
        size = self._layout["size"]
        if flat is None:
            flat = aligned_zeros(size, dtype)
        elif flat.dtype != dtype or flat.shape != (size,) or not flat.flags.c_contiguous:
            raise ValueError(
                f"flat must be a contiguous {dtype} array of {size} elements, "
                f"not {flat.dtype} of shape {flat.shape}"
            )
        self.vocabulary_size = vocabulary_size
        self.hidden_size = hidden_size
        self.flat = flat
        self._views = self._make_views()

    def _make_views(self) -> dict[str, NDArray[np.floating]]:
        at, V, H = self._layout, self.vocabulary_size, self.hidden_size
        Hp, Vp = at["Hp"], at["Vp"]

        def block(offset: str, *shape: int) -> NDArray[np.floating]:
            return self.flat[at[offset] : at[offset] + int(np.prod(shape))].reshape(shape)

        w, b = block("w", V, 3, Hp), block("b", 3, Hp)
        uzr, uh = block("uzr", H, 2, Hp), block("uh", H, Hp)
        views = {"Wy": block("wy", H, Vp)[:, :V].T, "by": block("by", Vp)[:V, None]}
        for i, gate in enumerate("zrh"):
            recurrent = uh if gate == "h" else uzr[:, i]
            views["W" + gate] = w[:, i, :H].T
            views["U" + gate] = recurrent[:, :H].T
            views["b" + gate] = b[i, :H, None]
        return {name: views[name] for name in NAMES}

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """float32 or float64."""
        return self.flat.dtype

    @property
    def count(self) -> int:
        """Numbers that are learned, without the padding."""
        return sum(view.size for view in self._views.values())

    def __getitem__(self, name: str) -> NDArray[np.floating]:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def copy(self) -> Parameters:
        """The same values in a buffer of their own."""
        return Parameters(self.vocabulary_size, self.hidden_size, self.dtype, self.flat.copy())

    def assign(self, values: Mapping[str, NDArray[np.floating]]) -> None:
        """Copy the arrays of ``values`` into the parameters of the same names.

        Raises
        ------
        KeyError, ValueError
            Where a name is missing or a shape differs; nothing is changed then.
        """
        for name, shape in shapes(self.vocabulary_size, self.hidden_size).items():
            if values[name].shape != shape:
                raise ValueError(f"{name} must have shape {shape}, not {values[name].shape}")
        for name, view in self._views.items():
            view[...] = values[name]


class Uniform(Protocol):
    """What numpy.random's generators have in common."""

    def random(self, size: tuple[int, ...], /) -> NDArray[Any]:
        """Numbers evenly from [0, 1), of this shape."""


def draw_uniform(parameters: Parameters, generator: Uniform, scale: float = 0.05) -> None:
    """Initialise: matrices uniform in [-scale, scale), biases zero, in the notebook's order."""
    for name in MATRICES:
        view = parameters[name]
        view[...] = generator.random(view.shape) * (2 * scale) - scale
    for name in ("bz", "br", "bh", "by"):
        parameters[name][...] = 0
