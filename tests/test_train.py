# SPDX-License-Identifier: MIT
"""gru_ext.train and Trainer: options, resuming to the same bits, what is refused."""

import itertools
import math
import re

import numpy as np
import pytest
import reference

import gru_ext
from gru_ext import CheckpointError, Model, Trainer, Vocabulary, checkpoint
from gru_ext.options import TrainingOptions, held_out, settle

TEXT = "The quick brown fox jumps over the lazy dog.\n" * 12
SMALL = {"hidden_size": 8, "quiet": True}


def same(one, other):
    return all(
        one.parameters[name].tobytes() == other.parameters[name].tobytes()
        for name in one.parameters
    )


def assert_same_state(one, other):
    """Two files hold the same weights, memory, hidden states, position and smoothed loss."""
    a, b = checkpoint.read(one), checkpoint.read(other)
    for name in a.weights:
        assert a.weights[name].tobytes() == b.weights[name].tobytes(), name
        assert a.memory[name].tobytes() == b.memory[name].tobytes(), name
    assert a.hidden.tobytes() == b.hidden.tobytes()
    assert a.metadata["training"] == b.metadata["training"]
    assert a.metadata["step"] == b.metadata["step"]


def test_any_length_can_be_trained_with_the_defaults():
    for n in [*range(2, 3000), *range(19_990, 20_050), 10**6, 3 * 10**8]:
        trained = n - held_out(n, None)
        options = settle(TrainingOptions(), trained)
        assert options.seq_length >= 1
        assert trained >= options.seq_length * options.batch_size + 1
        assert 0.005 <= options.learning_rate <= 0.1


def test_the_number_of_streams_follows_from_the_length():
    streams = [settle(TrainingOptions(), 10**k).batch_size for k in range(1, 9)]
    assert streams == sorted(streams)
    assert streams[1] == 1
    assert streams[5] >= 8


@pytest.mark.parametrize("n", [2, 3, 7, 10, 100])
def test_short_texts_train_without_an_option(n):
    text = TEXT[:n]
    model = gru_ext.train(text, max_steps=30, quiet=True)
    # The last characters that make no whole window are left out, as in the notebook.
    assert model.evaluate(text[:6]).nats_per_char < 0.9 * math.log(len(set(text)))


@pytest.mark.parametrize("hidden_size", [16, 512])
def test_the_default_rate_does_not_blow_up(hidden_size):
    model = gru_ext.train(TEXT, hidden_size=hidden_size, max_steps=40, quiet=True)
    assert model.evaluate(TEXT).nats_per_char < 0.9 * math.log(len(set(TEXT)))


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


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"resume": True, "classic": True}, "resume.*classic"),
        ({"resume": True, "init_from": "x.npz"}, "resume.*init-from"),
        ({"resume": True, "output": None}, "output"),
        ({"classic": True, "batch_size": 4}, "classic.*batch size"),
    ],
)
def test_options_that_contradict(tmp_path, options, told):
    with pytest.raises(ValueError, match=told):
        gru_ext.train(TEXT, **{"output": tmp_path / "model.npz"} | SMALL | options)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_kept_unless_forced(tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(b"precious")
    with pytest.raises(OSError, match=r"model\.npz exists.*--resume.*--force"):
        gru_ext.train(TEXT, output=path, max_steps=2, **SMALL)
    assert path.read_bytes() == b"precious"
    model = gru_ext.train(TEXT, output=path, max_steps=2, force=True, **SMALL)
    assert same(gru_ext.load(path), model)


def test_a_run_that_diverges_does_not_replace_a_good_model(tmp_path):
    path = tmp_path / "model.npz"
    gru_ext.train(TEXT, output=path, max_steps=5, **SMALL)
    try:
        gru_ext.train(TEXT, output=path, max_steps=40, resume=True, learning_rate=1e38, quiet=True)
    except ValueError as error:
        assert "learning rate" in str(error)  # noqa: PT017
    assert len(gru_ext.load(path).sample(5)) == 5


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


def test_the_held_out_part_is_measured_and_not_trained_on(capsys):
    n = 4 * len(TEXT) // 5
    model = gru_ext.train(TEXT, hidden_size=8, max_steps=9, val_fraction=0.2, sample_every=0)
    out = capsys.readouterr().out
    assert same(model, gru_ext.train(TEXT[:n], max_steps=9, **SMALL))
    expected = model.evaluate(TEXT[n:])
    assert re.search(rf"held out.* {expected.characters} .*{expected.bits_per_char:.3f} bits", out)


@pytest.mark.parametrize(
    ("options", "samples", "lines"),
    [
        ({"sample_every": 4, "log_every": 3}, 3, 4),
        ({"sample_every": 0, "log_every": 0}, 0, 0),
        ({"sample_every": 0, "log_every": 5}, 0, 3),
        ({"sample_every": 12, "log_every": 0}, 1, 0),
    ],
)
def test_samples_and_lines(capsys, options, samples, lines):
    gru_ext.train(TEXT, hidden_size=8, max_steps=12, sample_length=30, **options)
    out, err = capsys.readouterr()
    found = re.findall(r"^----\n(.*?)\n----$", out, re.MULTILINE | re.DOTALL)
    assert [len(sample) for sample in found] == [30] * samples
    assert len(re.findall(r"^step .*bits per character", out, re.MULTILINE)) == lines
    assert err == ""


def test_quiet_prints_nothing(capsys):
    gru_ext.train(TEXT, hidden_size=8, max_steps=5, val_fraction=0.2, quiet=True)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("options", [{"threads": 2}, {"threads": 3}, {"threads": 100}])
def test_threads_change_no_bit(options):
    fixed = SMALL | {"batch_size": 9, "seq_length": 5, "max_steps": 15}
    assert same(gru_ext.train(TEXT, threads=1, **fixed), gru_ext.train(TEXT, **fixed | options))


@pytest.mark.parametrize(
    ("options", "equal"),
    [
        ({}, True),
        ({"seed": 1}, False),
        ({"learning_rate": 0.01}, False),
        ({"clip": 1e-3}, False),
        ({"seq_length": 9}, False),
        ({"batch_size": 2}, False),
        ({"max_steps": 13}, False),
        ({"optimizer": "adagrad"}, True),
        ({"seed": 0, "dtype": "float32"}, True),
    ],
)
def test_options_have_their_effect(options, equal):
    fixed = SMALL | {"seq_length": 8, "max_steps": 12, "batch_size": 1}
    assert same(gru_ext.train(TEXT, **fixed), gru_ext.train(TEXT, **fixed | options)) == equal


def test_epochs_and_steps(tmp_path):
    vocabulary = Vocabulary.from_text(TEXT)
    trainer = Trainer(
        Model.create(vocabulary, 8), vocabulary.encode(TEXT), seq_length=20, batch_size=3
    )
    for options, steps in (
        ({"epochs": 2}, 2 * trainer.windows_per_epoch),
        ({"max_steps": 7}, 7),
        ({"epochs": 0.01}, 1),
        ({"epochs": 9, "max_steps": 4}, 4),
    ):
        gru_ext.train(
            TEXT,
            seq_length=20,
            batch_size=3,
            output=tmp_path / "model.npz",
            force=True,
            **SMALL | options,
        )
        assert checkpoint.read(tmp_path / "model.npz").metadata["step"] == steps


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"hidden_size": 0}, ValueError),
        ({"seq_length": 0}, ValueError),
        ({"batch_size": -1}, ValueError),
        ({"max_steps": 0}, ValueError),
        ({"epochs": 0}, ValueError),
        ({"epochs": math.nan}, ValueError),
        ({"epochs": math.inf}, ValueError),
        ({"epochs": 1e308}, ValueError),
        ({"learning_rate": 0}, ValueError),
        ({"learning_rate": math.inf}, ValueError),
        ({"clip": -1}, ValueError),
        ({"clip": math.nan}, ValueError),
        ({"val_fraction": 1}, ValueError),
        ({"val_fraction": -0.1}, ValueError),
        ({"seed": -1}, ValueError),
        ({"seed": 2**32}, ValueError),
        ({"threads": 0}, ValueError),
        ({"sample_every": -1}, ValueError),
        ({"log_every": -1}, ValueError),
        ({"sample_length": -1}, ValueError),
        ({"dtype": "float16"}, ValueError),
        ({"optimizer": "sgd"}, ValueError),
        ({"hidden_size": 2**40}, ValueError),
        ({"hidden_size": "8"}, TypeError),
        ({"hidden_size": 8.5}, TypeError),
        ({"max_steps": 2.5}, TypeError),
        ({"learning_rate": "much"}, TypeError),
        ({"sample_every": "often"}, TypeError),
    ],
)
def test_bad_options(tmp_path, options, error):
    (name,) = options
    # max_steps wins over epochs.
    steps = {} if name == "epochs" else {"max_steps": 2}
    with pytest.raises(error) as refused:
        gru_ext.train(TEXT, output=tmp_path / "model.npz", **SMALL | steps | options)
    assert error is TypeError or name.replace("_", " ") in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "options", "least"),
    [
        ("a", {}, 2),
        ("abcdefgh", {"seq_length": 8}, 9),
        (TEXT, {"seq_length": 60, "batch_size": 9}, 541),
        (TEXT[:100], {"seq_length": 60, "val_fraction": 0.5}, 61),
    ],
)
def test_a_text_too_short_is_told_how_long_it_must_be(tmp_path, text, options, least):
    with pytest.raises(ValueError, match=rf"\b{least}\b"):
        gru_ext.train(text, output=tmp_path / "model.npz", **SMALL | options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", ValueError),
        (None, (TypeError, ValueError)),
        (b"bytes " * 20, TypeError),
        (["a", "b"], TypeError),
    ],
)
def test_no_text(text, error):
    with pytest.raises(error, match="text"):
        gru_ext.train(text, max_steps=2, **SMALL)


def new_trainer(**options):
    vocabulary = Vocabulary.from_text(TEXT)
    model = Model.create(vocabulary, 8, "float64", seed=1)
    return Trainer(model, vocabulary.encode(TEXT), **{"seq_length": 11} | options)


def test_a_trainer_is_stepped_and_iterated():
    one, other, third = new_trainer(), new_trainer(), new_trainer()
    losses = one.advance(12)
    assert losses.shape == (12,)
    steps = [other.step() for _ in range(12)]
    iterated = list(itertools.islice(third, 12))
    assert [step.number for step in steps] == list(range(1, 13))
    assert [step.nats_per_char for step in steps] == losses.tolist()
    assert iterated == steps
    assert steps[3].bits_per_char == pytest.approx(losses[3] / math.log(2), rel=1e-14)
    assert same(one.model, other.model)
    assert same(one.model, third.model)
    assert one.steps_done == other.steps_done == 12
    assert one.smooth_loss == other.smooth_loss


def test_a_trainers_first_loss_is_that_of_the_equations():
    trainer = new_trainer()
    p = {name: view.copy() for name, view in trainer.model.parameters.items()}
    symbols = trainer.model.vocabulary.encode(TEXT).astype(int)[:, None]
    expected = reference.forward(p, symbols[:11], symbols[1:12], np.zeros((1, 8)))["loss"].mean()
    assert trainer.step().nats_per_char == pytest.approx(expected, rel=1e-12)


def test_a_trainer_goes_on_from_a_checkpoint():
    whole, first, second = (new_trainer(batch_size=5, seq_length=9) for _ in range(3))
    whole.advance(30)
    first.advance(13)
    second.resume(first.checkpoint())
    first.advance(5)
    second.advance(17)
    assert same(whole.model, second.model)
    assert second.steps_done == 30
    assert second.smooth_loss == whole.smooth_loss
