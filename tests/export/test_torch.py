# SPDX-License-Identifier: MIT
"""The module of PyTorch: it trains as the trainer does, and becomes a model again."""

import re
from pathlib import Path

import numpy as np
import pytest
from exported import MODELS, TEXT, drawn

import gru_ext
from gru_ext import export
from gru_ext.model.checkpoint import CheckpointError

torch = pytest.importorskip("torch")
PLAIN = {"dropout": 0.0, "weight_dropout": 0.0, "average_over": 0.0, "warmup_steps": 0}
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "export.md"


@pytest.fixture(scope="module")
def page():
    """The names that the example of the documentation defines."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    names = {}
    exec(next(block for block in blocks if "torch.optim" in block), names)
    return names


@pytest.mark.parametrize("clip", [{}, {"clip": 0.01}, {"clip_norm": 0.05}], ids=str)
@pytest.mark.parametrize("optimizer", ["adagrad", "rmsprop", "adam", "adamw"])
def test_it_trains_as_the_trainer_does(page, optimizer, clip):
    one = {"layers": 2, "dtype": "float64"}
    ours, theirs = drawn(**one), export.torch_module(drawn(**one), dropout=0.0)
    symbols = ours.vocabulary.encode(TEXT)
    T, B = 5, 3
    given = {"optimizer": optimizer, "learning_rate": 0.02} | clip
    trainer = gru_ext.Trainer(ours, symbols, seq_length=T, batch_size=B, **PLAIN, **given)
    made = page["make_optimizer"](theirs, optimizer, 0.02)
    length, states = (len(symbols) - 1) // B, None
    rows = np.stack([symbols[b * length : (b + 1) * length + 1] for b in range(B)], axis=1)
    for start in range(0, 6 * T, T):
        trainer.advance(1)
        window = torch.from_numpy(rows[start : start + T + 1].astype(np.int64))
        _, states = page["train_window"](theirs, made, window, states, **clip)
    start, again = drawn(**one).parameters, export.load_torch(theirs)
    for name, view in ours.parameters.items():
        assert np.abs(view - start[name]).max() > 1e-3, name
        np.testing.assert_allclose(again.parameters[name], view, 0, 1e-9 + 1e-4 * bool(clip), name)
    np.testing.assert_allclose(states.numpy(), trainer.hidden, 0, 1e-9 + 1e-3 * bool(clip))


def test_tied_weights_stay_tied_in_training(page):
    model = drawn("chars", 1, "float64", tied=True)
    module = export.torch_module(model)
    assert "Wy" not in module.state_dict()
    assert "Wy" in export.torch_module(drawn()).state_dict()
    given = {"seq_length": 7, "batch_size": 1, "optimizer": "adagrad", "learning_rate": 0.05}
    ours = gru_ext.Trainer(model, model.vocabulary.encode(TEXT), **PLAIN, **given, tied=True)
    window = torch.from_numpy(model.vocabulary.encode(TEXT)[:8, None].astype(np.int64))
    page["train_window"](module, page["make_optimizer"](module, "adagrad", 0.05), window)
    ours.advance(1)
    again = export.load_torch(module)
    np.testing.assert_array_equal(again.parameters["Wy"], again.parameters["Wh"].T)
    for name, view in model.parameters.items():
        np.testing.assert_allclose(again.parameters[name], view, 0, 1e-9, name)


def test_dropout_is_between_layers_and_in_training_only():
    module = export.torch_module(drawn(layers=2))
    assert module.dropout == 0.25
    symbols = torch.zeros((4, 2), dtype=torch.int64)
    assert torch.equal(module(symbols)[0], module(symbols)[0])
    module.train()
    assert not torch.equal(module(symbols)[0], module(symbols)[0])
    one = export.torch_module(drawn(), dropout=0.5).train()
    (y, h), (other_y, other_h) = one(symbols), one(symbols)
    assert torch.equal(h, other_h)  # nothing is dropped from time step to time step
    assert not torch.equal(y, other_y)
    with pytest.raises(ValueError, match="`dropout` must be"):
        export.torch_module(drawn(), dropout=1.0)


def test_states_are_handed_on():
    module = export.torch_module(drawn(layers=3))
    symbols = torch.arange(12).reshape(6, 2)
    whole, last = module(symbols)
    first, states = module(symbols[:4])
    rest, end = module(symbols[4:], states)
    torch.testing.assert_close(torch.cat([first, rest]), whole)
    torch.testing.assert_close(end, last)


@pytest.mark.parametrize("model", MODELS, ids=lambda each: each[0])
def test_every_form_of_a_state_dict(tmp_path, model):
    model = drawn(*model)
    module = export.torch_module(model)
    assert export.load_torch(module) == model
    named = {f"module.{name}": tensor for name, tensor in module.state_dict().items()}
    for source in (module.state_dict(), named, {"state_dict": named}):
        assert export.load_torch(source, model.vocabulary).parameters == model.parameters
        torch.save(source, tmp_path / "a.pt")
        assert export.load_torch(tmp_path / "a.pt", model.vocabulary).parameters == model.parameters
    with pytest.raises(CheckpointError, match="state_dict holds weights without a vocabulary"):
        export.load_torch(named)


def test_weights_of_16_bits():
    model = drawn()
    for dtype in (torch.float16, torch.bfloat16):
        state = {
            n: tensor.to(dtype) for n, tensor in export.torch_module(model).state_dict().items()
        }
        again = export.load_torch(state, model.vocabulary)
        assert again.dtype == np.float32
        np.testing.assert_array_equal(again.parameters["Uz"], state["Uz"].float().numpy())


@pytest.mark.parametrize("layer", [torch.nn.GRU(4, 6), torch.nn.GRUCell(4, 6), torch.nn.LSTM(4, 6)])
def test_layers_of_pytorch_are_refused(tmp_path, layer):
    with pytest.raises(CheckpointError, match=r"weight_ih\w*, .* reset gate comes after"):
        export.load_torch(torch.nn.Sequential(layer))
    torch.save(layer.state_dict(), tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"a\.pt has weight_ih"):
        export.load(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ({}, "it has no Wz"),
        ([], "is not a state_dict"),
        ({1: torch.zeros(1)}, "is not a state_dict"),
        ({"Wz": 1}, "Wz that is not a dense tensor"),
        ({"Wz": torch.zeros(3, 4, device="meta")}, "Wz that is not a dense tensor"),
        ({"Wz": torch.zeros(3, 4).to_sparse()}, "Wz that is not a dense tensor"),
        ({"Wz": torch.zeros(3, 4, dtype=torch.int64)}, "Wz as torch.int64"),
        ({"Wz": torch.zeros(3)}, "no Wz of shape"),
        ({"Wz": torch.zeros(3, 4)}, "it has no Wy"),
        ({"Wz": torch.zeros(3, 4), "Wz_17": torch.zeros(3, 3)}, "17 layers: at most 16"),
        ([("Wz", 1)], "is not a state_dict"),
    ],
    ids=lambda each: str(each)[:30],
)
def test_what_is_no_state_dict(source, error):
    with pytest.raises(CheckpointError, match=error):
        export.load_torch(source)


@pytest.mark.parametrize("texts", [5, [], {"gru_ext": 1}, {1: "gru_ext"}, {"gru_ext": b"1"}])
def test_metadata_that_are_no_texts(tmp_path, texts):
    state = {"state_dict": export.torch_module(drawn()).state_dict(), "gru_ext": texts}
    with pytest.raises(
        CheckpointError, match="state_dict has metadata that are not a map of texts"
    ):
        export.load_torch(state)
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"a\.pt "):
        export.load_torch(tmp_path / "a.pt")
