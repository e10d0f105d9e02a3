# SPDX-License-Identifier: MIT
"""The average of the weights: what it is, where a run uses it, and going on with it."""

import re

import numpy as np
import pytest
from command import run
from training_runs import (
    SMALL,
    TEXT,
    assert_same_state,
    interrupt_after,
    last_model,
    run_files,
    same,
    state_of,
)

import gru_ext
from gru_ext import CheckpointError, Model, Trainer, Vocabulary
from gru_ext.model.sampling import iter_sample
from gru_ext.training.state_files import state_path

OPTIONS = SMALL | {"seq_length": 7, "batch_size": 2, "learning_rate": 0.02, "warmup": 5}
OPTIONS |= {"average_over": 0.3, "max_steps": 60, "schedule": "constant"}
TRAINING = round(len(TEXT) * 0.8)
EVALUATED = OPTIONS | {"val_fraction": 0.2, "split": "tail", "eval_every": 20, "patience": 0}


def trainer_of(text=TEXT, average_over=0.3, **options):
    """A trainer with the options of these runs."""
    vocabulary = Vocabulary.from_text(TEXT)
    fixed = {"seq_length": 7, "batch_size": 2, "learning_rate": 0.02, "warmup_steps": 5}
    model = Model.create(vocabulary, 8)
    return Trainer(model, vocabulary.encode(text), average_over=average_over, **fixed | options)


@pytest.mark.parametrize("average_over", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("layers", [1, 2])
def test_it_is_the_average_of_the_equations(average_over, layers):
    vocabulary = Vocabulary.from_text(TEXT)
    model = Model.create(vocabulary, 8, "float64", layers=layers)
    trainer = Trainer(model, vocabulary.encode(TEXT), average_over=average_over)
    assert trainer.averaged is model  # before the first step there is none
    weights = []
    for step in trainer:
        weights.append(model.parameters.flat.copy())
        if step.number == 30:
            break
    expected = weights[0]
    for t, new in enumerate(weights, start=1):
        expected = expected + (new - expected) / (1 + average_over * (t - 1))
    found = trainer.averaged.parameters.flat
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)
    if average_over == 1:  # of all steps, each counts the same
        np.testing.assert_allclose(found, np.mean(weights, axis=0), rtol=0, atol=1e-14)
    assert not np.allclose(found, weights[-1])


def test_averaging_changes_no_step():
    one, other = trainer_of(), trainer_of(average_over=0)
    assert one.advance(40).tobytes() == other.advance(40).tobytes()
    assert same(one.model, other.model)
    assert not same(one.averaged, other.averaged)
    assert other.averaged is other.model


def test_evaluations_and_the_kept_weights_are_those_of_the_average(tmp_path):
    path, seen = tmp_path / "model.npz", []
    options = EVALUATED | {"calibrate": False}
    model = gru_ext.train(TEXT, output=path, callback=seen.append, **options)
    losses = {p.step: p.val_nats for p in seen if p.val_nats is not None}
    assert list(losses) == [20, 40, 60]
    trainer, models = trainer_of(TEXT[:TRAINING]), {}
    for step in losses:
        trainer.advance(20)
        models[step] = Model(model.vocabulary, trainer.averaged.parameters.copy())
        assert models[step].evaluate(TEXT[TRAINING:]).nats_per_char == losses[step]
    best = min(losses, key=losses.get)
    assert same(model, models[best])
    assert same(gru_ext.load(path), models[best])
    last = gru_ext.train(TEXT, keep="last", **EVALUATED)
    assert same(last, models[60])
    assert not same(last, trainer.model)


def test_the_state_has_the_weights_and_the_average(tmp_path):
    path = tmp_path / "model.npz"
    model = gru_ext.train(TEXT, output=path, **OPTIONS)
    state, trainer = state_of(path), trainer_of()
    trainer.advance(60)
    assert same(gru_ext.load(state_path(path)), trainer.model)
    assert same(last_model(path), trainer.averaged)
    assert same(model, trainer.averaged)
    assert state.average.keys() == state.weights.keys()
    with np.load(path) as arrays:
        assert not any(name.startswith("average") for name in arrays)
    gru_ext.train(TEXT, output=path, force=True, **OPTIONS | {"average_over": 0})
    assert state_of(path).average is None
    assert same(gru_ext.load(path), gru_ext.load(state_path(path)))


def test_samples_are_those_of_the_average(capsys):
    def sample_of(model):
        return "".join(iter_sample(model, 80, seed=(0, 400)))

    options = OPTIONS | {"quiet": False, "max_steps": 400, "sample_length": 80}
    model = gru_ext.train(TEXT, **options)
    (sample,) = re.findall(
        r"^---- sample at step 400 ----\n(.*?)\n----$", capsys.readouterr().out, re.M | re.S
    )
    assert sample == sample_of(model)
    trainer = trainer_of()
    trainer.advance(400)
    assert sample != sample_of(trainer.model)


@pytest.mark.parametrize("optimizer", ["adagrad", "adam", "adamw", "rmsprop"])
@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupted_run_equals_an_uninterrupted_one(tmp_path, optimizer, threads):
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    options = EVALUATED | {"optimizer": optimizer}
    gru_ext.train(TEXT, output=whole, threads=1, **options)
    for step in (1, 19, 20, 47):
        more = {"resume": True, "quiet": True} if parts.exists() else options
        with interrupt_after(step), pytest.raises(gru_ext.TrainingInterrupted) as stopped:
            gru_ext.train(TEXT, output=parts, threads=threads, **more)
        if step == 1:
            assert same(stopped.value.model, last_model(parts))
    gru_ext.train(TEXT, output=parts, resume=True, quiet=True)
    assert_same_state(whole, parts)
    assert run_files(whole) == run_files(parts)


def test_another_average_is_refused_on_a_resume(tmp_path):
    for before, after in ((0.3, 0.0), (0.0, 0.3), (0.3, 0.2)):
        path = tmp_path / f"{before}{after}.npz"
        gru_ext.train(TEXT, output=path, **OPTIONS | {"average_over": before})
        told = rf"state\.npz was trained with average over {before}, not {after}"
        with pytest.raises(CheckpointError, match=told):
            gru_ext.train(TEXT, output=path, resume=True, max_steps=70, average_over=after)
    for before, after in ((0.3, 0), (0, 0.3)):
        told = f"average of the weights {before > 0}, not {after > 0}"
        with pytest.raises(CheckpointError, match=told):
            trainer_of(average_over=after).resume(trainer_of(average_over=before).checkpoint())


def test_init_from_a_model_has_a_new_average():
    start = gru_ext.train(TEXT, **OPTIONS)
    model = gru_ext.train(TEXT, init_from=start, max_steps=4, learning_rate=1e-30, quiet=True)
    assert same(model, start)


@pytest.mark.parametrize(
    ("value", "told"),
    [("-0.1", "--average-over must be a number from 0 to 1"), ("1.5", "--average-over must be")],
)
def test_what_is_refused(folder, capsys, value, told):
    assert run("train", "a.txt", "--average-over", value) == 2
    assert told in capsys.readouterr().err
    for bad in (-0.1, 1.5):
        with pytest.raises(ValueError, match="`average_over` must be"):
            trainer_of(average_over=bad)
