# SPDX-License-Identifier: MIT
"""A model is written for another runtime, which predicts the same, and read again as it was."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from exported import EXPORTS, MODELS, TEXT, drawn, skip_without

import gru_ext
from gru_ext import export

# Keras with PyTorch behind it, and NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize("model", MODELS, ids=lambda each: f"{each[0]}-{each[1]}-{each[2]}")
@pytest.mark.parametrize(("to", "runtime", "options"), EXPORTS, ids=lambda each: str(each))
def test_the_other_runtime_predicts_the_same(tmp_path, to, runtime, options, model):
    skip_without(to, runtime)
    model, path = drawn(*model), tmp_path / f"file{export.FORMATS[to].suffix}"
    found = export.save(model, path, to, text=TEXT, **options)
    assert found.passed
    assert found.steps == len(TEXT) - 1
    assert found.rounding < 2e-2
    again = export.load(path)
    assert again == model
    assert again.dtype == model.dtype
    assert again.about["step"] == 7
    assert again.about["options"] == model.about["options"]


@pytest.mark.parametrize("to", ["onnx", "torch", "safetensors", "npz", "hub"])
def test_a_sample_of_the_model_is_read_by_default(tmp_path, to):
    skip_without(*export.FORMATS[to].needs, *export.FORMATS[to].checked_with)
    found = export.save(drawn(layers=2), tmp_path / "file", to)
    assert found.passed
    assert found.steps == 1000


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", None])
@pytest.mark.parametrize("model", MODELS[1:3], ids=["f64", "f32"])
def test_npz_has_the_weights_in_any_dtype(tmp_path, model, dtype):
    model, path = drawn(*model), tmp_path / "weights.npz"
    assert export.save(model, path, dtype=dtype, text=TEXT).passed
    with np.load(path) as file:
        assert [*file] == [*model.parameters]
        for name, view in model.parameters.items():
            assert file[name].dtype == (dtype or model.dtype)
            np.testing.assert_array_equal(file[name], view.astype(file[name].dtype))
    if dtype != "float16":
        again = gru_ext.load(path, model.vocabulary)
        assert again.dtype == (dtype or model.dtype)


def test_weights_that_a_dtype_does_not_hold(tmp_path):
    model = drawn()
    model.parameters["Uz"][0, 0] = 1e6
    with pytest.raises(ValueError, match="Uz has values too large for float16"):
        export.save(model, tmp_path / "a.npz", dtype="float16")
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize("model", MODELS, ids=lambda each: each[0])
def test_a_folder_for_a_hub(tmp_path, model):
    skip_without("safetensors")
    model, path = drawn(*model), tmp_path / "hub"
    assert export.save(model, path, "hub", text=TEXT).passed
    assert {each.name for each in path.iterdir()} == {
        "README.md",
        "config.json",
        "model.safetensors",
    }
    assert gru_ext.load(path / "model.safetensors") == model
    config = json.loads((path / "config.json").read_text())
    assert (config["hidden_size"], config["num_hidden_layers"]) == (6, model.layers)
    assert config["tie_word_embeddings"] == np.array_equal(
        model.parameters["Wy"], model.parameters["Wh"].T
    )
    card = (path / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: gru-ext\n")
    assert f"| layers | {model.layers} |" in card


def test_a_folder_that_exists_keeps_its_other_files(tmp_path):
    (tmp_path / "README.md").write_text("old")
    (tmp_path / "other").write_text("kept")
    export.save(drawn(), tmp_path, "hub", text=TEXT)
    assert (tmp_path / "other").read_text() == "kept"
    assert "character-level" in (tmp_path / "README.md").read_text()


def test_the_validation_loss_is_on_the_card(tmp_path):
    model = drawn()
    model.about["validation"] = {"nats_per_char": float(np.log(2))}
    export.save(model, tmp_path / "hub", "hub", text=TEXT)
    assert (
        "| validation loss | 1.0000 bits per character |"
        in (tmp_path / "hub/README.md").read_text()
    )


def test_nothing_is_left_of_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no space")

    monkeypatch.setattr("gru_ext.export.saving.write_atomically", fail)
    with pytest.raises(OSError, match="no space"):
        export.save(drawn(), tmp_path / "hub", "hub")
    assert not [*tmp_path.iterdir()]


def test_values_that_are_not_finite_are_not_written(tmp_path):
    model = drawn()
    model.parameters["bz"][0] = np.nan
    with pytest.raises(ValueError, match="bz must have finite values"):
        export.save(model, tmp_path / "a.safetensors")
    assert not [*tmp_path.iterdir()]


def test_the_metadata_of_onnx(tmp_path):
    skip_without("onnx", "onnxruntime")
    import onnxruntime

    model = drawn("chars", separator="|")
    export.save(model, tmp_path / "a.onnx", text=TEXT)
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
    texts = session.get_modelmeta().custom_metadata_map
    assert texts["vocabulary"] == model.vocabulary.characters
    assert texts["document_separator"] == "|"
    assert texts["version"] == gru_ext.__version__
    assert [each.name for each in session.get_inputs()] == ["symbols", "states"]
    assert [each.name for each in session.get_outputs()] == ["logits", "new_states"]


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_onnx_reads_several_sequences(tmp_path, dtype, whole):
    skip_without("onnx", "onnxruntime")
    import onnxruntime

    model = drawn(layers=2, dtype=dtype)
    export.save(model, tmp_path / "a.onnx", text=TEXT, whole=whole)
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
    symbols = np.random.default_rng(0).integers(0, len(model.vocabulary), (9, 3))
    states, logits = np.zeros((2, 3, 6), dtype), None
    for part in [symbols] if whole else symbols:
        logits, states = session.run(None, {"symbols": part, "states": states})
    stream = gru_ext.model.stream.Stream(model.parameters, 3)
    stream.read(symbols.astype(np.int32))
    np.testing.assert_allclose(logits[-1] if whole else logits, stream.logits(), 1e-4, 1e-4)
    np.testing.assert_allclose(states, stream.state, 1e-4, 1e-4)


def test_the_example_of_the_documentation(tmp_path, monkeypatch):
    skip_without("onnx", "onnxruntime")
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "export.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    monkeypatch.chdir(tmp_path)
    model = gru_ext.Model.create(gru_ext.Vocabulary.from_text("The end"), 6, layers=2)
    export.save(model, "model.onnx")
    names = {}
    exec(next(block for block in blocks if "onnxruntime" in block), names)
    stream = model.stream()
    stream.feed("The ")
    np.testing.assert_allclose(names["logits"][0], stream.logits(), 1e-5, 1e-5)
