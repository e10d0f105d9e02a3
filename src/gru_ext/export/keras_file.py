# SPDX-License-Identifier: MIT
"""Keras 3: a functional model, whose layers are GRU with ``reset_after=False``."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.export.comparison import Logits
from gru_ext.export.formats import check_installed, missing
from gru_ext.export.gates import stacked
from gru_ext.files import StrPath
from gru_ext.model.described import described

if TYPE_CHECKING:
    from gru_ext.model.model import Model

METADATA = "gru_ext.json"
"""The member of a ``.keras`` archive that has the metadata; Keras does not read it."""

_BACKENDS = ("torch", "tensorflow", "jax")  # jax has float64 only where it is switched on


def import_keras() -> Any:
    """Import Keras, behind which is what KERAS_BACKEND names, or else what is installed.

    Raises
    ------
    ImportError
        Keras, or what must be behind it, is not installed.
    """
    check_installed("the format keras", ("keras",))
    installed = [name for name in _BACKENDS if not missing((name,))]
    if not installed:
        raise ImportError("Keras needs torch, tensorflow or jax, none of which is installed")
    chosen = "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ
    if chosen:
        os.environ["KERAS_BACKEND"] = installed[0]
    try:
        import keras
    finally:
        if chosen:
            del os.environ["KERAS_BACKEND"]
    return keras


def keras_model(model: Model, stateful: bool = False) -> Any:
    """A model of Keras with the weights of a model.

    Parameters
    ----------
    model : Model
    stateful : bool
        False: the inputs are symbols (N, T) and the states of each layer (N, H), the outputs the
        logits (N, T, V) and the new states of each layer. True: the model itself keeps its states
        from call to call, of one sequence: symbols (1, T) give logits (1, T, V), and the method
        ``reset_state`` of its GRU layers sets them to zero.

    Returns
    -------
    keras.Model

    Raises
    ------
    ImportError, ValueError
        Keras is not installed, or what is behind it does not compute in the model's dtype.
    """
    keras = import_keras()
    V, H, dtype = len(model.vocabulary), model.hidden_size, str(model.dtype)
    symbols = keras.Input((None,), 1 if stateful else None, "int32", name="symbols")
    x = keras.ops.one_hot(symbols, V, dtype=dtype)
    before, after, weights = [], [], []
    for layer, gates in enumerate(stacked(model.parameters), 1):
        gru = keras.layers.GRU(
            H,
            reset_after=False,
            return_sequences=True,
            return_state=not stateful,
            stateful=stateful,
            dtype=dtype,
            name=f"gru_{layer}",
        )
        if stateful:
            x = gru(x)
        else:
            before.append(keras.Input((H,), dtype=dtype, name=f"state_{layer}"))
            x, new = gru(x, initial_state=before[-1])
            after.append(new)
        weights.append((gru, [gates.W.T, gates.U.T, gates.b]))
    dense = keras.layers.Dense(V, dtype=dtype, name="logits")
    y = dense(x)
    weights.append((dense, [model.parameters["Wy"].T, model.parameters["by"][:, 0]]))
    made = keras.Model([symbols, *before], [y, *after] if after else y, name="gru_ext")
    for layer, arrays in weights:
        layer.set_weights(arrays)
    if keras.ops.convert_to_numpy(dense.kernel).dtype != model.dtype:
        raise ValueError(
            f"Keras with {keras.backend.backend()} behind it does not compute in {dtype}: set the "
            f"environment variable KERAS_BACKEND to torch"
        )
    return made


def contents(model: Model, stateful: bool = False) -> bytes:
    """The bytes of a ``.keras`` archive."""
    import json

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        keras_model(model, stateful).save(path)
        file = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(METADATA, json.dumps(described(model)))
    return file.getvalue()


def open_logits(path: StrPath, model: Model) -> Logits:
    """Load the archive with Keras."""
    keras = import_keras()
    loaded = keras.models.load_model(path)
    stateful = len(loaded.inputs) == 1
    zeros = [np.zeros((1, model.hidden_size), model.dtype)] * model.layers

    def logits(symbols: NDArray[np.int32]) -> Any:
        if stateful:
            for layer in loaded.layers:
                if isinstance(layer, keras.layers.GRU):
                    layer.reset_state()
            return keras.ops.convert_to_numpy(loaded([symbols[None]]))[0]
        return keras.ops.convert_to_numpy(loaded([symbols[None], *zeros])[0])[0]

    return logits
