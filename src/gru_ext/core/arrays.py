# SPDX-License-Identifier: MIT
"""The checks of arrays that enter the compiled code, where Python code calls it.

The kernels read and write through plain pointers. They need elements of the right type, one after
the other, at addresses that are multiples of their size.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Array(NamedTuple):
    """What an array must be: contiguous, aligned, and of these types and dimensions."""

    ndim: int = 1
    writable: bool = False
    dtypes: tuple[DTypeLike, ...] = (np.float32, np.float64)

    def check(self, name: str, value: object) -> NDArray[Any]:
        """Return the value as an array, which is not copied.

        Raises
        ------
        TypeError, ValueError
            The value is no such array. The message names it and says what it must be.
        """
        array = _as_array(value)
        if array is None or all(array.dtype != np.dtype(dtype) for dtype in self.dtypes):
            allowed = " or ".join(str(np.dtype(dtype)) for dtype in self.dtypes)
            found = type(value).__name__ if array is None else array.dtype
            raise TypeError(f"`{name}` must be an array of {allowed}, not {found}")
        if array.ndim != self.ndim:
            raise ValueError(f"`{name}` must have {self.ndim} dimension(s), not {array.ndim}")
        if not array.flags.c_contiguous:
            raise ValueError(f"`{name}` must be C-contiguous, not strides of {array.strides} bytes")
        if not array.flags.aligned:
            raise ValueError(
                f"`{name}` must be aligned: its address must be a multiple of the "
                f"{array.itemsize} bytes of an element"
            )
        if self.writable and not array.flags.writeable:
            raise ValueError(f"`{name}` must be writable, not read-only")
        return array


REAL = Array()
WRITABLE = Array(writable=True)


def _as_array(value: object) -> NDArray[Any] | None:
    # any object with a buffer; a sequence would be copied
    if isinstance(value, np.ndarray):
        return value
    try:
        return np.asarray(memoryview(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def checks_arrays(**arrays: Array | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function: its arrays are checked before it is called.

    Parameters
    ----------
    **arrays : Array or None
        The function's first arguments in their order; None stands for one that is not checked here.
        Arrays of real numbers must be of the dtype of the first array.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            given = list(args)
            first = None
            for place, (name, kind) in enumerate(arrays.items()):
                if kind is None or (place >= len(given) and name not in kwargs):
                    continue
                value = given[place] if place < len(given) else kwargs[name]
                if first is not None and kind.dtypes == REAL.dtypes:
                    _check_dtype(name, value, *first)
                array = kind.check(name, value)
                if place < len(given):
                    given[place] = array
                else:
                    kwargs[name] = array
                first = first or (name, array.dtype)
            return function(*given, **kwargs)

        return checked

    return decorate


def _check_dtype(name: str, value: object, first: str, dtype: np.dtype[Any]) -> None:
    array = _as_array(value)
    if array is not None and array.dtype != dtype:
        raise TypeError(f"`{name}` must be {dtype} as `{first}`, not {array.dtype}")
