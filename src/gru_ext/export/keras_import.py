# SPDX-License-Identifier: MIT
"""Weights from a ``.keras`` archive.

Keras itself does not read it, so that no class that the file names is made.
"""

from __future__ import annotations

import io
import zipfile
from typing import IO, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.fields import Field, ListOf, Object, checked, read_json
from gru_ext.arguments.kinds import Flag, OneOf, String
from gru_ext.arguments.messages import brief, shown
from gru_ext.export.gates import Gates, named
from gru_ext.export.importing import opened
from gru_ext.export.keras_file import METADATA
from gru_ext.model.checkpoint import CheckpointError

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_DEEPEST = 30
_LONGEST_JSON = 1 << 24
_MODEL = {"class_name": Field(OneOf(("Functional", "Sequential"))), "config": Field(Object())}
_LAYERS = {"layers": Field(ListOf(Object(), 1000))}
_LAYER = {"class_name": Field(String()), "config": Field(Object())}
_GRU = {
    "reset_after": Field(Flag(), True),
    "use_bias": Field(Flag(), True),
    "go_backwards": Field(Flag(), False),
    "activation": Field(OneOf(("tanh",)), "tanh"),
    "recurrent_activation": Field(OneOf(("sigmoid",)), "sigmoid"),
}
_DENSE = {
    "use_bias": Field(Flag(), True),
    "activation": Field(OneOf(("linear", "softmax")), "linear"),
}
# They have no weights that count for what the model predicts.
_PASSED = ("InputLayer", "OneHot", "CategoryEncoding", "Dropout", "Softmax")
_ORDER = ("Embedding", "GRU", "Dense")


def read(file: IO[bytes]) -> tuple[dict[str, NDArray[Any]], object]:
    """The parameters by their names, and the metadata, from an open archive.

    Raises
    ------
    CheckpointError
        It is not a model that can be converted, or is damaged.
    """
    archive = opened(file)
    layers = _layers(archive)
    data = io.BytesIO(_member(archive, _WEIGHTS))
    try:
        with h5py.File(data, "r") as weights:
            found = _weights(layers, _Arrays(weights, data.getbuffer().nbytes))
    except CheckpointError:
        raise
    except (OSError, LookupError, RuntimeError, ValueError, TypeError, OverflowError) as error:
        raise CheckpointError(f"has damaged weights: {brief(error)}") from None
    texts = _json(archive, METADATA) if METADATA in archive.namelist() else {}
    return found, texts


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except KeyError:
        raise CheckpointError(f"is not a file of Keras 3: it has no {name}") from None
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError) as error:
        raise CheckpointError(f"is a damaged archive: {brief(error)}") from None


def _json(archive: zipfile.ZipFile, name: str) -> object:
    data = _member(archive, name)
    if len(data) > _LONGEST_JSON:
        raise CheckpointError(f"has {name} of {len(data)} bytes: at most {_LONGEST_JSON} are read")
    try:
        return read_json(data, deepest=_DEEPEST)
    except ValueError:
        raise CheckpointError(f"has {name} that is not a JSON text") from None


def _layers(archive: zipfile.ZipFile) -> list[tuple[str, dict[str, Any]]]:
    """Class and configuration of each layer that has weights, checked."""
    found = []
    try:
        model = checked(Object().check(_CONFIG, _json(archive, _CONFIG)), _MODEL)
        for entry in checked(model["config"], _LAYERS)["layers"]:
            layer = checked(entry, _LAYER)
            name = layer["class_name"]
            if name in _PASSED:
                continue
            if name not in _ORDER:
                raise CheckpointError(f"has a layer {shown(name)}, which gru_ext does not have")
            fields = {"GRU": _GRU, "Dense": _DENSE}.get(name, {})
            found.append((name, checked(layer["config"], fields)))
    except CheckpointError:
        raise
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"has layers that cannot be converted: {error}") from None
    names = [name for name, _ in found]
    grus = names.count("GRU")
    if names not in (["GRU"] * grus + ["Dense"], ["Embedding"] + ["GRU"] * grus + ["Dense"]):
        raise CheckpointError(
            f"has layers {shown(names)}: they must be GRU, one or more, and then one Dense, and "
            f"before them at most one Embedding"
        )
    for name, config in found:
        if name == "GRU" and config["reset_after"]:
            raise CheckpointError(
                "has a layer GRU with reset_after=True: its reset gate comes after the recurrent "
                "product, and that of gru_ext before it, so its weights cannot be converted"
            )
        if name == "GRU" and config["go_backwards"]:
            raise CheckpointError("has a layer GRU with go_backwards=True, which gru_ext has not")
    return found


def _weights(layers: list[tuple[str, dict[str, Any]]], arrays: _Arrays) -> dict[str, NDArray[Any]]:
    """The parameters by their names. Keras names a layer in the file after its class."""
    gates: list[Gates] = []
    embedding = None
    for name, config in layers:
        if name == "Embedding":
            embedding = arrays.take("layers/embedding/vars/0", (None, None))
        elif name == "GRU":
            path = f"layers/gru{f'_{len(gates)}' * bool(gates)}/cell/vars"
            U = arrays.take(f"{path}/1", (None, None))  # (H, 3 H)
            wide = 3 * U.shape[0]
            if U.shape[1] != wide:
                raise CheckpointError(f"has {path}/1 of shape {U.shape}: it must be (H, 3 H)")
            W = arrays.take(f"{path}/0", (gates[-1].U.shape[1] if gates else None, wide))
            b = arrays.take(f"{path}/2", (wide,)) if config["use_bias"] else np.zeros(wide, W.dtype)
            gates.append(Gates(W.T, U.T, b))
        else:
            Wy = arrays.take("layers/dense/vars/0", (gates[-1].U.shape[1], None))
            by = np.zeros(Wy.shape[1], Wy.dtype)
            if config["use_bias"]:
                by = arrays.take("layers/dense/vars/1", by.shape)
    if embedding is not None:
        first = gates[0]
        if embedding.shape != (Wy.shape[1], first.W.shape[1]):
            raise CheckpointError(
                f"has an Embedding of shape {embedding.shape}: it must be "
                f"{(Wy.shape[1], first.W.shape[1])}"
            )
        with np.errstate(over="ignore", invalid="ignore"):  # not finite: refused below
            gates[0] = Gates(first.W @ embedding.T, first.U, first.b)
    return named(gates, Wy.T, by)


class _Arrays:
    """The arrays of an open file of HDF5, of so many bytes. They are read if they are within it."""

    def __init__(self, file: Any, size: int) -> None:
        self.file, self.left = file, size

    def take(self, path: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """Read an array of floats; None in the shape allows any size from 1 on."""
        group: Any = self.file
        for part in path.split("/"):
            if not isinstance(group, h5py.Group) or not isinstance(
                group.get(part, getlink=True), h5py.HardLink
            ):
                raise CheckpointError(f"has no array {path} within the file")
            group = group[part]
        array = group
        if not isinstance(array, h5py.Dataset) or array.external or array.is_virtual:
            raise CheckpointError(f"has {path} that is not an array within the file")
        fits = len(array.shape or ()) == len(shape) and all(
            size > 0 and want in (None, size) for size, want in zip(array.shape, shape, strict=True)
        )
        if not fits:
            raise CheckpointError(f"has {path} of the impossible shape {array.shape}")
        if array.dtype not in (np.float32, np.float64):
            raise CheckpointError(f"has {path} as {array.dtype}: it must be float32 or float64")
        self.left -= array.nbytes
        if self.left < 0:
            raise CheckpointError("has arrays that claim more bytes than the file has")
        found: NDArray[Any] = array[()]
        return found
