# SPDX-License-Identifier: MIT
"""Parameters for reading alone, whose matrices are rounded to bfloat16 or int8."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.kernels import layout
from gru_ext.core.packing import Int8, from_bfloat16, pack, to_bfloat16, to_int8
from gru_ext.core.windows import aligned_zeros
from gru_ext.model.parameters import Parameters, layer_name, shapes
from gru_ext.model.weights_options import Weights

Narrow = Literal["bfloat16", "int8"]
_CONSTANT = (
    "this model has {} weights, which never change and are for reading alone: "
    "model.with_weights('float32') returns a model that can be trained"
)

Rounded = Int8 | NDArray[np.uint16]


class NarrowParameters(Parameters):
    """Parameters whose matrices are bfloat16 or int8, and whose biases are float32.

    They never change. Read by name, an array is what its numbers stand for: a read-only float32
    array that is made anew. A stream reads the narrow numbers themselves. Its states are float32.

    Parameters
    ----------
    narrow : {"bfloat16", "int8"}
    matrices : mapping of ndarray of uint16 or of Int8
        The rounded matrices by the names and in the shapes of the parameters: the upper halves of
        float32 numbers; or bytes and the scale of each row.
    biases : mapping of ndarray of float32

    Raises
    ------
    ValueError
        The hidden size is too large for sums of 32 bits, or a number is not finite.
    """

    def __init__(
        self,
        narrow: Narrow,
        matrices: Mapping[str, Rounded],
        biases: Mapping[str, NDArray[np.float32]],
    ) -> None:
        self.narrow = narrow
        self.hidden_size, self.vocabulary_size = _rows(matrices["Wz"]).shape
        self.layers = len(biases) // 3  # three of each layer, and the output's
        self._layout = layout(
            self.vocabulary_size, self.hidden_size, 4, self.layers, weights=narrow
        )
        self._matrices, self._biases = dict(matrices), dict(biases)
        self.check_finite()

    @classmethod
    def rounded(cls, parameters: Parameters, narrow: Narrow) -> Self:
        """Round parameters of any width.

        Raises
        ------
        ValueError
            A number is not finite, or too large for its new width.
        """
        parameters.check_finite()
        to_narrow: Any = to_int8 if narrow == "int8" else to_bfloat16
        with np.errstate(over="ignore"):  # what overflows is refused
            biases = {n: a.astype(np.float32) for n, a in parameters.items() if n[0] == "b"}
            matrices = {n: to_narrow(a) for n, a in parameters.items() if n[0] != "b"}
        return cls(narrow, matrices, biases)

    @property
    def matrices(self) -> Mapping[str, Rounded]:
        """The rounded matrices by their names."""
        return self._matrices

    @property
    def flat(self) -> NoReturn:
        """There is no such buffer.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(_CONSTANT.format(self.narrow))

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """float32, that of biases, states and predictions."""
        return np.dtype(np.float32)

    @property
    def weight_bytes(self) -> int:
        """The bytes of a weight as it is read: 1 or 2."""
        return 1 if self.narrow == "int8" else 2

    def size_of(self, name: str) -> int:
        """The size of an array in bytes, with its scales."""
        array: Any = self._matrices.get(name, self._biases.get(name))
        return sum(part.nbytes for part in (array if isinstance(array, Int8) else [array]))

    def __getitem__(self, name: str) -> NDArray[np.floating]:
        array = self._biases[name] if name in self._biases else _widened(self._matrices[name])
        view = array.view()
        view.flags.writeable = False
        return view

    def __iter__(self) -> Iterator[str]:
        return iter(shapes(self.vocabulary_size, self.hidden_size, self.layers))

    def __len__(self) -> int:
        return len(self._matrices) + len(self._biases)

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]} with {self.narrow} matrices>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NarrowParameters):
            return NotImplemented if not isinstance(other, Parameters) else False
        return self.narrow == other.narrow and super().__eq__(other)

    __hash__ = None

    def __getstate__(self) -> dict[str, Any]:
        kept = "narrow", "_matrices", "_biases"
        return {name: vars(self)[name] for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        NarrowParameters.__init__(self, *state.values())

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def copy(self) -> Parameters:
        """These parameters themselves, which never change."""
        return self

    def assign(self, values: Mapping[str, NDArray[np.floating]]) -> NoReturn:
        """Raise a TypeError: these parameters never change."""
        raise TypeError(_CONSTANT.format(self.narrow))

    def check_finite(self) -> None:
        """Raise a ValueError that names the parameters with numbers that are not finite."""
        arrays = self._biases | {
            name: matrix.scales if isinstance(matrix, Int8) else from_bfloat16(matrix)
            for name, matrix in self._matrices.items()
        }
        broken = [name for name, array in arrays.items() if not np.isfinite(array).all()]
        if broken:
            raise ValueError(f"{', '.join(broken)} must have finite values of {self.narrow}")

    @cached_property
    def packed(self) -> NDArray[np.float32]:
        """The buffer that a stream reads (core/layout.pxd), of 32-bit elements of any kind."""
        at, H = self._layout, self.hidden_size
        Hp, Vp = at["Hp"], at["Vp"]
        buffer: NDArray[np.float32] = aligned_zeros(at["size"], np.float32)

        def put(start: int, values: NDArray[np.float32]) -> int:
            buffer[start : start + values.size] = values.ravel()
            return start + values.size

        for layer in range(1, self.layers + 1):
            end = 0 if layer == 1 else at["above"] + (layer - 2) * at["layer_size"]
            inputs, biases, recurrent = (
                [layer_name(kind + gate, layer) for gate in "zrh"] for kind in "WbU"
            )
            if layer == 1:  # a row of it is read at a time, so that float32 is the fastest
                rows = np.zeros((self.vocabulary_size, 3, Hp), np.float32)
                for i, name in enumerate(inputs):
                    rows[:, i, :H] = self[name].T
                end = put(end, rows)
            else:
                end = put(end, self._product(inputs, Hp))
            end = put(end, np.stack([_padded(self[name][:, 0], Hp) for name in biases]))
            end = put(end, self._product(recurrent[:2], Hp))
            put(end, self._product(recurrent[2:], Hp))
        put(put(at["wy"], self._product(["Wy"], Vp)), _padded(self["by"][:, 0], Vp))
        buffer.flags.writeable = False
        return buffer

    def _product(self, names: list[str], width: int) -> NDArray[np.float32]:
        """Matrices whose products are one, each with so many outputs, as the kernels read them."""
        matrices = [self._matrices[name] for name in names]
        rows = np.concatenate([_padded(_rows(matrix), width) for matrix in matrices])
        scales = None
        if self.narrow == "int8":
            each: Any = matrices
            scales = np.concatenate([_padded(matrix.scales, width) for matrix in each])
        return pack(rows, scales)


def with_weights(parameters: Parameters, weights: Weights | None) -> Parameters:
    """The parameters, rounded to these weights or widened to float32.

    They are returned themselves where they have such weights already, or if there is no choice.
    """
    if weights is None or weights == (parameters.narrow or parameters.dtype):
        return parameters
    if weights != "float32":
        return NarrowParameters.rounded(parameters, weights)
    sizes = parameters.vocabulary_size, parameters.hidden_size
    wide = Parameters(*sizes, np.float32, layers=parameters.layers)
    wide.assign(parameters)
    return wide


def _rows(matrix: Rounded) -> NDArray[Any]:
    return matrix.values if isinstance(matrix, Int8) else matrix


def _widened(matrix: Rounded) -> NDArray[np.float32]:
    return matrix.widened() if isinstance(matrix, Int8) else from_bfloat16(matrix)


def _padded(rows: NDArray[Any], count: int) -> NDArray[Any]:
    """The rows with rows of zeros after them."""
    result = np.zeros((count, *rows.shape[1:]), rows.dtype)
    result[: len(rows)] = rows
    return result
