# SPDX-License-Identifier: MIT
"""gru_ext.train: options, output, samples and lines, what is refused."""

import math
import re

import pytest
from training_runs import SMALL, TEXT, same

import gru_ext
from gru_ext import Model, Trainer, Vocabulary
from gru_ext.model import checkpoint
from gru_ext.text.split import validation_size
from gru_ext.training.defaults import settle
from gru_ext.training.options import TrainingOptions


def test_any_length_can_be_trained_with_the_defaults():
    for n in [*range(2, 3000), *range(19_990, 20_050), 10**6, 3 * 10**8]:
        trained = n - validation_size(n, None)
        options = settle(TrainingOptions(), trained, documents=False)
        assert options.seq_length >= 1
        assert trained >= options.seq_length * options.batch_size + 1
        assert 0.001 <= options.learning_rate <= 0.1


def test_the_number_of_streams_follows_from_the_length():
    streams = [settle(TrainingOptions(), 10**k, documents=False).batch_size for k in range(1, 9)]
    assert streams == sorted(streams)
    assert streams[1] == 1
    assert streams[5] >= 8


@pytest.mark.parametrize("n", [2, 3, 7, 10, 100])
def test_short_texts_train_without_an_option(n):
    text = TEXT[:n]
    model = gru_ext.train(text, max_steps=200, quiet=True)
    # The last characters that make no whole window are left out, as in the notebook.
    assert model.evaluate(text[:6]).nats_per_char < 0.9 * math.log(len(set(text)))


# what else follows from the text
PLAIN = {"seq_length": 27, "batch_size": 1, "dropout": 0.0, "weight_dropout": 0.0}
PLAIN |= {"average_over": 0.0, "max_steps": 200, "quiet": True}


@pytest.mark.parametrize("hidden_size", [16, 512])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_default_rate_does_not_blow_up(hidden_size, seed, isa):
    model = gru_ext.train(TEXT, hidden_size=hidden_size, seed=seed, **PLAIN)
    assert model.evaluate(TEXT).nats_per_char < 0.2 * math.log(len(set(TEXT)))


@pytest.mark.parametrize("hidden_size", [16, 512])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop"])
def test_the_other_optimizers_default_rates_do_not_either(hidden_size, seed, optimizer):
    options = {"optimizer": optimizer, "hidden_size": hidden_size, "seed": seed}
    model = gru_ext.train(TEXT, **PLAIN, **options)
    assert model.evaluate(TEXT).nats_per_char < 0.6 * math.log(len(set(TEXT)))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"resume": True, "classic": True}, "resume.*classic"),
        ({"resume": True, "preset": "best", "output": "x.npz"}, "`resume` and `preset` cannot"),
        ({"resume": True, "init_from": "x.npz"}, "`resume`.*`init_from`"),
        ({"resume": True, "output": None}, "output"),
        ({"classic": True, "batch_size": 4}, "`batch_size`.*`classic`"),
    ],
)
def test_options_that_contradict(tmp_path, options, told):
    with pytest.raises(ValueError, match=told):
        gru_ext.train(TEXT, **{"output": tmp_path / "model.npz"} | SMALL | options)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_kept_unless_forced(tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(b"precious")
    with pytest.raises(OSError, match=r"model\.npz exists.*`resume`.*`force`"):
        gru_ext.train(TEXT, output=path, max_steps=2, **SMALL)
    assert path.read_bytes() == b"precious"
    model = gru_ext.train(TEXT, output=path, max_steps=2, force=True, **SMALL)
    assert same(gru_ext.load(path), model)


def test_a_run_that_diverges_does_not_replace_a_good_model(tmp_path):
    path = tmp_path / "model.npz"
    gru_ext.train(TEXT, output=path, max_steps=5, optimizer="adam", **SMALL)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"diverged.*learning rate"):
        gru_ext.train(TEXT, output=path, max_steps=40, resume=True, learning_rate=1e38, quiet=True)
    assert path.read_bytes() == before


def test_the_validation_part_is_not_trained_on(capsys):
    n = 4 * len(TEXT) // 5
    options = {"val_fraction": 0.2, "split": "tail", "sample_every": 0, "calibrate": False}
    model = gru_ext.train(TEXT, hidden_size=8, max_steps=9, **options)
    out = capsys.readouterr().out
    assert same(model, gru_ext.train(TEXT[:n], max_steps=9, **SMALL))
    expected = model.evaluate(TEXT[n:])
    assert re.search(
        rf"validation.* {expected.bits_per_char:.3f} bits.* {expected.characters} ", out
    )


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
    found = re.findall(r"^---- sample at step \d+ ----\n(.*?)\n----$", out, re.M | re.S)
    assert [len(sample) for sample in found] == [30] * samples
    assert len(re.findall(r"^ *\d+ +\d+\.\d\d +\d+\.\d{3} ", out, re.MULTILINE)) == lines
    assert len(re.findall(r"^ *step +epoch +train +", out, re.MULTILINE)) == bool(lines)
    assert err == ""


def test_quiet_prints_nothing(capsys):
    gru_ext.train(TEXT, hidden_size=8, max_steps=5, val_fraction=0.2, quiet=True)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("options", [{"threads": 2}, {"threads": 3}, {"threads": 100}])
@pytest.mark.parametrize("sizes", [{}, {"layers": 3, "dropout": 0.2}])
def test_threads_change_no_bit(options, sizes):
    fixed = SMALL | {"batch_size": 9, "seq_length": 5, "max_steps": 15} | sizes
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
        ({"optimizer": "adamw"}, True),
        ({"optimizer": "adam"}, False),
        ({"optimizer": "rmsprop"}, False),
        ({"clip_norm": 1e-3}, False),
        ({"clip_norm": math.inf}, True),
        ({"schedule": "cosine", "warmup": 7}, False),
        ({"schedule": "cosine"}, True),
        ({"schedule": "constant"}, False),
        ({"warmup": 7}, False),
        ({"weight_decay": 0.03}, True),
        ({"weight_decay": 0}, False),
        ({"layers": 1, "dropout": 0}, True),
        ({"layers": 2}, False),
        ({"dropout": 0.1}, False),
        ({"weight_dropout": 0.0, "state_reset": 0.0}, True),
        ({"weight_dropout": 0.3}, False),
        ({"state_reset": 0.3}, False),
        ({"average_over": 0.5}, False),
        ({"patience": 0}, True),
        ({"seed": 0, "dtype": "float32"}, True),
    ],
)
def test_options_have_their_effect(options, equal):
    fixed = SMALL | {"seq_length": 8, "max_steps": 12, "batch_size": 1}
    fixed |= {"dropout": 0.0, "weight_dropout": 0.0, "average_over": 0.0}
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
        ({"schedule": "linear"}, ValueError),
        ({"warmup": -1}, ValueError),
        ({"warmup": 0.5}, TypeError),
        ({"weight_decay": -0.1}, ValueError),
        ({"weight_decay": math.inf}, ValueError),
        ({"weight_decay": 1000.0}, ValueError),
        ({"clip_norm": 0}, ValueError),
        ({"clip_norm": math.nan}, ValueError),
        ({"clip_norm": "short"}, TypeError),
        ({"hidden_size": 2**40}, ValueError),
        ({"hidden_size": "8"}, TypeError),
        ({"hidden_size": 8.5}, TypeError),
        ({"layers": 0}, ValueError),
        ({"layers": -1}, ValueError),
        ({"layers": 17}, ValueError),
        ({"layers": 2**70}, ValueError),
        ({"layers": 1.5}, TypeError),
        ({"layers": True}, TypeError),
        ({"layers": "2"}, TypeError),
        ({"dropout": 1}, ValueError),
        ({"dropout": -0.1}, ValueError),
        ({"dropout": math.nan}, ValueError),
        ({"dropout": "x"}, TypeError),
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
    assert error is TypeError or re.search(name.replace("_", "[_ ]"), str(refused.value))
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
        ([], ValueError),
        ([b"a", "b"], TypeError),
        ({"a", "b"}, TypeError),
        ({"a": "b"}, TypeError),
        (["a", 3.0], TypeError),
        (["", ""], ValueError),
        (b"", ValueError),
    ],
)
def test_no_text(text, error):
    with pytest.raises(error, match="text"):
        gru_ext.train(text, max_steps=2, **SMALL)
