# SPDX-License-Identifier: MIT
"""The parameters: one flat buffer, with a writable view of it for each name.

This is the only Python module that knows where a parameter lies; ``core/layout.pxd`` describes it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gru_ext.arguments.messages import counted
from gru_ext.core.arrays import Array
from gru_ext.core.kernels import layout
from gru_ext.core.windows import aligned_zeros

# In the order in which the original script initialises (matrices) and lists them.
MATRICES = ("Wz", "Uz", "Wr", "Ur", "Wh", "Uh", "Wy")
NAMES = ("Wy", "Wh", "Wr", "Wz", "Uh", "Ur", "Uz", "by", "bh", "br", "bz")


def layer_name(name: str, layer: int) -> str:
    """The name of a parameter in a layer; layers count from 1, and the first adds no suffix."""
    return name if layer == 1 else f"{name}_{layer}"


def shapes(vocabulary_size: int, hidden_size: int, layers: int = 1) -> dict[str, tuple[int, int]]:
    """The shape of each parameter by name, as in the original script.

    The parameters of the output layer come between those of the first layer. Those of the layers
    above follow, with names such as ``Wz_2``.
    """
    V, H = vocabulary_size, hidden_size
    every = {"Wy": (V, H), "by": (V, 1)}
    first = {}
    for name in NAMES:
        shape = {"W": (H, V), "U": (H, H), "b": (H, 1)}[name[0]]
        first[name] = every.get(name, shape)
    above = {
        layer_name(name, layer): (H, 1) if name[0] == "b" else (H, H)
        for layer in range(2, layers + 1)
        for name in NAMES
        if name not in every
    }
    return first | above


class Parameters(Mapping[str, NDArray[np.floating]]):
    """Named views of one flat buffer: eleven, and nine more for each layer above the first.

    Parameters
    ----------
    vocabulary_size, hidden_size : int
        V and H.
    dtype : dtype
        float32 or float64.
    flat : ndarray, shape (size,), optional
        A buffer to use; its padding must be zero. By default a new buffer of zeros.
    layers : int
        The GRU layers. Each above the first reads the hidden states of the layer below.

    Attributes
    ----------
    flat : ndarray, shape (size,)
        The buffer that the kernels take. Its rows are padded with zeros to whole cache lines.
        Write to it through the names, so that the padding stays zero. No other buffer can be put
        in its place.
    narrow : str or None
        "bfloat16" or "int8" of parameters for reading alone, whose matrices have been rounded.

    Raises
    ------
    ValueError, TypeError
        A size, the dtype or the buffer is not as described.

    Notes
    -----
    ``copy.copy`` shares the buffer. :meth:`copy`, ``copy.deepcopy`` and pickle copy it. Two
    Parameters are equal if sizes, dtype and all values are. They have no hash: their values change.
    """

    narrow: str | None = None

    def __init__(
        self,
        vocabulary_size: int,
        hidden_size: int,
        dtype: DTypeLike = np.float32,
        flat: NDArray[np.floating] | None = None,
        layers: int = 1,
    ) -> None:
        dtype = np.dtype(dtype)
        if dtype not in (np.float32, np.float64):
            raise TypeError(f"dtype must be float32 or float64, not {dtype}")
        self._layout = layout(vocabulary_size, hidden_size, dtype.itemsize, layers)
        size = self._layout["size"]
        if flat is None:
            flat = aligned_zeros(size, dtype)
        else:
            flat = Array(dtypes=(dtype,)).check("flat", flat)
            if flat.size != size:
                raise ValueError(f"`flat` must have {size} elements, not {flat.size}")
        self.vocabulary_size = vocabulary_size
        self.hidden_size = hidden_size
        self.layers = layers
        self._flat = flat
        self._views = self._make_views()

    @property
    def flat(self) -> NDArray[np.floating]:
        """The buffer, of which the arrays are views."""
        return self._flat

    # By default Python would copy and pickle each view as an array of its own, beside the buffer.

    def __getstate__(self) -> dict[str, Any]:
        made = ("_flat", "_layout", "_views")
        return {n: v for n, v in vars(self).items() if n not in made} | {"flat": self._flat}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._restore(state, _aligned_copy(state["flat"]))  # it may be read-only or not aligned

    def _restore(self, state: dict[str, Any], flat: NDArray[np.floating]) -> None:
        sizes = state["vocabulary_size"], state["hidden_size"]
        Parameters.__init__(self, *sizes, flat.dtype, flat, state["layers"])
        made = ("flat", "_layout", "_views")
        vars(self).update({n: v for n, v in state.items() if n not in made})

    def __copy__(self) -> Self:
        other = type(self).__new__(type(self))
        other._restore(self.__getstate__(), self._flat)
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        other = type(self).__new__(type(self))
        memo[id(self)] = other
        state = self.__getstate__()
        flat = state.pop("flat")
        if id(flat) not in memo:
            memo[id(flat)] = _aligned_copy(flat)
        other._restore(copy.deepcopy(state, memo), memo[id(flat)])
        return other

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parameters):
            return NotImplemented
        return (
            self.dtype == other.dtype
            and (self.vocabulary_size, self.hidden_size, self.layers)
            == (other.vocabulary_size, other.hidden_size, other.layers)
            and all(np.array_equal(view, other[name]) for name, view in self.items())
        )

    # a hash would have to change with the values, and the entry of a dict could not be found again
    __hash__ = None  # type: ignore[assignment]

    def _make_views(self) -> dict[str, NDArray[np.floating]]:
        at, V, H = self._layout, self.vocabulary_size, self.hidden_size
        Hp, Vp = at["Hp"], at["Vp"]

        def block(start: int, *shape: int) -> NDArray[np.floating]:
            return self.flat[start : start + int(np.prod(shape))].reshape(shape)

        views = {"Wy": block(at["wy"], H, Vp)[:, :V].T, "by": block(at["by"], Vp)[:V, None]}
        for layer in range(1, self.layers + 1):
            rows = V if layer == 1 else H
            start = 0 if layer == 1 else at["above"] + (layer - 2) * at["layer_size"]
            w = block(start, rows, 3, Hp)
            b = block(start := start + w.size, 3, Hp)
            uzr = block(start := start + b.size, H, 2, Hp)
            uh = block(start + uzr.size, H, Hp)
            for i, gate in enumerate("zrh"):
                recurrent = uh if gate == "h" else uzr[:, i]
                views[layer_name("W" + gate, layer)] = w[:, i, :H].T
                views[layer_name("U" + gate, layer)] = recurrent[:, :H].T
                views[layer_name("b" + gate, layer)] = b[i, :H, None]
        return {name: views[name] for name in shapes(V, H, self.layers)}

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """float32 or float64."""
        return self.flat.dtype

    @property
    def weight_bytes(self) -> int:
        """The bytes of a weight as it is read."""
        return self.dtype.itemsize

    @property
    def count(self) -> int:
        """The number of trained parameters, without the padding."""
        arrays = shapes(self.vocabulary_size, self.hidden_size, self.layers)
        return sum(rows * columns for rows, columns in arrays.values())

    def size_of(self, name: str) -> int:
        """The size of an array in bytes, without padding."""
        return self[name].nbytes

    @property
    def sizes(self) -> str:
        """Hidden size and layers, as messages show them."""
        layers = f"{self.layers} layers of " if self.layers > 1 else ""
        return f"{layers}hidden size {self.hidden_size}"

    def __repr__(self) -> str:
        return (
            f"<gru_ext.Parameters: {counted(len(self), 'array')}, vocabulary size "
            f"{self.vocabulary_size:,}, {self.sizes}, {counted(self.count, 'parameter')}, "
            f"{self.dtype}>"
        )

    def __getitem__(self, name: str) -> NDArray[np.floating]:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def copy(self) -> Parameters:
        """A copy in a buffer of its own."""
        return self.like(_aligned_copy(self.flat))

    def like(self, flat: NDArray[np.floating] | None = None) -> Parameters:
        """Parameters of the same sizes in another buffer; by default they are zero."""
        sizes = self.vocabulary_size, self.hidden_size, self.dtype
        return Parameters(*sizes, flat, self.layers)

    def check_finite(self) -> None:
        """Raise a ValueError that names the parameters with values that are not finite."""
        if np.isfinite(self.flat).all():
            return
        broken = [name for name, view in self.items() if not np.isfinite(view).all()]
        raise ValueError(
            f"{', '.join(broken) or 'the padding of flat'} must have finite values only, but NaN "
            f"or infinity is in it: assign finite values, or load the model again"
        )

    def assign(self, values: Mapping[str, NDArray[np.floating]]) -> None:
        """Copy the arrays of ``values`` into the parameters of the same names.

        Raises
        ------
        KeyError, ValueError
            A name is missing or a shape differs. Nothing is changed then.
        """
        for name, shape in shapes(self.vocabulary_size, self.hidden_size, self.layers).items():
            if values[name].shape != shape:
                raise ValueError(f"{name} must have shape {shape}, not {values[name].shape}")
        for name, view in self._views.items():
            view[...] = values[name]


def _aligned_copy(flat: NDArray[np.floating]) -> NDArray[np.floating]:
    """A writable copy that is aligned to a cache line."""
    copied: NDArray[np.floating] = aligned_zeros(flat.size, flat.dtype)
    copied[...] = flat
    return copied


class Uniform(Protocol):
    """What the generators of numpy.random have in common."""

    def random(self, size: tuple[int, ...], /) -> NDArray[Any]:
        """Uniform random numbers from [0, 1), of this shape."""


def draw_uniform(parameters: Parameters, generator: Uniform, scale: float = 0.05) -> None:
    """Initialise matrices uniformly in [-scale, scale), in the original script's order.

    Biases stay as they are.
    """
    matrices = [*MATRICES]
    for layer in range(2, parameters.layers + 1):
        matrices += [layer_name(name, layer) for name in MATRICES if name != "Wy"]
    for name in matrices:
        view = parameters[name]
        view[...] = generator.random(view.shape) * (2 * scale) - scale
    for name, view in parameters.items():
        if name.startswith("b"):
            view[...] = 0
