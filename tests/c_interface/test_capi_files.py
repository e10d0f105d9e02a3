# SPDX-License-Identifier: MIT
"""Handles of model files: how they are opened, and training that is resumed."""

import ctypes
import gc

import capi as c
import numpy as np
import pytest
from training_runs import DOCUMENTS, TEXT, state_of

import gru_ext
from gru_ext.model import checkpoint
from gru_ext.text.documents import document_starts
from gru_ext.training.state_files import state_path

# Without what the interface does not have.
PLAIN = {"weight_dropout": 0.0, "state_reset": 0.0, "average_over": 0.0}
FEW = {"max_steps": 3, "hidden_size": 4, "quiet": True} | PLAIN


def saved(path, vocabulary, dtype=np.float32, **options):
    model = gru_ext.Model.create(vocabulary, 9, dtype, **options)
    model.save(path)
    return model


def test_a_file_is_opened(tmp_path, dtype):
    model = saved(tmp_path / "m.npz", gru_ext.Vocabulary("abc"), dtype, layers=2)
    handle = c.open_model(tmp_path / "m.npz")
    gc.collect()
    stream, other = c.Stream(handle=handle), c.Stream(model.parameters)
    for symbol in (0, 2, 1):
        assert stream.step(symbol) == other.step(symbol) == c.OK
    assert stream.state.tobytes() == other.state.tobytes()
    opened = c.object_of(handle)
    assert opened == model
    assert c.settings_of(handle, ctypes.byref(c.Settings())) == c.NO_TRAINING
    assert [c.training_of(handle, what) for what in range(3)] == [None] * 3
    assert [c.get(handle, what) for what in range(19, 22)] == [0, 0, 0]


def test_a_file_of_int8_is_opened_in_float32(tmp_path):
    model = saved(tmp_path / "m.npz", gru_ext.Vocabulary.from_text(TEXT))
    small = model.with_weights("int8")
    small.save(tmp_path / "s.npz")
    wide = small.with_weights("float32")
    wide.save(tmp_path / "w.npz")
    rows = []
    for name in ("s.npz", "w.npz"):
        stream = c.Stream(handle=c.open_model(tmp_path / name))
        assert stream.step(3) == c.OK
        rows.append(stream.state.copy())
    np.testing.assert_array_equal(*rows)


def test_a_handle_of_a_temporary(tmp_path):
    """The weights of a dead model would be memory that holds anything."""
    vocabulary = gru_ext.Vocabulary("abc")
    handles = [c.borrow(gru_ext.Model.create(vocabulary, 99)) for _ in range(5)]
    gc.collect()
    filled = [np.full(1 << 16, np.nan, np.float32) for _ in range(50)]
    stream = c.Stream(gru_ext.Model.create(vocabulary, 99).parameters)
    stream.step(1)
    for handle in handles:
        again = c.Stream(handle=handle)
        assert again.step(1) == c.OK
        assert again.state.tobytes() == stream.state.tobytes()
    assert len(filled) == 50


@pytest.mark.parametrize("what", ["open_model", "resume_model"])
def test_files_that_cannot_be_opened(what, tmp_path):
    with pytest.raises(FileNotFoundError):
        getattr(c, what)(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no model")
    with pytest.raises(gru_ext.CheckpointError, match=r"text\.npz is not a model file"):
        getattr(c, what)(tmp_path / "text.npz")
    saved(tmp_path / "weights.npz", gru_ext.Vocabulary("abc"))
    with pytest.raises(gru_ext.CheckpointError, match="holds no training state"):
        c.resume_model(tmp_path / "weights.npz")
    flat = np.zeros(c.flat_size(3, 2, 1, 4), np.float32)
    wrapped = c.wrap[4](flat.ctypes.data, 3, 2)
    with pytest.raises(ValueError, match="a wrapped buffer has no Python object"):
        c.object_of(wrapped)
    c.free(wrapped)


RUNS = [
    {"optimizer": "adagrad"},
    {"optimizer": "adam", "layers": 2, "dropout": 0.2, "schedule": "constant"},
    {"optimizer": "adamw", "clip_norm": 1.0, "tied": True, "schedule": "constant", "seed": 4},
    {"optimizer": "rmsprop", "document_separator": "<|end|>", "schedule": "constant"},
]


def train_on_windows(windows, model, settings, memory, mean, symbols, position, last):
    """The steps up to `last`, on windows that are cut from the text here."""
    B, T, length = windows.B, 7, (len(symbols) - 1) // windows.B
    marks = None
    if model.separator is not None:
        marks = document_starts(symbols, model.separator).astype(np.uint8)
    while settings.step <= last:
        if position + T >= length:  # the streams begin again
            position, windows.state[...] = 0, 0
        at = position + length * np.arange(B) + np.arange(T)[:, None]
        resets = None if marks is None else marks[at]
        arrays = (memory, mean, symbols[at], symbols[at + 1], resets)
        assert windows.call("train_window", settings, *arrays, T, None) == c.OK
        position, settings.step = position + T, settings.step + 1


def train_on_text(windows, model, settings, memory, mean, symbols, position, last):
    """The same with gru_train_text."""
    at, loss = np.full(1, position, np.intp), np.zeros(1)
    arrays = (symbols.ctypes.data, len(symbols), at.ctypes.data, loss.ctypes.data)
    while settings.step <= last:
        run = (windows.model, windows.at, ctypes.addressof(settings), memory, mean)
        assert c.train_text(*run, *arrays) == c.OK
        losses = c.at(c.workspace_losses(windows.model, windows.at), np.float64, 21)
        assert loss[0] == losses.cumsum()[-1]  # in the order of the rows
        settings.step += 1


@pytest.mark.parametrize("options", RUNS, ids=lambda run: run["optimizer"])
@pytest.mark.parametrize("whole_text", [False, True])
def test_a_run_is_continued(options, whole_text, dtype, tmp_path):
    """Of the state that is beside a model file, to what the run's end wrote."""
    given = {"hidden_size": 9, "batch_size": 3, "seq_length": 7, "warmup": 0, "threads": 1}
    given |= {"quiet": True, "val_fraction": 0, "dtype": np.dtype(dtype).name} | options
    given |= {"shuffle": False}  # the text is read in its own order
    given = {"dropout": 0.0} | PLAIN | given
    half, whole = tmp_path / "half.npz", tmp_path / "whole.npz"
    for path, steps in ((half, 10), (whole, 31)):
        gru_ext.train(DOCUMENTS, output=path, max_steps=steps, **given)
    handle = c.resume_model(half)
    model, settings = c.object_of(handle), c.Settings()
    assert c.settings_of(handle, ctypes.byref(settings)) == c.OK
    assert settings.step == 11
    B, T, position = (c.get(handle, what) for what in (c.BATCH_SIZE, c.SEQ_LENGTH, c.POSITION))
    assert (B, T) == (3, 7)
    memory, mean, hidden = (c.training_of(handle, what) for what in range(3))
    assert (mean is not None) == options["optimizer"].startswith("adam")
    windows = c.Windows(model, B, T, what=c.FOR_TRAINING | c.FOR_RESETS | c.FOR_DROPOUT, of=handle)
    states = c.at(hidden, dtype, *np.shape(windows.state))
    windows.state[...] = states
    symbols = model.vocabulary.encode(DOCUMENTS).astype(np.int32)
    train = train_on_text if whole_text else train_on_windows
    train(windows, model, settings, memory, mean, symbols, position, 31)
    want = state_of(whole)
    for name, values in want.weights.items():
        assert values.tobytes() == model.parameters[name].tobytes(), name
    assert want.hidden.reshape(windows.state[..., :9].shape).tolist() == (
        windows.state[..., :9].tolist()
    )
    size = model.parameters.flat.size
    for kept, values in ((memory, want.memory), (mean, want.mean)):
        if kept is not None:
            ours = model.parameters.like(c.at(kept, dtype, size).copy())
            assert all(ours[name].tobytes() == values[name].tobytes() for name in values)


def test_refusals_of_training_on_a_text(tmp_path):
    model = gru_ext.Model.create(gru_ext.Vocabulary("abc|"), 4)
    x, at = np.zeros(9, np.int32), np.zeros(1, np.intp)
    memory = np.zeros(model.parameters.flat.size, np.float32)
    windows, settings = c.Windows(model, 2, 4), c.Settings()
    other = c.Windows(model, 2, 4, training=False)

    def call(n=9, made=windows, how=settings, without=None):
        arguments = [made.model, made.at, ctypes.addressof(how), memory.ctypes.data, None]
        arguments += [x.ctypes.data, n, at.ctypes.data, None]
        if without is not None:
            arguments[without] = None
        return c.train_text(*arguments)

    assert call() == c.OK
    before, kept = memory.tobytes(), at.tolist()
    assert [call(without=i) for i in (0, 1, 2, 3, 5, 7)] == [c.NULL] * 6
    assert call(how=c.Settings("adam")) == c.NULL
    assert call(made=other) == c.BAD_SIZE
    assert [call(n=n) for n in (8, 1, 0, -1, -(2**62))] == [c.BAD_SIZE] * 5
    assert call(how=c.Settings(dropout=0.5)) == c.BAD_SIZE
    assert call(how=c.Settings(step=0)) == c.BAD_NUMBER
    for symbol in (-1, 4):
        x[8] = symbol
        assert call() == c.BAD_SYMBOL
    x[8] = 0
    for at[0] in (-1, 5):
        assert call() == c.BAD_SIZE
    at[0] = kept[0]
    model.about["document_separator"] = "|"
    assert call(made=c.Windows(model, 2, 4)) == c.BAD_SIZE
    assert (memory.tobytes(), at.tolist()) == (before, kept)


@pytest.mark.parametrize("option", ["weight_dropout", "state_reset", "average_over"])
def test_a_run_with_what_the_interface_does_not_have(option, tmp_path):
    path = tmp_path / "m.npz"
    gru_ext.train(TEXT, output=path, **FEW | {option: 0.125})
    named = option.replace("_", " ")
    with pytest.raises(gru_ext.CheckpointError) as error:
        c.resume_model(path)
    assert str(error.value) == (
        f"{state_path(path)} was trained with {named} 0.125, which the C interface does not have: "
        f"open its weights with `gru_model_open`"
    )
    handle = c.open_model(path)
    assert c.object_of(handle) == gru_ext.load(path)
    c.free(handle)


@pytest.mark.parametrize("tied", [False, True])
def test_weights_that_a_trainer_has_tied(tied, tmp_path):
    model = gru_ext.Model.create(gru_ext.Vocabulary.from_text(TEXT), 4)
    trainer = gru_ext.Trainer(model, model.vocabulary.encode(TEXT), tied=tied)
    trainer.step()
    checkpoint.write(tmp_path / "m.npz", trainer.checkpoint())
    handle = c.open_model(tmp_path / "m.npz")
    assert c.get(handle, c.TIED) == tied
    c.free(handle)


def test_settings_refusals(tmp_path):
    gru_ext.train(TEXT, output=tmp_path / "m.npz", **FEW)
    handle, settings = c.resume_model(tmp_path / "m.npz"), c.Settings()
    assert c.settings_of(None, ctypes.byref(settings)) == c.NULL
    assert c.settings_of(handle, None) == c.NULL
    for size in (0, 8, 95, 97):
        settings.size = size
        assert c.settings_of(handle, ctypes.byref(settings)) == c.BAD_SIZE
    assert c.training_of(handle, 3) is c.training_of(handle, -1) is c.training_of(None, 0) is None
    c.free(handle)


def test_a_run_in_bfloat16(tmp_path):
    path = tmp_path / "m.npz"
    gru_ext.train(TEXT, output=path, dtype="bfloat16", **FEW)
    with pytest.raises(gru_ext.CheckpointError, match="was trained with products in bfloat16"):
        c.resume_model(path)
    c.free(c.open_model(path))


def test_a_state_of_an_older_version(tmp_path):
    """It does not record dropout and average: it had neither."""
    gru_ext.train(TEXT, output=tmp_path / "m.npz", **FEW)
    data = state_of(tmp_path / "m.npz")
    for name in ("dropout", "average_over", "weight_dropout", "state_reset"):
        del data.metadata["options"][name]
    checkpoint.write(state_path(tmp_path / "m.npz"), data)
    handle, settings = c.resume_model(tmp_path / "m.npz"), c.Settings()
    assert c.settings_of(handle, ctypes.byref(settings)) == c.OK
    assert settings.dropout == 0
    c.free(handle)


@pytest.mark.parametrize("damage", ["step", "options", "optimizer"])
def test_damaged_training_states(damage, tmp_path):
    path = tmp_path / "m.npz"
    gru_ext.train(TEXT, output=path, **FEW)
    data = state_of(path)
    if damage == "step":
        data.metadata["step"] = "many"
    elif damage == "options":
        data.metadata["options"] = {"clip": "little"}
    else:
        data.metadata["training"]["optimizer"] = "adagrad"
    checkpoint.write(state_path(path), data)
    with pytest.raises(gru_ext.CheckpointError, match=r"m\.state\.npz .*damaged"):
        c.resume_model(path)
    c.free(c.open_model(path))
