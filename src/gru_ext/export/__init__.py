# SPDX-License-Identifier: MIT
"""Models for other programs: ONNX, Keras, PyTorch, JAX, C, safetensors, NumPy.

docs/how-to/export.md describes them.

The names below are imported when they are first used, and the other libraries when a function needs
them.
"""

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gru_ext.export.comparison import Check, check
    from gru_ext.export.formats import FORMATS
    from gru_ext.export.importing import load, load_keras, load_onnx, load_torch
    from gru_ext.export.jax_pytree import jax_function
    from gru_ext.export.keras_file import keras_model
    from gru_ext.export.saving import save
    from gru_ext.export.torch_network import torch_module

_MODULES = {
    "FORMATS": "formats",
    "Check": "comparison",
    "check": "comparison",
    "jax_function": "jax_pytree",
    "keras_model": "keras_file",
    "load": "importing",
    "load_keras": "importing",
    "load_onnx": "importing",
    "load_torch": "importing",
    "save": "saving",
    "torch_module": "torch_network",
}

_NEEDS = {"jax_function": "jax", "torch_module": "torch"}

__all__ = [
    "FORMATS",
    "Check",
    "check",
    "jax_function",
    "keras_model",
    "load",
    "load_keras",
    "load_onnx",
    "load_torch",
    "save",
    "torch_module",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _NEEDS:
        from gru_ext.export.formats import check_installed

        check_installed(name, (_NEEDS[name],))
    module = importlib.import_module(f"gru_ext.export.{_MODULES[name]}")
    globals()[name] = value = getattr(module, name)
    return value


def __dir__() -> list[str]:
    # without the names that would need a missing library: inspect.getmembers asks for all
    missing = {name for name, library in _NEEDS.items() if find_spec(library) is None}
    return sorted({*globals(), *__all__} - missing)
