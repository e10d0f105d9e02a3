# SPDX-License-Identifier: MIT
"""Weight dropout and resets of the state in whole runs: threads, going on, what is refused."""

import pytest
from command import run
from training_runs import (
    NAMES,
    SMALL,
    TEXT,
    assert_same_state,
    interrupt_after,
    run_files,
    same,
    state_of,
)

import gru_ext
from gru_ext import Model, Trainer, Vocabulary

OPTIONS = SMALL | {"seq_length": 6, "batch_size": 5, "max_steps": 40, "val_fraction": 0, "seed": 3}
REGULARISED = [
    {"weight_dropout": 0.3},
    {"state_reset": 0.2},
    {"weight_dropout": 0.2, "state_reset": 0.1, "dropout": 0.1, "layers": 2},
]
EACH = pytest.mark.parametrize("chosen", REGULARISED, ids=["weights", "resets", "all"])


@EACH
@pytest.mark.parametrize("text", [TEXT, NAMES])
@pytest.mark.parametrize("optimizer", ["adam", "adagrad"])
def test_threads_and_interruptions_change_no_bit(tmp_path, text, chosen, optimizer):
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    options = OPTIONS | chosen | {"optimizer": optimizer}
    model = gru_ext.train(text, output=whole, threads=1, **options)
    assert same(model, gru_ext.train(text, threads=3, **options))
    for i, step in enumerate((1, 13, 32)):
        more = {"resume": True, "quiet": True} if i else options
        with interrupt_after(step), pytest.raises(gru_ext.TrainingInterrupted):
            gru_ext.train(text, output=parts, threads=1 + i, **more)
    gru_ext.train(text, output=parts, resume=True, quiet=True)
    assert_same_state(whole, parts)
    assert run_files(whole) == run_files(parts)
    assert chosen.items() <= state_of(parts).metadata["options"].items()


@EACH
def test_they_change_the_run_and_follow_from_the_seed(chosen):
    model = gru_ext.train(TEXT, **OPTIONS | chosen)
    plain = {name: 0.0 for name in ("weight_dropout", "state_reset") if name in chosen}
    assert not same(model, gru_ext.train(TEXT, **OPTIONS | chosen | plain))
    sizes = {"seq_length": 6, "batch_size": 5, "planned_steps": 40}
    found = []
    for seed in (3, 3, 4):
        vocabulary = Vocabulary.from_text(TEXT)
        start = Model.create(vocabulary, 8, seed=3, layers=chosen.get("layers", 1))
        given = {name: value for name, value in chosen.items() if name != "layers"}
        trainer = Trainer(start, vocabulary.encode(TEXT), seed=seed, **sizes, **given)
        trainer.advance(40)
        found.append(trainer.averaged)
    assert same(found[0], model)
    assert same(found[0], found[1])
    assert not same(found[0], found[2])


def test_a_resumed_run_may_change_them(tmp_path):
    path = tmp_path / "model.npz"
    gru_ext.train(TEXT, output=path, **OPTIONS | {"weight_dropout": 0.3, "warmup": 100})
    more = {"resume": True, "quiet": True, "max_steps": 50}
    gru_ext.train(TEXT, output=path, weight_dropout=0.0, state_reset=0.2, **more)
    options = state_of(path).metadata["options"]
    assert (options["weight_dropout"], options["state_reset"]) == (0.0, 0.2)
    assert state_of(path).metadata["step"] == 50


def test_the_command_line(folder):
    words = "--weight-dropout 0.3 --state-reset 0.2 --hidden-size 8 --max-steps 12 --quiet"
    assert run("train", "a.txt", *words.split()) == 0
    options = {"weight_dropout": 0.3, "state_reset": 0.2, "hidden_size": 8, "max_steps": 12}
    assert same(gru_ext.load("model.npz"), gru_ext.train(TEXT, quiet=True, **options))


@pytest.mark.parametrize("name", ["weight_dropout", "state_reset"])
@pytest.mark.parametrize("value", [-0.1, 1, float("nan")])
def test_what_is_refused(folder, capsys, name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be a number from 0 to below 1"):
        gru_ext.train(TEXT, **OPTIONS | {name: value})
    vocabulary = Vocabulary.from_text(TEXT)
    with pytest.raises(ValueError, match=f"`{name}` must be a number from 0 to below 1"):
        Trainer(Model.create(vocabulary, 4), vocabulary.encode(TEXT), **{name: value})
    flag = f"--{name.replace('_', '-')}"
    assert run("train", "a.txt", f"{flag}={value}") == 2
    assert f"{flag} must be a number from 0 to below 1" in capsys.readouterr().err


def test_the_heading_says_it(capsys):
    gru_ext.train(TEXT, **OPTIONS | {"weight_dropout": 0.3, "dropout": 0.1, "quiet": False})
    told = " ".join(capsys.readouterr().out.split())
    assert "dropout 0.1, weight dropout 0.3, " in told
