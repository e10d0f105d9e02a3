# SPDX-License-Identifier: MIT
"""Models from files of other programs. Files from others are hostile; nothing runs their code."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Mapping
from typing import IO, Any, cast

from numpy.typing import NDArray

from gru_ext.export.formats import check_installed
from gru_ext.files import StrPath
from gru_ext.files.errors import errors_with_name
from gru_ext.files.regular import open_regular
from gru_ext.model import model as models
from gru_ext.model.checkpoint import CheckpointError, errors_name
from gru_ext.model.checkpoint_reader import Archived
from gru_ext.model.model import Model, from_checkpoint
from gru_ext.model.safetensors import checkpoint_of, is_safetensors
from gru_ext.text.vocabulary import Vocabulary


def load(path: StrPath, vocabulary: Vocabulary | None = None) -> Model:
    """Read a model from a file of any format that can be imported; its content says which.

    These are model files, files of safetensors, ``.keras`` archives, files of ONNX and files of
    PyTorch.

    Parameters
    ----------
    path : path-like
    vocabulary : Vocabulary, optional
        The vocabulary of a file that has none.

    Raises
    ------
    OSError
        The file cannot be read.
    CheckpointError
        A ValueError: the file has no model of this kind, or is damaged.
    ImportError
        The library that reads such files is missing.
    """
    with errors_with_name(path), open_regular(path) as file:
        start = file.read(4)
        file.seek(0)
        if is_safetensors(file):
            return models.load(path, vocabulary)
        if start == b"PK\3\4":
            with errors_name(path):
                names = set(opened(file).namelist())
    if start != b"PK\3\4":
        return load_onnx(path, vocabulary)
    if "config.json" in names:
        return load_keras(path, vocabulary)
    if any(name.endswith("/data.pkl") for name in names):
        return load_torch(path, vocabulary)
    return models.load(path, vocabulary)


def load_onnx(path: StrPath, vocabulary: Vocabulary | None = None) -> Model:
    """Read a model from a file of ONNX: nodes GRU, and MatMul or Gemm after them.

    Parameters
    ----------
    path : path-like
    vocabulary : Vocabulary, optional
        The vocabulary of a file that has none; the files of :func:`save` have one.

    Raises
    ------
    OSError, CheckpointError, ImportError
        As for :func:`load`. A file with ``linear_before_reset=1`` is refused: its weights are those
        of another GRU.
    """
    check_installed("a file of ONNX", ("onnx",))
    from gru_ext.export.onnx_import import read

    return _read(path, read, vocabulary)


def load_keras(path: StrPath, vocabulary: Vocabulary | None = None) -> Model:
    """Read a model from a ``.keras`` archive: layers GRU, and Dense after them.

    An Embedding before them is multiplied with the input weights of the first.

    Parameters
    ----------
    path : path-like
    vocabulary : Vocabulary, optional
        The vocabulary of a file that has none; the files of :func:`save` have one.

    Raises
    ------
    OSError, CheckpointError, ImportError
        As for :func:`load`. A file with ``reset_after=True``, the default of Keras, is refused: its
        weights are those of another GRU.
    """
    check_installed("a file of Keras", ("h5py",))
    from gru_ext.export.keras_import import read

    return _read(path, read, vocabulary)


def load_torch(source: Any, vocabulary: Vocabulary | None = None) -> Model:
    """Make a model of a module of :func:`torch_module`, of its state_dict, or of a file of either.

    Parameters
    ----------
    source : torch.nn.Module, mapping of tensors, or path-like
        The tensors have the names and shapes of a model file (docs/reference/checkpoint-format.md).
        Where ``Wy`` is missing, it is the transpose of ``Wh``. A file is one of :func:`save`, or of
        ``torch.save`` with a state_dict. It is read with ``weights_only=True``.
    vocabulary : Vocabulary, optional
        The vocabulary of a state_dict, which has none.

    Raises
    ------
    OSError, CheckpointError, ImportError
        As for :func:`load`. A state_dict of ``torch.nn.GRU`` is refused: its weights are those of
        another GRU.
    """
    check_installed("a file of PyTorch", ("torch",))
    from gru_ext.export.torch_import import read, weights_of

    if isinstance(source, str | os.PathLike):
        return _read(cast(StrPath, source), read, vocabulary)
    try:
        weights, texts = weights_of(source)
        return as_model(weights, texts, vocabulary)
    except CheckpointError as error:
        raise CheckpointError(f"the state_dict {error}") from None


def _read(path: StrPath, read: Any, vocabulary: Vocabulary | None) -> Model:
    with errors_name(path), errors_with_name(path), open_regular(path) as file:
        weights, texts = read(file)
        return as_model(weights, texts, vocabulary)


def as_model(
    weights: Mapping[str, NDArray[Any]], texts: object, vocabulary: Vocabulary | None
) -> Model:
    """The model of these weights and of a map of texts, after all checks."""
    return from_checkpoint(checkpoint_of(weights, texts), vocabulary)


def opened(file: IO[bytes]) -> zipfile.ZipFile:
    """A zip archive whose members are not compressed, and not larger than the file together.

    Raises
    ------
    CheckpointError
        It is something else.
    """
    size = os.fstat(file.fileno()).st_size
    archived = Archived(file)
    try:
        archive = zipfile.ZipFile(cast(IO[bytes], archived))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise CheckpointError(f"is a damaged archive: {error}") from None
    archived.longest_read = math.inf
    members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise CheckpointError(
            "has compressed members, which the programs that write it do not make"
        )
    if sum(member.file_size for member in members) > size:
        raise CheckpointError(f"has members that claim more than its {size} bytes")
    return archive
