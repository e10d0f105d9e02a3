# SPDX-License-Identifier: MIT
"""What follows from the text where no option says it: presets, patience, the warm-up."""

import math

import numpy as np
import pytest
from command import run
from training_runs import NAMES, SMALL, TEXT, assert_same_state, interrupt_after, same, state_of

import gru_ext
from gru_ext import Model, Trainer, Vocabulary
from gru_ext.model import checkpoint
from gru_ext.training.defaults import PATIENCE, default_dropout, default_patience, settle
from gru_ext.training.options import TrainingOptions
from gru_ext.training.presets import PRESETS
from gru_ext.training.state_files import state_path
from gru_ext.training.validation import Evaluation

WITHOUT = {"val_fraction": 0, "quiet": True}
EVALUATED = SMALL | {"max_steps": 60, "val_fraction": 0.2, "eval_every": 5, "seq_length": 5}
# The best loss is the second one, that of step 10.
LOSSES = [3.0, 2.0, *(2.0 + 0.01 * n for n in range(40))]


def recurrent_weights(options):
    """The recurrent weights of all layers, and the input weights between these."""
    return 3 * options.hidden_size**2 * (2 * options.layers - 1)


def with_losses(monkeypatch):
    losses = iter(LOSSES)
    monkeypatch.setattr(
        "gru_ext.training.validation.evaluate_symbols",
        lambda *_, **named: Evaluation(next(losses), 9),
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_suits_any_length(preset):
    weights = 0
    for n in [*range(2, 2000), *(int(2 ** (k / 4)) for k in range(44, 150))]:
        options = settle(TrainingOptions(preset=preset), n, False)
        assert options.record() == settle(TrainingOptions(**options.record()), n, False).record()
        assert n >= options.seq_length * options.batch_size + 1
        assert options.epochs > 0
        assert 0.001 <= options.learning_rate <= 0.1
        assert recurrent_weights(options) >= weights  # a longer text has no smaller model
        weights = recurrent_weights(options)


def test_quick_is_not_larger_than_best_and_less_work():
    for k in range(4, 100):
        n = int(2 ** (k / 4))
        quick, best = (settle(TrainingOptions(preset=name), n, False) for name in ("quick", "best"))
        assert recurrent_weights(quick) <= recurrent_weights(best)
        work = [recurrent_weights(options) * options.epochs for options in (quick, best)]
        assert work[0] <= work[1]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("text", ["ab", "abc", TEXT[:11], TEXT[:50], TEXT])
def test_a_preset_trains_a_text_of_any_length(preset, text):
    model = gru_ext.train(text, preset=preset, max_steps=20, quiet=True)
    assert math.isfinite(model.evaluate(text).nats_per_char)
    trained = len(text) - model.about["run"]["validation"]["characters"]
    expected = settle(
        TrainingOptions(preset=preset, max_steps=20), trained, documents=False
    ).record()
    assert expected.items() <= model.about["options"].items()


@pytest.mark.parametrize("text", ["ab", TEXT[:40], NAMES[:40]])
def test_a_run_without_any_option_learns(text):
    model = gru_ext.train(text, quiet=True)
    assert model.about["options"]["epochs"] == settle(TrainingOptions(), len(text), False).epochs
    assert model.evaluate(text).nats_per_char < 0.8 * math.log(len(set(text)))


def test_without_a_preset_it_is_the_default_one():
    for options in ({}, {"hidden_size": 8}):
        one, other = (
            gru_ext.train(TEXT, max_steps=9, quiet=True, **options, **preset)
            for preset in ({}, {"preset": "default"})
        )
        assert same(one, other)


def test_options_that_are_given_replace_those_of_the_preset():
    given = {"hidden_size": 9, "seq_length": 4, "batch_size": 3, "dropout": 0.15}
    given |= {"weight_dropout": 0.1}
    given |= {"average_over": 0.25, "epochs": 0.5, "learning_rate": 0.01, "warmup": 3}
    one, other = (
        gru_ext.train(TEXT, preset=preset, quiet=True, **given) for preset in ("quick", "best")
    )
    assert same(one, other)
    assert given.items() <= one.about["options"].items()
    assert one.layers == 1
    deep = gru_ext.train(TEXT, preset="quick", layers=2, max_steps=1, quiet=True)
    assert deep.layers == 2
    assert deep.hidden_size == settle(TrainingOptions(preset="quick"), len(TEXT), False).hidden_size


def test_the_preset_best_of_a_long_text_has_products_in_bfloat16(tmp_path):
    long = TrainingOptions(preset="best")
    assert settle(long, 400_000, False).dtype == "float32"
    assert settle(long, 400_001, False).dtype == "bfloat16"
    assert settle(TrainingOptions(preset="best", dtype="float64"), 10**6, False).dtype == "float64"
    gru_ext.train(TEXT, output=tmp_path / "small.npz", hidden_size=8, max_steps=1, quiet=True)
    fine_tuned = gru_ext.train(
        "a b c d e f " * 36_000,
        init_from=tmp_path / "small.npz",
        preset="best",
        max_steps=1,
        val_fraction=0,
        quiet=True,
    )
    assert fine_tuned.about["options"]["dtype"] == "float32"


def test_the_default_weight_decay_is_one_that_the_learning_rate_allows():
    assert settle(TrainingOptions(), 10**6, False).weight_decay == 0.03
    assert settle(TrainingOptions(learning_rate=50.0), 10**6, False).weight_decay == 0.02
    assert settle(TrainingOptions(optimizer="adam"), 10**6, False).weight_decay == 0
    model = gru_ext.train(
        TEXT, hidden_size=8, learning_rate=1e6, warmup=400, max_steps=1, quiet=True
    )
    assert model.about["options"]["weight_decay"] == 1e-6


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_on_the_command_line(folder, capsys, preset):
    command = ["train", "a.txt", "--max-steps", "9", "--quiet"]
    assert run(*command, "--preset", preset) == 0
    expected = gru_ext.train(folder / "a.txt", preset=preset, max_steps=9, quiet=True)
    assert same(gru_ext.load("model.npz"), expected)
    if preset == "default":
        assert run("info", "model.npz") == 0
        assert capsys.readouterr().out.endswith("\ncommand: gru-ext train a.txt --max-steps 9\n")


def test_presets_that_are_none(folder, capsys):
    assert run("train", "a.txt", "--preset", "slow") == 2
    assert "--preset must be quick, default or best" in capsys.readouterr().err
    with pytest.raises(ValueError, match="`preset` must be quick, default or best, not 'slow'"):
        gru_ext.train(TEXT, preset="slow")


def test_dropout_grows_with_the_weights_for_each_character():
    sizes = [(8, 1), (64, 1), (64, 2), (256, 1), (256, 2), (4096, 16)]
    found = np.array([[default_dropout(*size, 10**k) for k in range(10)] for size in sizes])
    assert (np.diff(found, axis=0) >= 0).all()
    assert (np.diff(found, axis=1) <= 0).all()
    assert (found.min(), found.max()) == (0, 0.6)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(
    "options",
    [{}, {"optimizer": "adamw"}, {"optimizer": "adagrad"}, {"dropout": 0}, {"average_over": 0.5}],
)
@pytest.mark.parametrize("text", [TEXT[:30], TEXT, TEXT * 10])
def test_a_trainer_has_the_defaults_of_a_run(layers, options, text):
    sizes = {"hidden_size": 8, "layers": layers, "max_steps": 30}
    model = gru_ext.train(text, **WITHOUT, **sizes, **options)
    vocabulary = Vocabulary.from_text(text)
    new = Model.create(vocabulary, 8, layers=layers)
    trainer = Trainer(new, vocabulary.encode(text), planned_steps=30, **options)
    trainer.advance(30)
    assert same(trainer.averaged, model)


def test_a_short_run_has_a_short_warmup():
    seen = []
    options = {"hidden_size": 16, "max_steps": 50, "seq_length": 16, "batch_size": 2, "dropout": 0}
    options |= WITHOUT | {"weight_dropout": 0, "average_over": 0}
    model = gru_ext.train(TEXT, log_every=1, callback=seen.append, **options)
    assert model.about["options"]["warmup"] == 12
    rates = [progress.learning_rate for progress in seen]
    peak = model.about["options"]["learning_rate"]
    assert rates[:12] == pytest.approx([peak * n / 12 for n in range(1, 13)])
    assert max(rates) == rates[11]
    slow = gru_ext.train(TEXT, warmup=200, **options)
    loss = model.evaluate(TEXT).nats_per_char
    assert loss < slow.evaluate(TEXT).nats_per_char
    assert loss < 0.85 * math.log(len(set(TEXT)))
    one = gru_ext.train(TEXT, max_steps=1, **WITHOUT)
    assert one.about["options"]["warmup"] == 0


def test_a_warmup_that_is_given_and_that_of_a_long_run():
    model = gru_ext.train(TEXT, max_steps=20, warmup=15, **SMALL)
    assert model.about["options"]["warmup"] == 15
    seen = []
    options = {"max_steps": 10**5, "batch_size": 1, "seq_length": 5, "log_every": 1}
    options |= {"callback": lambda at: seen.append(at) or True}
    model = gru_ext.train(TEXT, **options, **SMALL)
    windows = 1 / seen[0].epoch
    peak = model.about["options"]["learning_rate"]
    assert seen[0].learning_rate == pytest.approx(peak / min(400, max(200, windows)))


def test_a_resumed_run_keeps_its_warmup(tmp_path):
    path, seen = tmp_path / "model.npz", []
    with interrupt_after(3), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(TEXT, output=path, max_steps=100, **SMALL)
    more = {"resume": True, "quiet": True, "max_steps": 4000, "log_every": 1}
    gru_ext.train(TEXT, output=path, callback=lambda at: seen.append(at) or True, **more)
    options = state_of(path).metadata["options"]
    assert options["warmup"] == 25
    assert seen[0].learning_rate == pytest.approx(options["learning_rate"] * seen[0].step / 25)
    assert seen[0].step < 25


@pytest.mark.parametrize(
    ("options", "last"),
    [
        ({}, 5 * (2 + PATIENCE)),
        ({"patience": PATIENCE}, 5 * (2 + PATIENCE)),
        ({"patience": 2}, 20),
        ({"patience": 0}, 60),
        ({"eval_every": 0}, 60),
        ({"schedule": "plateau"}, 60),
    ],
)
def test_when_a_run_ends_by_itself(tmp_path, monkeypatch, options, last):
    path = tmp_path / "model.npz"
    with_losses(monkeypatch)
    gru_ext.train(TEXT, output=path, **EVALUATED | options)
    state = state_of(path).metadata
    assert state["step"] == last
    expected = options.get("patience", default_patience(TrainingOptions(**EVALUATED | options)))
    assert state["options"].get("patience") == expected


def test_patience_needs_a_validation_part_and_none_does_not():
    model = gru_ext.train(TEXT, max_steps=3, val_fraction=0, **SMALL)
    assert "patience" not in model.about["options"]
    gru_ext.train(TEXT, max_steps=3, val_fraction=0, patience=0, **SMALL)
    with pytest.raises(ValueError, match="`patience` needs a validation part"):
        gru_ext.train(TEXT, max_steps=3, val_fraction=0, patience=1, **SMALL)


def test_a_resumed_run_keeps_its_patience_or_is_given_another(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    with_losses(monkeypatch)
    with interrupt_after(22), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(TEXT, output=path, **EVALUATED)
    gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert state_of(path).metadata["step"] == 5 * (2 + PATIENCE)
    gru_ext.train(TEXT, output=path, resume=True, patience=0, quiet=True)
    assert state_of(path).metadata["step"] == 60


def test_no_patience_on_the_command_line(folder, monkeypatch, capsys):
    words = "--hidden-size 8 --max-steps 60 --val-fraction 0.2 --eval-every 5 --seq-length 5"
    for patience, last in (([], 5 * (2 + PATIENCE)), (["--patience", "0"], 60)):
        with_losses(monkeypatch)
        assert run("train", "a.txt", *words.split(), *patience, "--quiet", "--force") == 0
        assert state_of("model.npz").metadata["step"] == last
        assert run("info", "model.npz") == 0
        command = capsys.readouterr().out.splitlines()[-1]
        assert ("--patience 0" in command) == bool(patience)
        assert command.count("--patience") == bool(patience)


@pytest.mark.parametrize("optimizer", ["adam", "adagrad"])
def test_a_run_of_an_older_version_goes_on_as_before(tmp_path, monkeypatch, optimizer):
    """It ended after 3,000 steps or more, and had no dropout, average or early stopping."""
    whole, path = tmp_path / "whole.npz", tmp_path / "old.npz"
    before = {"dropout": 0.0, "weight_dropout": 0.0, "average_over": 0.0, "warmup": 200}
    before |= {"patience": 0, "max_steps": 3000, "keep": "last"}
    options = SMALL | {"seq_length": 5, "batch_size": 2, "val_fraction": 0.2, "split": "tail"}
    options |= {"optimizer": optimizer, "eval_every": 200}
    with_losses(monkeypatch)
    gru_ext.train(TEXT, output=whole, **options | before)
    with_losses(monkeypatch)
    with interrupt_after(150), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(TEXT, output=path, **options | before)
    data = state_of(path)
    for name in (*before, "state_reset", "epochs"):
        data.metadata["options"].pop(name, None)
    checkpoint.write(path, data)
    state_path(path).unlink()
    gru_ext.train(TEXT, output=path, resume=True, quiet=True)
    assert state_of(path).metadata["step"] == 3000
    assert_same_state(whole, path)
