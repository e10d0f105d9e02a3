# SPDX-License-Identifier: MIT
"""Models for other programs: ONNX, Keras, PyTorch, JAX, safetensors and NumPy (docs/export.md).

The names below are imported when they are first used, and the other libraries when a function needs
them.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gru_ext.export.check import Check, check
    from gru_ext.export.formats import FORMATS
    from gru_ext.export.saving import save

_MODULES = {
    "FORMATS": "formats",
    "Check": "check",
    "check": "check",
    "save": "saving",
}

__all__ = ["FORMATS", "Check", "check", "save"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"gru_ext.export.{_MODULES[name]}")
    globals()[name] = value = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
