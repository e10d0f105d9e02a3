# SPDX-License-Identifier: MIT
"""The header of an array that numpy.save has written, in a file that may be anything."""

from __future__ import annotations

import re
from typing import IO, Any

import numpy as np

from gru_ext.arguments.messages import shown

_LONGEST_HEADER = 1024
_HEADER = (  # compiled when the first file is read
    r"\{'descr': '([<>|=][a-zA-Z]\d*)', 'fortran_order': (True|False), "
    r"'shape': \(([\d, ]{0,100})\),? *\}\s*"
)


def array_header(name: str, member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, Fortran order and dtype of an open member, as numpy.save writes them.

    They are read by a regular expression: NumPy's own reader gives the header to Python's parser.
    """
    magic = member.read(8)
    long = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}.get(magic)
    if long is None:
        raise ValueError(f"has {name} that is not an array of numpy.save")
    length = int.from_bytes(member.read(long), "little")
    header = member.read(min(length, _LONGEST_HEADER)).decode("latin-1")
    found = re.fullmatch(_HEADER, header)
    if found is None:
        raise ValueError(f"has {name} with a header that numpy.save does not write")
    descr, order, sizes = found.groups()
    if descr[1] == "O":
        raise ValueError(f"has {name} with pickled objects, which are never unpickled")
    try:
        dtype = np.dtype(descr)
        shape = tuple(int(size) for size in sizes.replace(",", " ").split())
    except (TypeError, ValueError):
        raise ValueError(
            f"has {name} of the unknown dtype {shown(descr)} or shape {shown(sizes)}"
        ) from None
    return shape, order == "True", dtype
