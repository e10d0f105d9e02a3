# SPDX-License-Identifier: MIT
"""Models to export in tests, and which libraries are there to read them."""

import importlib.util

import numpy as np
import pytest

import gru_ext

TEXT = "one day.|the fox <jumps>.||a dog|>. " * 3
VOCABULARIES = {
    "chars": gru_ext.Vocabulary.from_text(TEXT),
    "bytes": gru_ext.Vocabulary.from_text(TEXT, "bytes"),
    "unknown": gru_ext.Vocabulary("".join(sorted({*TEXT, "\ufffd"})), unknown=True),
}
MODELS = [
    # vocabulary, layers, dtype, tied, document separator
    ("chars", 1, "float32", False, None),
    ("chars", 2, "float64", True, "|"),
    ("bytes", 3, "float32", True, ".|"),
    ("bytes", 1, "float64", False, None),
    ("unknown", 2, "float32", False, "||"),
]
# The runtimes and the files that they read, with the options of `save`.
EXPORTS = [
    ("onnx", "onnxruntime", {}),
    ("onnx", "onnxruntime", {"whole": True}),
    ("keras", "keras", {}),
    ("keras", "keras", {"stateful": True}),
    ("torch", "torch", {}),
    ("safetensors", "safetensors", {}),
]


def drawn(vocabulary="chars", layers=1, dtype="float32", tied=False, separator=None, H=6):
    """A model whose weights, biases too, are drawn from a wide distribution."""
    model = gru_ext.Model.create(VOCABULARIES[vocabulary], H, dtype, layers=layers)
    rng = np.random.default_rng(layers)
    for view in model.parameters.values():
        view[...] = rng.normal(size=view.shape)
    if tied:
        model.parameters["Wy"][...] = model.parameters["Wh"].T
    model.about |= {"step": 7, "options": {"optimizer": "adam", "dropout": 0.25}}
    if separator is not None:
        model.about["document_separator"] = separator
    return model


def skip_without(*packages):
    """Skip a test where a library is not installed; or a library that Keras needs behind it."""
    packages += ("torch",) if "keras" in packages else ()
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
