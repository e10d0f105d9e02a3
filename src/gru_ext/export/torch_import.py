# SPDX-License-Identifier: MIT
"""Weights from a state_dict of PyTorch, or from a file with one."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import re
import struct
import zipfile
from collections.abc import Mapping
from typing import IO, Any

import torch
from numpy.typing import NDArray

from gru_ext.arguments.messages import brief, shown
from gru_ext.export.importing import opened
from gru_ext.export.torch_file import METADATA, WEIGHTS
from gru_ext.model.checkpoint import CheckpointError

_OTHER_CELL = re.compile(r"(?:^|\.)(?:weight|bias)_(?:ih|hh)(?:_l\d+)?(?:_reverse)?$")

_LONGEST_PICKLE = 1 << 20
_STORAGES = ("Float", "Double", "Half", "BFloat16", "Int", "Long", "Short", "Char", "Byte", "Bool")
_NAMES = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    *(f"torch {kind}Storage" for kind in _STORAGES),
}
# All other opcodes that look up a name or call something.
_NAMING = ("STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4")

Read = tuple[dict[str, NDArray[Any]], object]


def read(file: IO[bytes]) -> Read:
    """The parameters by their names, and the metadata, from an open file.

    Raises
    ------
    CheckpointError
        It is not a model that can be converted, or is damaged.
    """
    size = os.fstat(file.fileno()).st_size
    try:
        again = _checked_archive(opened(file))
        data = torch.load(again, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except (pickle.UnpicklingError, RuntimeError, ValueError, TypeError, EOFError) as error:
        raise CheckpointError(f"is not a file of weights alone: {brief(error)}") from None
    except (LookupError, AttributeError, AssertionError, OverflowError, ImportError) as error:
        raise CheckpointError(f"is a damaged file of PyTorch: {brief(error)}") from None
    except (zipfile.BadZipFile, struct.error, OSError) as error:
        raise CheckpointError(f"is a damaged archive: {brief(error)}") from None
    return weights_of(data, size)


def _checked_archive(archive: zipfile.ZipFile) -> IO[bytes]:
    """The same archive, written anew, if its pickle names nothing but tensors.

    PyTorch also unpickles what takes as much memory as a number in the file says, such as
    ``bytearray``. And it reads archives by other rules than Python does where they are damaged.
    """
    members = {name: archive.read(name) for name in archive.namelist()}
    pickles = [name for name in members if name.endswith(".pkl")]
    if len(pickles) != 1 or len(members[pickles[0]]) > _LONGEST_PICKLE:
        raise CheckpointError("is not a file of weights alone: it must have one short pickle")
    for opcode, argument, _ in pickletools.genops(members[pickles[0]]):
        if opcode.name in _NAMING or (opcode.name == "GLOBAL" and argument not in _NAMES):
            raise CheckpointError(
                f"is not a file of weights alone: it has {shown(argument or opcode.name)}"
            )
    again = io.BytesIO()
    with zipfile.ZipFile(again, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    again.seek(0)
    return again


def weights_of(source: Any, size: int | None = None) -> Read:
    """The parameters by their names, and the metadata.

    Parameters
    ----------
    source : torch.nn.Module, or mapping
        A state_dict, or a dict with ``state_dict`` and the metadata ``gru_ext``.
    size : int, optional
        The bytes that all tensors may have together.
    """
    texts: Any = {}
    if isinstance(source, torch.nn.Module):
        source, texts = source.state_dict(), getattr(source, "description", {})
    elif isinstance(source, Mapping) and WEIGHTS in source:
        source, texts = source[WEIGHTS], source.get(METADATA, {})
    if not isinstance(source, Mapping) or not all(isinstance(key, str) for key in source):
        raise CheckpointError("is not a state_dict: it must be a dict of tensors by their names")
    for key in source:
        if _OTHER_CELL.search(key):
            raise CheckpointError(
                f"has {brief(key)}, as torch.nn.GRU has it: its reset gate comes after the "
                f"recurrent product, and that of gru_ext before it, so its weights cannot be "
                f"converted"
            )
    prefix = next((key[:-2] for key in source if key == "Wz" or key.endswith(".Wz")), "")
    found = {
        key.removeprefix(prefix): _checked(key, value)
        for key, value in source.items()
        if key.startswith(prefix)
    }
    claimed = sum(tensor.numel() * tensor.element_size() for tensor in found.values())
    if size is not None and claimed > size:
        raise CheckpointError(f"has tensors that claim {claimed} of {size} bytes")
    return {name: _as_array(tensor) for name, tensor in found.items()}, texts


def _checked(key: str, tensor: object) -> Any:
    if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided or tensor.is_meta:
        raise CheckpointError(f"has {brief(key)} that is not a dense tensor")
    if tensor.dtype not in (torch.bfloat16, torch.float16, torch.float32, torch.float64):
        raise CheckpointError(f"has {brief(key)} as {tensor.dtype}: it must be float32 or float64")
    return tensor


def _as_array(tensor: Any) -> NDArray[Any]:
    """A tensor as an array; NumPy has no bfloat16."""
    tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    found: NDArray[Any] = tensor.numpy(force=True)
    return found
