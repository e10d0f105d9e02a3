# SPDX-License-Identifier: MIT
"""Going on: --resume to the same bits, --init-from, and what they refuse."""

import numpy as np
import pytest
import reference
from training_runs import SMALL, TEXT, same

import gru_ext
from gru_ext import CheckpointError, checkpoint


def assert_same_state(one, other):
    """Two files hold the same weights, memory, hidden states, position and smoothed loss."""
    a, b = checkpoint.read(one), checkpoint.read(other)
    for name in a.weights:
        assert a.weights[name].tobytes() == b.weights[name].tobytes(), name
        assert a.memory[name].tobytes() == b.memory[name].tobytes(), name
    assert a.hidden.tobytes() == b.hidden.tobytes()
    assert a.metadata["training"] == b.metadata["training"]
    assert a.metadata["step"] == b.metadata["step"]


@pytest.mark.parametrize(
    ("dtype", "threads", "batch_size"),
    [
        ("float32", 1, 1),
        ("float64", 1, 3),
        ("float32", 1, 9),
        ("float32", 2, 9),
        ("float64", 2, 6),
    ],
)
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, dtype, threads, batch_size):
    options = SMALL | {
        "dtype": dtype,
        "threads": threads,
        "batch_size": batch_size,
        "seq_length": 7,
        "val_fraction": 0.05,
        "seed": 3,
    }
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    one = gru_ext.train(TEXT, output=whole, max_steps=40, **options)
    gru_ext.train(TEXT, output=parts, max_steps=20, **options)
    state = checkpoint.read(parts).metadata["training"]
    assert 0 < state["position"] < len(TEXT) // batch_size - 7
    other = gru_ext.train(TEXT, output=parts, max_steps=40, resume=True, **options)
    assert same(one, other)
    assert_same_state(whole, parts)


def test_a_resume_remembers_the_options(tmp_path):
    options = SMALL | {
        "seq_length": 6,
        "batch_size": 5,
        "learning_rate": 0.03,
        "clip": 0.5,
        "dtype": "float64",
        "seed": 9,
        "val_fraction": 0.1,
    }
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    gru_ext.train(TEXT, output=whole, max_steps=30, **options)
    gru_ext.train(TEXT, output=parts, max_steps=11, **options)
    gru_ext.train(TEXT, output=parts, max_steps=30, resume=True, quiet=True)
    assert_same_state(whole, parts)
    assert checkpoint.read(parts).metadata["options"] == checkpoint.read(whole).metadata["options"]


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        (TEXT + "The fox.", {}, "another text"),
        (TEXT.replace("fox", "dog"), {}, "another"),
        (TEXT[::-1], {}, "another text"),
        (TEXT, {"hidden_size": 9}, "hidden size 8.*9"),
        (TEXT, {"seq_length": 9}, "seq.* length 7.*9"),
        (TEXT, {"batch_size": 4}, "batch size 2.*4"),
        (TEXT, {"dtype": "float64"}, "float32.*float64"),
        (TEXT, {"val_fraction": 0.3}, "val.*fraction|another text"),
        (TEXT, {"max_steps": 12}, "12 of 12 steps"),
        (TEXT, {"max_steps": 5}, "12 of 5 steps"),
    ],
)
def test_what_cannot_be_resumed(tmp_path, text, options, told):
    path = tmp_path / "model.npz"
    gru_ext.train(TEXT, output=path, seq_length=7, batch_size=2, max_steps=12, **SMALL)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"(?s)model\.npz.*({told})"):
        gru_ext.train(text, output=path, resume=True, **{"max_steps": 20, "quiet": True} | options)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_weights_alone_cannot_be_resumed(tmp_path):
    path = tmp_path / "model.npz"
    gru_ext.train(TEXT, max_steps=3, **SMALL).save(path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=r"model\.npz.*--init-from"):
        gru_ext.train(TEXT, output=path, resume=True, max_steps=9, quiet=True)
    assert path.read_bytes() == before


def test_nothing_to_resume(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing to resume"):
        gru_ext.train(TEXT, output=tmp_path / "model.npz", resume=True, **SMALL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("as_model", [False, True])
@pytest.mark.parametrize("dtype", [None, "float32", "float64"])
def test_init_from(tmp_path, as_model, dtype):
    start = gru_ext.train(TEXT, max_steps=30, dtype="float32", **SMALL)
    before = start.parameters.flat.copy()
    start.save(tmp_path / "start.npz")
    # At this rate no weight moves.
    source = start if as_model else tmp_path / "start.npz"
    model = gru_ext.train(
        "a lazy fox " * 9,
        init_from=source,
        max_steps=3,
        learning_rate=1e-30,
        dtype=dtype,
        quiet=True,
    )
    assert model.vocabulary == start.vocabulary
    assert model.dtype == (dtype or "float32")
    assert all(
        np.array_equal(model.parameters[name], start.parameters[name]) for name in start.parameters
    )
    gru_ext.train(TEXT, init_from=start, max_steps=3, quiet=True)
    assert np.array_equal(start.parameters.flat, before)


def test_init_from_a_file_of_the_notebook(tmp_path):
    text = "abcd" * 30
    weights = reference.random_parameters(4, 6, seed=1)
    np.savez(tmp_path / "start.npz", **weights)
    model = gru_ext.train(
        text, init_from=tmp_path / "start.npz", max_steps=2, learning_rate=1e-30, quiet=True
    )
    assert model.dtype == np.float64
    assert model.vocabulary.characters == "abcd"
    assert all(np.array_equal(model.parameters[name], weights[name]) for name in weights)


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        (TEXT + "☃", {}, "'☃'"),
        (TEXT, {"hidden_size": 9}, "hidden size 8.*9"),
        (TEXT, {"init_from": "none.npz"}, r"none\.npz"),
    ],
)
def test_what_cannot_be_started_from(tmp_path, text, options, told):
    start = gru_ext.train(TEXT, max_steps=2, **SMALL)
    with pytest.raises((ValueError, OSError), match=told):
        gru_ext.train(text, **{"init_from": start, "max_steps": 2, "quiet": True} | options)
