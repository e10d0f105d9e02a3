# SPDX-License-Identifier: MIT
"""Model files: plain ``.npz``, no pickle (docs/reference/checkpoint-format.md).

A file holds the eleven parameters under the names and in the shapes of the original script, which
can read it as ``gru_weights.data``, and those of further layers (``Wz_2`` and so on). Beside them
it holds ``gru_ext``, a JSON text as bytes. For resuming it also holds the optimiser state
(``memory_Wz``, ``mean_Wz`` and so on), the average of the weights (``average_Wz``) where there is
one, the hidden states of the streams (``hidden``), and the same arrays of the last good state
(``good_Wz`` and so on). A run of several workers also has the momentum of the outer optimiser
(``momentum_Wz``), and the arrays of the workers after the first, stacked (``workers_hidden``,
``workers_memory_Wz`` and so on).
"""

from __future__ import annotations

import errno
import json
import os
import re
import struct
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, TypeGuard

import numpy as np
from numpy.typing import NDArray

from gru_ext._version import __version__
from gru_ext.arguments.messages import brief
from gru_ext.files import StrPath
from gru_ext.files.atomic import write_atomically
from gru_ext.files.errors import errors_with_name
from gru_ext.files.regular import open_regular
from gru_ext.model.metadata import (
    FORMAT_VERSION,
    NARROW_FORMAT,
    check_vocabulary,
    check_weights,
    read_metadata,
)
from gru_ext.model.parameters import Parameters, shapes
from gru_ext.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from gru_ext.model.narrow_parameters import NarrowParameters

METADATA = "gru_ext"
GOOD = "good_"
# What a file may hold beside each parameter, by the prefix of the names.
BESIDE = {"memory": "memory_", "mean": "mean_", "average": "average_", "momentum": "momentum_"}
# The arrays of all workers but the first, stacked.
WORKERS = "workers_"
OF_WORKERS = ("memory_", "mean_")

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
        found = {name: getattr(self, name) for name in BESIDE}
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
        arrays |= {GOOD + name: array for name, array in _named_arrays(checkpoint.good).items()}
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
    arrays[METADATA] = np.frombuffer(text, np.uint8)
    write_atomically(path, lambda file: _write_arrays(file, arrays), replacing)


def _is_narrow(weights: Mapping[str, Array]) -> TypeGuard[NarrowParameters]:
    return isinstance(weights, Parameters) and weights.narrow is not None


def _metadata_text(checkpoint: Checkpoint) -> bytes:
    narrow = _is_narrow(checkpoint.weights)
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
    if _is_narrow(weights):
        from gru_ext.model import narrow_file  # not above: most files have none

        return narrow_file.members(weights)
    names = shapes(1, 1, checkpoint.layers)
    arrays = {name: np.ascontiguousarray(weights[name]) for name in names}
    for which, beside in checkpoint.beside.items():
        arrays |= {BESIDE[which] + name: np.ascontiguousarray(beside[name]) for name in names}
    if checkpoint.hidden is not None:
        arrays["hidden"] = np.ascontiguousarray(checkpoint.hidden)
    for name, array in (checkpoint.workers or {}).items():
        arrays[WORKERS + name] = np.ascontiguousarray(array)
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
    from gru_ext.model.checkpoint_reader import Reader

    with errors_name(path), errors_with_name(path), open_regular(path) as file:
        try:
            if safetensors.is_safetensors(file):
                return safetensors.read(file)
            return Reader(file).read()
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
