# SPDX-License-Identifier: MIT
"""Model files: plain ``.npz``, no pickle (docs/reference/checkpoint-format.md).

A file holds the eleven parameters under the names and in the shapes of the original script, which
can read it as ``gru_weights.data``, and those of further layers (``Wz_2`` and so on). Beside them
it holds ``gru_ext``, a JSON text as bytes. For resuming it also holds the optimiser state
(``memory_Wz``, ``mean_Wz`` and so on), the average of the weights (``average_Wz``) where there is
one, the hidden states of the streams (``hidden``), and the same arrays of the last good state
(``good_Wz`` and so on). A run of several workers also has the momentum of the outer optimiser
(``momentum_Wz``), and the arrays of the workers after the first, stacked (``workers_hidden``,
``workers_memory_Wz`` and so on). Files from others are hostile: every size is compared with the
size of the file before memory is taken.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import struct
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from gru_ext._version import __version__
from gru_ext.arguments.messages import brief
from gru_ext.core.kernels import MOST_LAYERS
from gru_ext.files import StrPath
from gru_ext.files.atomic import write_atomically
from gru_ext.files.errors import errors_with_name
from gru_ext.files.regular import open_regular
from gru_ext.model import narrow_file
from gru_ext.model.metadata import (
    FORMAT_VERSION,
    NARROW_FORMAT,
    check_size,
    check_vocabulary,
    check_weights,
    read_metadata,
)
from gru_ext.model.narrow_parameters import NarrowParameters
from gru_ext.model.npy_header import array_header
from gru_ext.model.parameters import NAMES, shapes
from gru_ext.text.vocabulary import Vocabulary

_METADATA = "gru_ext"
_GOOD = "good_"
# What a file may hold beside each parameter, by the prefix of the names.
_BESIDE = {"memory": "memory_", "mean": "mean_", "average": "average_", "momentum": "momentum_"}
# The arrays of all workers but the first, stacked.
_WORKERS = "workers_"
_OF_WORKERS = ("memory_", "mean_")
# Names that a file may hold: twice parameters, what is beside them and hidden states; metadata.
_EVERY = 1 + len(_BESIDE) + len(_OF_WORKERS)
_MOST_MEMBERS = 2 * (_EVERY * len(shapes(1, 1, MOST_LAYERS)) + 2) + 1
# For each of them the archive's directory has some hundred bytes.
_LARGEST_DIRECTORY = 256 * _MOST_MEMBERS

Array = NDArray[np.floating]

_IN_LAYER = (
    r"(?:good_)?(?:workers_)?(?:memory_|mean_|average_|momentum_)?[WUb][zrh]_([2-9]|[1-9]\d{1,8})"
)


class CheckpointError(ValueError):
    """A file is not a model file, or is incomplete. The message says what is wrong."""


@dataclass
class Checkpoint:
    """What a model file holds.

    Attributes
    ----------
    weights : dict of ndarray
        The parameters, float32 or float64; or NarrowParameters.
    metadata : dict
        Vocabulary, sizes, step and so on; empty for a file of the original script.
    memory : dict of ndarray, or None
        The second moment (Adagrad: the sum of squares), by the parameters' names.
    hidden : ndarray of shape (B, H), or (layers, B, H) for several layers, or None
        The hidden states of the streams.
    mean : dict of ndarray, or None
        The first moment of Adam.
    average : dict of ndarray, or None
        The average of the weights.
    momentum : dict of ndarray, or None
        The momentum of the outer optimiser of a run of several workers.
    workers : dict of ndarray, or None
        The state of all workers but the first, whose state is in the other attributes: ``hidden``
        of shape (K - 1, B, H) or (K - 1, layers, B, H), and, where each has its own optimiser
        state, ``memory_Wz`` and so on and ``mean_Wz`` and so on, of shape (K - 1, H, V) and so on.
    good : Checkpoint or None
        The arrays of the last good state, if that is an earlier one.
    """

    weights: Mapping[str, Array]
    metadata: dict[str, Any] = field(default_factory=dict)
    memory: Mapping[str, Array] | None = None
    hidden: Array | None = None
    mean: Mapping[str, Array] | None = None
    good: Checkpoint | None = None
    average: Mapping[str, Array] | None = None
    momentum: Mapping[str, Array] | None = None
    workers: Mapping[str, Array] | None = None

    @property
    def beside(self) -> dict[str, Mapping[str, Array]]:
        """What there is of ``memory``, ``mean``, ``average`` and ``momentum``, by these names."""
        found = {name: getattr(self, name) for name in _BESIDE}
        return {name: arrays for name, arrays in found.items() if arrays is not None}

    def put_beside(self, arrays: Mapping[str, Mapping[str, Array] | None]) -> None:
        """Set ``memory``, ``mean``, ``average`` and ``momentum``, as :attr:`beside` has them."""
        for name in arrays:
            setattr(self, name, arrays[name])

    @property
    def other_workers(self) -> int:
        """The workers beside the first."""
        return 0 if self.workers is None else len(self.workers["hidden"])

    @property
    def hidden_size(self) -> int:
        """H."""
        return int(self.weights["Wz"].shape[0])

    @property
    def vocabulary_size(self) -> int:
        """V."""
        return int(self.weights["Wz"].shape[1])

    @property
    def layers(self) -> int:
        """The number of GRU layers."""
        return layers_of(self.weights)

    @property
    def characters(self) -> str | None:
        """The characters of the vocabulary, or None if the file has none."""
        return self.metadata.get("vocabulary")

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The vocabulary, or None if the file has none."""
        return Vocabulary.from_metadata(self.metadata)


@contextmanager
def errors_name(path: StrPath) -> Iterator[None]:
    """Put a file's name before what a CheckpointError says of its content."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{os.fspath(path)} {error}") from None


@contextmanager
def _as_checkpoint_errors() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise CheckpointError(str(error)) from None


def layers_of(names: Collection[str]) -> int:
    """The number of layers of parameters with these names: the highest in one of them."""
    found = (re.fullmatch(_IN_LAYER, name) for name in names)
    return max((int(match[1]) for match in found if match), default=1)


def write(
    path: StrPath, checkpoint: Checkpoint, replacing: Callable[[], object] | None = None
) -> None:
    """Write a model file atomically (:func:`gru_ext.files.atomic.write_atomically`).

    Raises
    ------
    OSError
        The file cannot be written. An existing file stays as it was.
    ValueError
        A value is not finite, or the metadata are not as they must be, so that the file could not
        be read again. Nothing is written then.
    """
    arrays = _named_arrays(checkpoint)
    if checkpoint.good is not None:
        arrays |= {_GOOD + name: array for name, array in _named_arrays(checkpoint.good).items()}
    broken = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if broken:
        raise ValueError(
            f"{path} was not written: {', '.join(broken)} have values that are not "
            f"finite; train again with a lower learning rate"
        )
    try:
        text = _metadata_text(checkpoint)
    except ValueError as error:
        raise ValueError(f"{path} was not written: as a model file, it {error}") from None
    arrays[_METADATA] = np.frombuffer(text, np.uint8)
    write_atomically(path, lambda file: _write_arrays(file, arrays), replacing)


def _metadata_text(checkpoint: Checkpoint) -> bytes:
    narrow = isinstance(checkpoint.weights, NarrowParameters)
    number = NARROW_FORMAT if narrow else FORMAT_VERSION
    about = {"format": number, "version": __version__} | checkpoint.metadata
    try:
        text = json.dumps(about).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"has metadata that JSON cannot hold: {brief(error)}") from None
    V = checkpoint.vocabulary_size  # what a reader would refuse is refused now
    check_vocabulary(read_metadata(text, V, NARROW_FORMAT), V)
    check_weights(about, narrow)
    return text


def _named_arrays(checkpoint: Checkpoint) -> dict[str, NDArray[Any]]:
    weights = checkpoint.weights
    if isinstance(weights, NarrowParameters):
        return narrow_file.members(weights)
    names = shapes(1, 1, checkpoint.layers)
    arrays = {name: np.ascontiguousarray(weights[name]) for name in names}
    for which, beside in checkpoint.beside.items():
        arrays |= {_BESIDE[which] + name: np.ascontiguousarray(beside[name]) for name in names}
    if checkpoint.hidden is not None:
        arrays["hidden"] = np.ascontiguousarray(checkpoint.hidden)
    for name, array in (checkpoint.workers or {}).items():
        arrays[_WORKERS + name] = np.ascontiguousarray(array)
    return arrays


def _write_arrays(file: BinaryIO, arrays: dict[str, NDArray[Any]]) -> None:
    """Do what numpy.savez does; its older versions leave a broken archive open after an error."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def read(path: StrPath) -> Checkpoint:
    """Read a model file: an archive of NumPy, such as the original script's, or safetensors.

    Raises
    ------
    OSError
        The file cannot be read. The error names it.
    CheckpointError
        The file is not a model file, or is truncated or inconsistent.
    """
    from gru_ext.model import safetensors

    with errors_name(path), errors_with_name(path), open_regular(path) as file:
        try:
            if safetensors.is_safetensors(file):
                return safetensors.read(file)
            return _Reader(file).read()
        except CheckpointError:
            raise
        except (zipfile.BadZipFile, EOFError) as error:
            message = f"is not a model file, or is damaged: {brief(error)}"
            raise CheckpointError(message) from None
        except OSError as error:
            if error.errno not in (None, errno.EINVAL):  # those are of impossible offsets
                raise
            raise CheckpointError(f"is a damaged model file: {brief(error)}") from None
        except (
            ValueError,
            KeyError,
            RuntimeError,
            NotImplementedError,
            OverflowError,
            SyntaxError,
            struct.error,
        ) as error:
            # what zipfile and numpy.lib.format raise for damaged files
            raise CheckpointError(f"is a damaged model file: {brief(error)}") from None


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


class _Reader:
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
        metadata = self._metadata(V) if _METADATA in self.members else {}
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
        if _GOOD + NAMES[0] in self.members:
            data.good = self._state(_GOOD, expected, dtype)
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
            for prefix in (which, *(which + prefix for prefix in _BESIDE.values()))
        )
        hidden = None
        if which + "hidden" in self.members:
            layers = layers_of(expected)
            shape = self._header(which + "hidden")[1]
            streams = shape[:1] if layers == 1 else (layers, *shape[1:2])
            hidden = self._array(which + "hidden", (*streams, expected["Uz"][0]), dtype)
        data = Checkpoint(weights or {}, hidden=hidden)
        data.put_beside(dict(zip(_BESIDE, beside, strict=True)))
        if hidden is not None and which + _WORKERS + "hidden" in self.members:
            data.workers = self._workers(which + _WORKERS, expected, hidden.shape, dtype)
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
        for prefix in _OF_WORKERS:
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
        member, shape, dtype, _, claimed = self._header(_METADATA)
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
