# SPDX-License-Identifier: MIT
"""Model files in the format of safetensors: a JSON header, and the arrays one after the other.

A file begins with the length of its header, 8 bytes. The header is a JSON object: for each array
its dtype, its shape and the place of its bytes behind the header, and ``__metadata__``, a map of
texts. Files from others are hostile: every size is compared with the size of the file before memory
is taken.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.fields import Field, ListOf, Object, checked, read_json
from gru_ext.arguments.kinds import OneOf, Whole
from gru_ext.arguments.messages import shown
from gru_ext.core.kernels import MOST_LAYERS
from gru_ext.model.checkpoint import Checkpoint, CheckpointError, layers_of
from gru_ext.model.described import metadata_of
from gru_ext.model.parameters import shapes

_METADATA = "__metadata__"
# All numbers are little-endian; NumPy has no bfloat16, the upper half of a float32.
_DTYPES = {"F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8"}
_SIZE = Whole(0, 2**62)
_ARRAY = {
    "dtype": Field(OneOf(_DTYPES)),
    "shape": Field(ListOf(Whole(1, 2**31), 2)),
    "data_offsets": Field(ListOf(_SIZE, 2)),
}
# A vocabulary of all code points takes 13 MB in JSON.
_LONGEST_HEADER = 1 << 24
_ALIGNED = 8


def is_safetensors(file: IO[bytes]) -> bool:
    """Whether an open file begins as one of safetensors does, and no zip archive."""
    start = file.read(9)
    file.seek(0)
    return start[8:] == b"{"


def encode(weights: Mapping[str, NDArray[np.floating]], texts: Mapping[str, str]) -> bytes:
    """The bytes of a file with these weights, float32 or float64, and this map of texts."""
    header: dict[str, Any] = {_METADATA: dict(texts)}
    parts, end = [], 0
    for name, array in weights.items():
        parts.append(np.asarray(array, array.dtype.newbyteorder("<")).tobytes())
        dtype = {"<f4": "F32", "<f8": "F64"}[array.dtype.newbyteorder("<").str]
        place = [end, end := end + len(parts[-1])]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": place}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNED)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def read(file: IO[bytes]) -> Checkpoint:
    """The weights and metadata in an open file.

    Weights of 16 bits become float32. Where ``Wy`` is missing, it is the transpose of ``Wh``.

    Raises
    ------
    CheckpointError
        The file is not a model, is damaged or has sizes that do not fit.
    """
    size = os.fstat(file.fileno()).st_size
    header = _header(file, size)
    texts = header.pop(_METADATA, {})
    start = file.tell()
    arrays, end = {}, 0
    for name, entry in _entries(header).items():
        begin, end_of_array = entry["data_offsets"]
        claimed = math.prod(entry["shape"]) * np.dtype(_DTYPES[entry["dtype"]]).itemsize
        if begin != end or end_of_array != begin + claimed or start + end_of_array > size:
            raise CheckpointError(
                f"has {name} at {begin} to {end_of_array}: it must be {claimed} bytes from {end} "
                f"on, within the file"
            )
        end = end_of_array
        arrays[name] = entry
    if start + end != size:
        raise CheckpointError(f"has {size - start - end} bytes that belong to no array")
    weights = {name: _array(file, entry) for name, entry in arrays.items()}
    return checkpoint_of(weights, texts)


def _header(file: IO[bytes], size: int) -> dict[str, Any]:
    length = int.from_bytes(file.read(8), "little")
    if length > min(size, _LONGEST_HEADER):
        raise CheckpointError(f"has a header that claims {length} of {size} bytes")
    try:
        header = read_json(file.read(length))
    except ValueError:
        raise CheckpointError("has a header that is not a JSON text") from None
    if not isinstance(header, dict):
        raise CheckpointError("has a header that is not a JSON object")
    return header


def _entries(header: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the header says of each array, in the order in which they follow in the file."""
    unknown = header.keys() - shapes(1, 1, min(layers_of(header), MOST_LAYERS))
    if unknown:
        raise CheckpointError(f"is not a model file: it has {shown(min(unknown))}")
    try:
        entries = {
            name: checked(Object().check(name, entry), _ARRAY) for name, entry in header.items()
        }
        if any(len(entry["data_offsets"]) != 2 for entry in entries.values()):
            raise ValueError("`data_offsets` must be a list of 2 values")
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"has a damaged header: {error}") from None
    return dict(sorted(entries.items(), key=lambda entry: entry[1]["data_offsets"][0]))


def _array(file: IO[bytes], entry: dict[str, Any]) -> NDArray[np.floating]:
    dtype = np.dtype(_DTYPES[entry["dtype"]])
    data = file.read(math.prod(entry["shape"]) * dtype.itemsize)
    array: NDArray[Any] = np.frombuffer(data, dtype).reshape(entry["shape"])
    if entry["dtype"] == "BF16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array


def checkpoint_of(weights: Mapping[str, NDArray[Any]], texts: object) -> Checkpoint:
    """A checkpoint of weights that are already in memory, and of a map of texts.

    Weights of 16 bits become float32. Where ``Wy`` is missing, it is the transpose of ``Wh``.

    Raises
    ------
    CheckpointError
        They are not those of a model.
    """
    layers = layers_of(weights)
    if layers > MOST_LAYERS:
        raise CheckpointError(f"has {layers} layers: at most {MOST_LAYERS} are possible")
    first = weights.get("Wz")
    if first is None or first.ndim != 2:
        raise CheckpointError("is not a model file: it has no Wz of shape (H, V)")
    (H, V), found = first.shape, dict(weights)
    if "Wh" in found and found["Wh"].shape == (H, V):
        found.setdefault("Wy", found["Wh"].T)
    taken = {}
    for name, shape in shapes(V, H, layers).items():
        if name not in found:
            raise CheckpointError(f"is not a complete model file: it has no {name}")
        taken[name] = _checked(name, found[name], shape, first.dtype)
    try:
        return Checkpoint(taken, metadata_of(texts, V))
    except ValueError as error:
        raise CheckpointError(str(error)) from None


def _checked(
    name: str, array: NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[np.floating]:
    if array.dtype not in (np.float16, np.float32, np.float64):
        raise CheckpointError(f"has {name} as {array.dtype}: it must be float32 or float64")
    if array.dtype != dtype:
        raise CheckpointError(f"has {name} as {array.dtype}, but Wz as {dtype}")
    if array.shape != shape:
        raise CheckpointError(f"has {name} of shape {array.shape}: it must be {shape}")
    if not np.isfinite(array).all():
        raise CheckpointError(f"has {name} with values that are not finite")
    return np.asarray(array, np.float64 if dtype == np.float64 else np.float32)
