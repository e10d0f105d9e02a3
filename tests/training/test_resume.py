# SPDX-License-Identifier: MIT
"""Going on: --resume to the same bits, --init-from, and what they refuse."""

import numpy as np
import pytest
import reference
from command import contents
from training_runs import SMALL, TEXT, assert_same_state, interrupt_after, same, state_of

import gru_ext
from gru_ext import CheckpointError
from gru_ext.model import checkpoint
from gru_ext.training.defaults import default_dropout
from gru_ext.training.state_files import state_path


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
        "warmup": 100,
    }
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    one = gru_ext.train(TEXT, output=whole, max_steps=40, **options)
    gru_ext.train(TEXT, output=parts, max_steps=20, **options)
    state = state_of(parts).metadata["training"]
    assert 0 < state["position"] < len(TEXT) // batch_size - 7
    other = gru_ext.train(TEXT, output=parts, max_steps=40, resume=True, **options)
    assert same(one, other)
    assert_same_state(whole, parts)


@pytest.mark.parametrize("optimizer", ["adagrad", "adam", "adamw", "rmsprop"])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize(
    ("dtype", "threads", "clip_norm", "layers", "dropout"),
    [
        ("float32", 2, None, 1, 0.0),
        ("float64", 1, 0.5, 1, 0.2),
        ("float64", 2, None, 2, 0.3),
        ("float32", 1, 0.5, 3, 0.1),
    ],
)
def test_a_run_interrupted_three_times_equals_an_uninterrupted_one(
    tmp_path, optimizer, schedule, dtype, threads, clip_norm, layers, dropout
):
    """Nothing is asked for again on a resume: the file knows the options and the planned steps."""
    options = SMALL | {
        "optimizer": optimizer,
        "schedule": schedule,
        "warmup": 9,
        "clip_norm": clip_norm,
        "layers": layers,
        "dropout": dropout,
        "dtype": dtype,
        "batch_size": 6,
        "seq_length": 7,
        "max_steps": 60,
        "learning_rate": 0.01,
    }
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    gru_ext.train(TEXT, output=whole, threads=threads, **options)
    for i, step in enumerate((5, 21, 44)):
        with interrupt_after(step), pytest.raises(gru_ext.TrainingInterrupted):
            gru_ext.train(
                TEXT,
                output=parts,
                resume=i > 0,
                threads=3 - threads,
                **({"quiet": True} if i else options),
            )
        assert state_of(parts).metadata["step"] == step
    gru_ext.train(TEXT, output=parts, resume=True, threads=threads, quiet=True)
    assert_same_state(whole, parts)
    assert state_of(parts).metadata["options"] == state_of(whole).metadata["options"]


def test_more_steps_go_on_along_the_longer_cosine(tmp_path):
    """The rates of updates 21 to 40 are those of a run planned for 40."""
    options = SMALL | {"optimizer": "adam", "schedule": "cosine", "seq_length": 7, "batch_size": 2}
    path = tmp_path / "model.npz"
    gru_ext.train(TEXT, output=path, max_steps=20, **options)
    data = state_of(path)
    gru_ext.train(TEXT, output=path, max_steps=40, resume=True, quiet=True)
    saved = data.metadata["options"]
    model = gru_ext.model.model.from_checkpoint(data)
    trainer = gru_ext.Trainer(
        model,
        model.vocabulary.encode(TEXT),
        seq_length=7,
        batch_size=2,
        optimizer="adam",
        learning_rate=saved["learning_rate"],
        schedule="cosine",
        warmup_steps=saved["warmup"],
        planned_steps=40,
    )
    trainer.resume(data)
    trainer.advance(20)
    assert same(trainer.averaged, gru_ext.load(path))


def test_a_file_from_before_there_were_other_optimizers_and_layers(tmp_path):
    path, expected = tmp_path / "old.npz", tmp_path / "new.npz"
    options = SMALL | {"seq_length": 7, "batch_size": 2, "optimizer": "adagrad", "warmup": 200}
    options |= {"dropout": 0.0, "weight_dropout": 0.0, "average_over": 0.0}
    gru_ext.train(TEXT, output=expected, max_steps=30, **options)
    gru_ext.train(TEXT, output=path, max_steps=12, **options)
    data = state_of(path)
    del data.metadata["training"]["optimizer"]
    later = "weight_decay", "clip_norm", "schedule", "warmup", "layers", "dropout"
    for name in (*later, "weight_dropout", "average_over"):
        data.metadata["options"].pop(name, None)
    checkpoint.write(state_path(path), data)
    with pytest.raises(CheckpointError, match="layers 1, not 2"):
        gru_ext.train(TEXT, output=path, max_steps=30, resume=True, layers=2, quiet=True)
    gru_ext.train(TEXT, output=path, max_steps=30, resume=True, quiet=True)
    assert_same_state(expected, path)


def test_a_resume_remembers_the_options(tmp_path):
    options = SMALL | {
        "seq_length": 6,
        "batch_size": 5,
        "learning_rate": 0.03,
        "clip": 0.5,
        "dtype": "float64",
        "seed": 9,
        "val_fraction": 0.1,
        "layers": 2,
        "dropout": 0.25,
        "warmup": 100,
    }
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    gru_ext.train(TEXT, output=whole, max_steps=30, **options)
    gru_ext.train(TEXT, output=parts, max_steps=11, **options)
    gru_ext.train(TEXT, output=parts, max_steps=30, resume=True, quiet=True)
    assert_same_state(whole, parts)
    assert state_of(parts).metadata["options"] == state_of(whole).metadata["options"]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("before", "after"), [(0.0, 0.4), (0.2, 0.4), (0.2, 0.0), (0.2, None)])
def test_a_resume_takes_another_dropout(tmp_path, layers, before, after):
    path = tmp_path / "model.npz"
    options = {"seq_length": 7, "batch_size": 3, "optimizer": "adam", "learning_rate": 0.02}
    options |= {"seed": 6, "schedule": "constant"}
    start = SMALL | {"layers": layers, "dropout": before, "warmup": 20}
    gru_ext.train(TEXT, output=path, max_steps=10, **start, **options)
    data = state_of(path)
    gru_ext.train(TEXT, output=path, max_steps=25, resume=True, dropout=after, quiet=True)
    dropout = before if after is None else after
    assert state_of(path).metadata["options"]["dropout"] == dropout
    model = gru_ext.model.model.from_checkpoint(data)
    options |= {"dropout": dropout, "warmup_steps": 20}
    trainer = gru_ext.Trainer(model, model.vocabulary.encode(TEXT), **options)
    trainer.resume(data)
    trainer.advance(15)
    assert same(trainer.averaged, gru_ext.load(path))


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
        (TEXT, {"optimizer": "adagrad"}, "adamw, not adagrad"),
        (TEXT, {"layers": 1}, "layers 2, not 1"),
        (TEXT, {"layers": 3}, "layers 2, not 3"),
        (TEXT, {"val_fraction": 0.3}, "val.*fraction|another text"),
        (TEXT, {"max_steps": 12}, "12 of 12 steps"),
        (TEXT, {"max_steps": 5}, "12 of 5 steps"),
    ],
)
def test_what_cannot_be_resumed(tmp_path, text, options, told):
    path = tmp_path / "model.npz"
    sizes = {"seq_length": 7, "batch_size": 2, "layers": 2}
    gru_ext.train(TEXT, output=path, max_steps=12, **SMALL | sizes)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=rf"(?s)model\.state\.npz.*({told})"):
        gru_ext.train(text, output=path, resume=True, **{"max_steps": 20, "quiet": True} | options)
    assert contents(tmp_path) == before
    assert before.keys() == {"model.npz", "model.state.npz"}


def test_weights_alone_cannot_be_resumed(tmp_path):
    path = tmp_path / "model.npz"
    gru_ext.train(TEXT, max_steps=3, **SMALL).save(path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=r"model\.npz.*`init_from`"):
        gru_ext.train(TEXT, output=path, resume=True, max_steps=9, quiet=True)
    assert path.read_bytes() == before


def test_nothing_to_resume(tmp_path):
    with pytest.raises(FileNotFoundError, match="no run to resume"):
        gru_ext.train(TEXT, output=tmp_path / "model.npz", resume=True, **SMALL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("as_model", [False, True])
@pytest.mark.parametrize("dtype", [None, "float32", "float64"])
@pytest.mark.parametrize("layers", [1, 3])
def test_init_from(tmp_path, as_model, dtype, layers):
    start = gru_ext.train(TEXT, max_steps=30, dtype="float32", layers=layers, dropout=0.1, **SMALL)
    before = start.parameters.flat.copy()
    start.save(tmp_path / "start.npz")
    # At this rate no weight moves.
    source = start if as_model else tmp_path / "start.npz"
    text = "a lazy fox " * 9
    model = gru_ext.train(
        text,
        init_from=source,
        max_steps=3,
        learning_rate=1e-30,
        dtype=dtype,
        quiet=True,
    )
    assert model.vocabulary == start.vocabulary
    assert model.dtype == (dtype or "float32")
    assert model.layers == layers
    assert model.about["options"]["dropout"] == default_dropout(8, layers, len(text))
    assert all(
        np.array_equal(model.parameters[name], start.parameters[name]) for name in start.parameters
    )
    gru_ext.train(TEXT, init_from=start, max_steps=3, quiet=True)
    assert np.array_equal(start.parameters.flat, before)


@pytest.mark.parametrize(("dtype", "layers"), [(None, 1), ("float64", 1), (None, 2)])
def test_init_from_widens_the_vocabulary(capsys, dtype, layers):
    start = gru_ext.train(TEXT, max_steps=30, layers=layers, **SMALL)
    start.parameters["by"][...] += 1  # so that it is not as in a new model
    model = gru_ext.train(
        TEXT + "éA☃" * 3,
        init_from=start,
        max_steps=2,
        learning_rate=1e-30,
        sample_every=0,
        dtype=dtype,
        seed=5,
    )
    vocabulary = gru_ext.Vocabulary("".join(sorted({*TEXT, *"éA☃"})))
    assert model.vocabulary == vocabulary
    told = f"{len(vocabulary)} different (3 of them new to the model)\n"
    assert capsys.readouterr().out.count(told) == 1
    new = gru_ext.Model.create(vocabulary, 8, dtype or "float32", seed=5, layers=layers)
    old = vocabulary.encode(start.vocabulary.characters)
    added = vocabulary.encode("Aé☃")
    for name, view in model.parameters.items():
        before, fresh = start.parameters[name], new.parameters[name]
        if name in ("Wz", "Wr", "Wh"):  # (H, V)
            view, before, fresh = view.T, before.T, fresh.T
        elif name not in ("Wy", "by"):
            assert np.array_equal(view, before), name
            continue
        assert np.array_equal(view[old], before), name
        np.testing.assert_allclose(view[added], fresh[added], rtol=0, atol=1e-29, err_msg=name)


@pytest.mark.parametrize("options", [{"units": "bytes"}, {"min_count": 13}])
def test_init_from_a_model_that_knows_every_character(options):
    start = gru_ext.train(TEXT, max_steps=3, **SMALL, **options)
    model = gru_ext.train(TEXT + "é☃", init_from=start, max_steps=3, quiet=True)
    assert model.vocabulary == start.vocabulary


def test_init_from_with_a_separator_that_the_model_does_not_know(tmp_path):
    start = gru_ext.train(TEXT, max_steps=3, **SMALL)
    path = tmp_path / "model.npz"
    text = "|".join([TEXT] * 3)
    options = {"document_separator": "|", "init_from": start, "quiet": True}
    gru_ext.train(text, output=path, max_steps=9, **options)
    model = gru_ext.train(text, output=path, resume=True, max_steps=12, quiet=True)
    assert model.vocabulary.characters == "".join(sorted({*text}))


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
        (TEXT, {"hidden_size": 9}, "hidden size 8.*9"),
        (TEXT, {"layers": 1}, "layers 2, not 1"),
        (TEXT + "é", {"layers": 3}, "layers 2, not 3"),
        (TEXT, {"init_from": "none.npz"}, r"none\.npz"),
    ],
)
def test_what_cannot_be_started_from(tmp_path, text, options, told):
    start = gru_ext.train(TEXT, max_steps=2, layers=2, **SMALL)
    with pytest.raises((ValueError, OSError), match=told):
        gru_ext.train(text, **{"init_from": start, "max_steps": 2, "quiet": True} | options)


def test_a_run_that_has_made_its_steps_is_not_resumed(tmp_path):
    options = {"output": tmp_path / "m.npz", "quiet": True}
    gru_ext.train("ab" * 200, hidden_size=2, max_steps=1001, patience=0, **options)
    with pytest.raises(ValueError, match=r"has already made 1,001 of 1,000 steps: to continue"):
        gru_ext.train("ab" * 200, resume=True, max_steps=1000, **options)
