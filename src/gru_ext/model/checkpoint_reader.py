# SPDX-License-Identifier: MIT
"""The reader of model files, which may be hostile.

Every size that a file claims is compared with the size of the file before memory is taken.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from gru_ext.core.kernels import MOST_LAYERS
from gru_ext.model import narrow_file
from gru_ext.model.checkpoint import (
    BESIDE,
    GOOD,
    METADATA,
    OF_WORKERS,
    WORKERS,
    Checkpoint,
    CheckpointError,
    layers_of,
)
from gru_ext.model.metadata import (
    NARROW_FORMAT,
    check_size,
    check_vocabulary,
    check_weights,
    read_metadata,
)
from gru_ext.model.npy_header import array_header
from gru_ext.model.parameters import NAMES, shapes

# Names that a file may hold: twice parameters, what is beside them and hidden states; metadata.
_EVERY = 1 + len(BESIDE) + len(OF_WORKERS)
_MOST_MEMBERS = 2 * (_EVERY * len(shapes(1, 1, MOST_LAYERS)) + 2) + 1
# For each of them the archive's directory has some hundred bytes.
_LARGEST_DIRECTORY = 256 * _MOST_MEMBERS

Array = NDArray[np.floating]


@contextmanager
def _as_checkpoint_errors() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise CheckpointError(str(error)) from None


class Archived:
    """A file whose directory, as that of a zip archive, is read only if it is not too large."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.longest_read: float = _LARGEST_DIRECTORY

    def read(self, size: int = -1) -> bytes:
        if size > self.longest_read:
            raise CheckpointError(
                f"has a directory of {size} bytes, more than the {_LARGEST_DIRECTORY} of any "
                f"model file"
            )
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class Reader:
    """One file. The size of every array is checked before it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.bytes = os.fstat(file.fileno()).st_size
        archived = Archived(file)
        self.archive = zipfile.ZipFile(cast(IO[bytes], archived))
        archived.longest_read = math.inf
        members = self.archive.infolist()
        if len(members) > _MOST_MEMBERS:
            raise CheckpointError(f"has {len(members)} members, more than any model file")
        self.members = {info.filename.removesuffix(".npy"): info for info in members}
        self.taken = 0

    def read(self) -> Checkpoint:
        missing = [name for name in NAMES if name not in self.members]
        if missing:
            raise CheckpointError(f"is not a model file: it has no {', '.join(missing)}")
        shape, dtype = self._header("Wz")[1:3]
        if len(shape) != 2:
            raise CheckpointError(f"has Wz of shape {shape}: it must be (H, V)")
        H, V = shape
        metadata = self._metadata(V) if METADATA in self.members else {}
        layers = layers_of(self.members)
        if layers > MOST_LAYERS:
            raise CheckpointError(f"has {layers} layers: at most {MOST_LAYERS} are possible")
        expected = shapes(V, H, layers)
        narrow = dtype == narrow_file.INT8
        with _as_checkpoint_errors():
            check_weights(metadata, narrow)
            if narrow:
                check_vocabulary(metadata, V)
                return Checkpoint(narrow_file.parameters_of(expected, self._array), metadata)
        data = self._state("", expected, dtype)
        if GOOD + NAMES[0] in self.members:
            data.good = self._state(GOOD, expected, dtype)
        with _as_checkpoint_errors():
            check_vocabulary(metadata, V)
        data.metadata = metadata
        return data

    def _state(
        self, which: str, expected: dict[str, tuple[int, int]], dtype: np.dtype[Any]
    ) -> Checkpoint:
        weights, *beside = (
            {name: self._array(prefix + name, expected[name], dtype) for name in expected}
            if prefix == which or prefix + NAMES[0] in self.members
            else None
            for prefix in (which, *(which + prefix for prefix in BESIDE.values()))
        )
        hidden = None
        if which + "hidden" in self.members:
            layers = layers_of(expected)
            shape = self._header(which + "hidden")[1]
            streams = shape[:1] if layers == 1 else (layers, *shape[1:2])
            hidden = self._array(which + "hidden", (*streams, expected["Uz"][0]), dtype)
        data = Checkpoint(weights or {}, hidden=hidden)
        data.put_beside(dict(zip(BESIDE, beside, strict=True)))
        if hidden is not None and which + WORKERS + "hidden" in self.members:
            data.workers = self._workers(which + WORKERS, expected, hidden.shape, dtype)
        return data

    def _workers(
        self,
        which: str,
        expected: dict[str, tuple[int, int]],
        hidden: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> dict[str, Array]:
        """The stacked arrays of the workers after the first: as many as have hidden states."""
        others = self._header(which + "hidden")[1][:1]
        of_each: dict[str, tuple[int, ...]] = {"hidden": hidden}
        for prefix in OF_WORKERS:
            if which + prefix + NAMES[0] in self.members:
                of_each |= {prefix + name: shape for name, shape in expected.items()}
        return {
            name: self._array(which + name, (*others, *shape), dtype)
            for name, shape in of_each.items()
        }

    def _header(self, name: str) -> tuple[IO[bytes], tuple[int, ...], np.dtype[Any], bool, int]:
        """An open member after its header; shape, dtype, Fortran order, and bytes of data."""
        info = self.members.get(name)
        if info is None:
            raise CheckpointError(f"is not a complete model file: it has no {name}")
        if info.compress_type != zipfile.ZIP_STORED:
            raise CheckpointError(f"has {name} compressed: save it uncompressed, with numpy.savez")
        if info.file_size != info.compress_size or info.file_size > self.bytes:
            raise CheckpointError(f"has {name} that claims {info.file_size} of {self.bytes} bytes")
        member = self.archive.open(info)
        with _as_checkpoint_errors():
            shape, fortran, dtype = array_header(name, member)
        if min(shape, default=1) < 1:
            raise CheckpointError(f"has {name} of the impossible shape {shape}")
        claimed = math.prod(shape) * dtype.itemsize
        if claimed != info.file_size - member.tell():
            raise CheckpointError(
                f"has {name} of shape {shape} and {dtype}, which claims {claimed} bytes, with "
                f"{info.file_size - member.tell()} bytes"
            )
        return member, shape, dtype, fortran, claimed

    def _array(
        self, name: str, expected: tuple[int, ...], dtype: np.dtype[Any], beside: str = "Wz"
    ) -> Array:
        member, shape, own, fortran, claimed = self._header(name)
        if own.newbyteorder("=") not in (np.float32, np.float64, narrow_file.INT8):
            raise CheckpointError(f"has {name} as {own}: it must be float32 or float64")
        if own != dtype:
            raise CheckpointError(f"has {name} as {own}, but {beside} as {dtype}")
        if shape != expected:
            raise CheckpointError(f"has {name} of shape {shape}: it must be {expected}")
        # Members may overlap in the file: together they may take no more than it has.
        self.taken += claimed
        if self.taken > self.bytes:
            raise CheckpointError(f"has arrays that claim more than its {self.bytes} bytes")
        array = np.frombuffer(_read_all(member, claimed), own)
        array = array.reshape(shape, order="F" if fortran else "C")
        array = np.ascontiguousarray(array, own.newbyteorder("="))
        if not np.isfinite(array).all():
            raise CheckpointError(f"has {name} with values that are not finite")
        return array

    def _metadata(self, V: int) -> dict[str, Any]:
        member, shape, dtype, _, claimed = self._header(METADATA)
        if dtype != np.uint8 or len(shape) != 1:
            raise CheckpointError(
                f"has metadata as {dtype} of shape {shape}: they must be 1-D bytes"
            )
        with _as_checkpoint_errors():
            check_size(claimed, V)
            return read_metadata(_read_all(member, claimed), V, NARROW_FORMAT)


def _read_all(member: IO[bytes], claimed: int) -> bytes:
    data = member.read(claimed + 1)  # one byte more, so that the end and its checksum are read
    if len(data) != claimed:
        raise CheckpointError("is truncated")
    return data
