# SPDX-License-Identifier: MIT
"""The checks of numbers, integer arrays and automata that enter the sampler.

Arrays are copied first. What is checked is the copy: another thread may write into the caller's
array at any time.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

LARGEST_TABLE = 1 << 28
"""The most elements of a table of states times symbols, or of streams times history."""

# float32 logits with a bias stay finite at any temperature.
_LARGEST_BIAS = 1e6


def whole(name: str, value: object, least: int, most: int) -> int:
    """Return the value if it is a whole number from least to most.

    Raises
    ------
    TypeError, ValueError
        It is not. The message names the argument and says what it must be.
    """
    says = f"`{name}` must be a whole number from {least} to {most}, not {value!r}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(says)
    plain = int(value)
    if not least <= plain <= most:
        raise ValueError(says)
    return plain


def number(
    name: str, value: object, most: float, *, least: float = 0, above: bool = False
) -> float:
    """Return the value if it is a number from least to most; with ``above`` not least itself.

    Raises
    ------
    TypeError, ValueError
        It is not. The message names the argument and says what it must be.
    """
    lower = f"above {least:g}" if above else f"{least:g} or more"
    upper = "finite" if math.isinf(most) else f"at most {most:g}"
    says = f"`{name}` must be a number {lower} and {upper}, not {value!r}"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(says)
    try:
        plain = float(value)
    except OverflowError:
        raise ValueError(says) from None
    if not least <= plain <= most or math.isinf(plain) or (above and plain == least):
        raise ValueError(says)
    return plain


def integers(name: str, values: ArrayLike, ndim: int, least: int, most: int) -> NDArray[np.int32]:
    """Return an int32 copy of an array of integers from least to most.

    Raises
    ------
    TypeError, ValueError
        A dtype, the number of dimensions or a value is wrong. The message names the array.
    """
    copy = np.array(values, order="C")
    if copy.dtype.kind not in "iu" and copy.size:
        raise TypeError(f"`{name}` must be an array of integers, not {copy.dtype}")
    if copy.ndim != ndim:
        raise ValueError(f"`{name}` must have {ndim} dimension(s), not {copy.ndim}")
    if copy.size and not (copy.min() >= least and copy.max() <= most):
        at = tuple(int(i) for i in np.argwhere((copy < least) | (copy > most))[0])
        raise ValueError(f"`{name}` must be from {least} to {most}, not {copy[at]} at {at}")
    return copy.astype(np.int32, copy=False)


def reals(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return a float64 copy of an array of numbers.

    Raises
    ------
    TypeError
        It has another dtype. The message names the array.
    """
    copy = np.array(values, order="C")
    if copy.dtype.kind not in "fiu":
        raise TypeError(f"`{name}` must be an array of numbers, not {copy.dtype}")
    return copy.astype(np.float64, copy=False)


def bias_of(bias: ArrayLike, V: int, padded: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return the bias (V) with padding of zeros; -inf bans a symbol.

    Raises
    ------
    TypeError, ValueError
        The dtype, the shape or a number is wrong, or all symbols are banned.
    """
    copy = reals("bias", bias)
    if copy.shape != (V,):
        raise ValueError(f"`bias` must have shape ({V},), not {copy.shape}")
    finite = np.abs(copy) <= _LARGEST_BIAS
    wrong = np.flatnonzero(~finite & (copy != -np.inf))
    if wrong.size:
        raise ValueError(
            f"`bias` must be from -1e6 to 1e6, or -inf, not {copy[wrong[0]]} of symbol {wrong[0]}"
        )
    if not finite.any():
        raise ValueError("`bias` must have a finite number: -inf bans a symbol")
    result = np.zeros(padded, dtype)
    result[:V] = copy
    return result


def regex_of(
    regex: object, V: int
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int32]]:
    """Return the states of a regex: next (S, V), accepting (S), final (S), to_accept (S).

    A final state is accepting and allows no further symbol.

    Raises
    ------
    TypeError, ValueError
        It is not a tuple (next, accepting, to_accept) of arrays that fit each other.
    """
    table, accepting, distances = _parts("regex", regex, 3)
    table, accepting = _states("regex", table, accepting, V, -1)
    to_accept = integers("regex[2]", distances, 1, 0, np.iinfo(np.int32).max)
    if to_accept.shape != accepting.shape or ((to_accept == 0) != (accepting != 0)).any():
        raise ValueError(
            f"`regex[2]` must have shape {accepting.shape} and be 0 in the accepting states only"
        )
    final = ((accepting != 0) & (table.max(axis=1) < 0)).astype(np.uint8)
    return table, accepting, final, to_accept


def stop_of(stop: object, V: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Return the states of the stop strings: next (S, V), accepting (S).

    Raises
    ------
    TypeError, ValueError
        It is not a tuple (next, accepting) of arrays that fit each other, or the initial state
        accepts.
    """
    table, accepting = _parts("stop", stop, 2)
    table, accepting = _states("stop", table, accepting, V, 0)
    if accepting[0]:
        raise ValueError("`stop[1]` must be False in state 0, which is before the first symbol")
    return table, accepting


def _parts(name: str, values: object, n: int) -> tuple[Any, ...]:
    if not isinstance(values, tuple) or len(values) != n:
        raise TypeError(f"`{name}` must be a tuple of {n} arrays, not {values!r:.40}")
    return values


def _states(
    name: str, table: ArrayLike, accepting: ArrayLike, V: int, least: int
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    shape = np.shape(table)
    if len(shape) != 2 or shape[0] < 1 or shape[1] != V or shape[0] * V > LARGEST_TABLE:
        raise ValueError(
            f"`{name}[0]` must have shape (S, {V}) and at most {LARGEST_TABLE} elements, "
            f"not shape {shape}"
        )
    copy = integers(f"{name}[0]", table, 2, least, shape[0] - 1)
    accepts = np.array(accepting)
    if accepts.dtype not in (np.bool_, np.uint8) or accepts.shape != copy.shape[:1]:
        raise ValueError(
            f"`{name}[1]` must be bool of shape {copy.shape[:1]}, not {accepts.dtype} "
            f"of {accepts.shape}"
        )
    return copy, (accepts != 0).astype(np.uint8)
