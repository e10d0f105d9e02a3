# SPDX-License-Identifier: MIT
"""An export is written, and at once read again by the other runtime."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from gru_ext.arguments.messages import brief
from gru_ext.export.comparison import Check, compare, symbols_of
from gru_ext.export.formats import FORMATS, check_installed, check_options, chosen
from gru_ext.files import StrPath
from gru_ext.files.atomic import write_atomically

if TYPE_CHECKING:
    from gru_ext.model.model import Model


def save(
    model: Model,
    path: StrPath,
    to: str | None = None,
    *,
    text: str | bytes | None = None,
    **options: Any,
) -> Check | None:
    """Write a model in the format of another program, and check what was written.

    Parameters
    ----------
    model : Model
        One with int8 weights is written with the float32 numbers that these stand for.
    path : path-like
        The file, which is replaced atomically; or the folder of the format ``hub``, in which only
        the files of the export are replaced.
    to : str, optional
        The format, one of ``gru_ext.export.FORMATS``; by default the suffix says it.
    text : str or bytes, optional
        The text of the check (:func:`check`); by default a sample of the model.
    whole : bool
        ``onnx``: the graph reads a whole sequence instead of one time step.
    stateful : bool
        ``keras``: the model itself keeps its hidden states from call to call.
    dtype : str
        ``npz``: the dtype of the weights, ``float16``, ``float32`` or ``float64``.
    weights : str
        ``c``: the type of the weights, ``float32`` (the default) or ``int8``.
    name : str
        ``c``: the prefix of all names, by default ``model``.

    Returns
    -------
    Check, or None
        None if the runtime or a C compiler is missing, so that the file was not checked.

    Raises
    ------
    TypeError, ValueError, ImportError, OSError
        An option or the text is not as described, the model has values that are not finite, a
        library is missing, or the file cannot be written. A ValueError too if the other runtime
        does not read what was written.
    """
    to = chosen(path, to)
    form = FORMATS[to]
    given = check_options(to, options)
    check_installed(f"the format {to}", form.needs)
    model.parameters.check_finite()
    if model.parameters.narrow:
        model = model.with_weights("float32")
    symbols = symbols_of(model, text)
    module = form.load()
    contents = module.contents(model, **given)
    if isinstance(contents, Mapping):
        _write_folder(path, contents)
    else:
        write_atomically(path, partial(_write, data=contents))
    if form.unchecked():
        return None
    try:
        dtype = form.precision or given.get("dtype")
        logits = module.open_logits(path, model)
        if hasattr(module, "reference"):
            return compare(module.reference(model, **given), logits, symbols, dtype, model)
        return compare(model, logits, symbols, dtype)
    except Exception as error:  # whatever another library raises
        raise ValueError(
            f"{path} was written, but {form.runtime()} does not read it: {brief(error, 1000)}"
        ) from error


def _write_folder(path: StrPath, contents: Mapping[str, bytes]) -> None:
    """Write files to a folder: a new one atomically, in an old one each file atomically."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        _write_files(target, contents)
        return
    if target.exists():
        raise OSError(f"cannot write {path}: it is not a folder")
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        temporary.mkdir()
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from None
    try:
        _write_files(temporary, contents)
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    for name, data in contents.items():
        write_atomically(folder / name, partial(_write, data=data))


def _write(file: BinaryIO, data: bytes) -> None:
    file.write(data)
