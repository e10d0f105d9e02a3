# SPDX-License-Identifier: MIT
"""Arrays as tables of constants in C."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# float32: a whole number of 24 bits times a power of two
_BITS = 24
# For each kind of dtype: the type in C, how a constant is written, and how many are in a line.
_KINDS = {"f": ("float", "%#xp%df,", 6), "i": ("int8_t", "%d,", 20), "u": ("uint32_t", "%d,", 12)}


def table(name: str, values: NDArray[np.generic], comment: str) -> str:
    """The definition of a constant array: of float, int8_t or uint32_t, as the dtype says.

    Floats are hexadecimal constants, which are exact, and compile faster than decimal ones.

    Parameters
    ----------
    name : str
    values : ndarray of float32, int8 or uint32, not empty
        Its values are written row by row.
    comment : str
        What the values are.
    """
    ctype, form, count = _KINDS[values.dtype.kind]
    numbers = values.reshape(-1, 1)
    if ctype == "float":
        fractions, exponents = np.frexp(numbers)
        whole = np.ldexp(fractions, _BITS).astype(np.int32)
        numbers = np.concatenate([whole, exponents - _BITS], axis=1)
    full = len(numbers) // count * count
    rows = numbers[:full].reshape(full // count, count * numbers.shape[1])
    lines = [form * count % tuple(row) for row in rows.tolist()]
    if full < len(numbers):
        last = numbers[full:].reshape(-1)
        lines.append(form * (len(numbers) - full) % tuple(last.tolist()))
    body = "\n".join(lines)
    return f"/* {comment} */\nstatic const {ctype} {name}[{len(numbers)}] = {{\n{body}\n}};\n"
