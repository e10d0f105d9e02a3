# SPDX-License-Identifier: MIT
"""The formats of an export: their names, their modules, and what they need.

The module of a format has two functions. They get a :class:`gru_ext.Model` whose parameters are
finite:

``contents(model, **options)``
    The bytes of the file; or a dict of bytes by file name, which are written to a folder.
``open_logits(path, model)``
    Load what was written with the other runtime and return a function of symbols, int32 of shape
    (T,), which reads them from a zero state and returns the logits after each of them, (T, V).

A format whose files have rounded weights has a third:

``reference(model, **options)``
    The model that the file holds, with which the predictions of the file are compared.

What they import beside NumPy, they import when they are called.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, NamedTuple

from gru_ext.arguments.kinds import Flag, Kind, OneOf
from gru_ext.arguments.messages import either
from gru_ext.export.c_names import NAME, WEIGHTS
from gru_ext.files import StrPath

OPTIONS: dict[str, Kind[Any]] = {
    "whole": Flag(),
    "stateful": Flag(),
    "dtype": OneOf(("float16", "float32", "float64")),
    "weights": WEIGHTS,
    "name": NAME,
}
"""The options of ``contents``, which a :class:`Format` names."""


# Packages of an extra that has another name.
_EXTRAS = {"onnxruntime": "onnx", "h5py": "keras"}


class Format(NamedTuple):
    """One format of an export.

    Attributes
    ----------
    module : str
        Its module in this package.
    text : str
        What it is, in a few words.
    suffix : str
        The suffix by which it is chosen; empty where only its name chooses it.
    needs : tuple of str
        The packages that ``contents`` imports.
    checked_with : tuple of str
        The packages that ``open_logits`` imports; the first is the runtime.
    options : tuple of str
        Those of :data:`OPTIONS` that ``contents`` takes.
    precision : str, optional
        The dtype to whose rounding the runtime computes, where it is not that of the weights.
    suffix_required : bool
        Whether the runtime reads files with the suffix only.
    compiled : bool
        Whether ``open_logits`` needs a C compiler.
    """

    module: str
    text: str
    suffix: str = ""
    needs: tuple[str, ...] = ()
    checked_with: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    precision: str | None = None
    suffix_required: bool = False
    compiled: bool = False

    def load(self) -> Any:
        """Import the module of the format."""
        return importlib.import_module(f"gru_ext.export.{self.module}")

    def unchecked(self) -> str | None:
        """Why a file cannot be checked here; None where it can."""
        if self.compiled and compiler_path() is None:
            return "no C compiler (cc, gcc or clang) was found"
        if missing(self.checked_with):
            runtime = self.checked_with[0]
            return f"{runtime} is not installed ({installation(runtime)})"
        return None

    def runtime(self) -> str:
        """What files are checked with: a package with its version, or the C compiler."""
        return str(compiler_path()) if self.compiled else with_version(self.checked_with[0])


FORMATS: dict[str, Format] = {
    "onnx": Format(
        "onnx_file",
        "a graph of one time step, or of whole sequences",
        ".onnx",
        needs=("onnx",),
        checked_with=("onnxruntime",),
        options=("whole",),
    ),
    "keras": Format(
        "keras_file",
        "a model for Keras 3",
        ".keras",
        needs=("keras", "h5py"),
        checked_with=("keras",),
        options=("stateful",),
        precision="float32",  # with PyTorch behind it its matrix products, with JAX its tanh
        suffix_required=True,
    ),
    "torch": Format(
        "torch_file",
        "the state_dict of a torch.nn.Module, with the vocabulary",
        ".pt",
        needs=("torch",),
        checked_with=("torch",),
    ),
    "safetensors": Format(
        "safetensors_file",
        "weights, vocabulary and configuration",
        ".safetensors",
        checked_with=("safetensors",),
    ),
    "hub": Format(
        "hub_folder",
        "a folder with weights, configuration and a model card",
        checked_with=("safetensors",),
    ),
    "npz": Format(
        "npz_file",
        "the weights alone, as an archive of NumPy",
        ".npz",
        checked_with=("numpy",),
        options=("dtype",),
    ),
    "c": Format(
        "c_source",
        "one source file of C99, which depends on nothing",
        ".c",
        options=("name", "weights"),
        compiled=True,
    ),
}
"""The formats by their names."""


def chosen(path: StrPath, to: str | None = None) -> str:
    """The name of the format of a file: ``to``, or by default what its suffix says.

    Raises
    ------
    TypeError, ValueError
        There is no such format, or it needs another suffix.
    """
    suffix = os.path.splitext(path)[1].lower()
    if to is None:
        for name, each in FORMATS.items():
            if each.suffix and each.suffix == suffix:
                return name
    else:
        to = OneOf(FORMATS).check("to", to)
        if FORMATS[to].suffix_required and FORMATS[to].suffix != suffix:
            raise ValueError(f"{path} must end in {FORMATS[to].suffix}: {to} reads no other file")
        return to
    suffixes = either(each.suffix for each in FORMATS.values() if each.suffix)
    raise ValueError(f"{path} must end in {suffixes}, or `to` must name a format")


def check_options(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options that are given, checked; those that are None or False are not given.

    Raises
    ------
    TypeError, ValueError
        The format takes no such option, or its value is not allowed.
    """
    given = {}
    for option, value in options.items():
        if value is None or value is False:
            continue
        if option not in FORMATS[name].options:
            takers = [other for other, each in FORMATS.items() if option in each.options]
            raise ValueError(f"`{option}` is an option of the format {either(takers)}, not {name}")
        given[option] = OPTIONS[option].check(option, value)
    return given


def check_installed(what: str, needs: tuple[str, ...]) -> None:
    """Raise an ImportError with a clear message where one of the packages is not installed."""
    for package in missing(needs):
        raise ImportError(
            f"{what} needs {package}, which is not installed: {installation(package)}"
        )


def installation(package: str) -> str:
    """The command that installs a package, by the extra that has it."""
    return f'python -m pip install "gru-ext[{_EXTRAS.get(package, package)}]"'


def missing(packages: tuple[str, ...]) -> list[str]:
    """Those of the packages that are not installed."""
    import importlib.util  # not above: --help does without

    return [package for package in packages if importlib.util.find_spec(package) is None]


def compiler_path() -> str | None:
    """The path of a C compiler; None where there is none."""
    from gru_ext.export.c_compiler import compiler  # not above: --help does without

    return compiler()


def with_version(package: str) -> str:
    """The package's name and version."""
    import importlib.metadata

    return f"{package} {importlib.metadata.version(package)}"
