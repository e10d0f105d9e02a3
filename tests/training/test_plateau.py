# SPDX-License-Identifier: MIT
"""The learning rate on plateaus of the held-out loss, and going on with it to the same bits."""

import itertools
import json
import math
import re
from unittest import mock

import numpy as np
import pytest
from command import run
from training_runs import TEXT, assert_same_state, interrupt_after, run_files, same, state_of

import gru_ext
from gru_ext import CheckpointError, Trainer
from gru_ext.model import checkpoint
from gru_ext.training.interrupts import StopRequest
from gru_ext.training.optimizers import OPTIMIZERS
from gru_ext.training.recovery import Recovery
from gru_ext.training.schedule import Schedule
from gru_ext.training.state_files import state_path
from gru_ext.training.validation import Validation

# The held-out part follows other rules: after a while the loss on it rises.
OVERFITTED = TEXT + "".join(sorted(TEXT[::2], reverse=True))
OPTIONS = {
    "hidden_size": 8,
    "seq_length": 9,
    "max_steps": 400,
    "val_fraction": 0.3,
    "split": "tail",
    "learning_rate": 0.1,
    "warmup": 10,
    "eval_every": 20,
    "schedule": "plateau",
    "batch_size": 1,
    "dropout": 0.0,
    "weight_dropout": 0.0,
    "average_over": 0.0,
    "quiet": True,
}
RATES = {"adagrad": 0.2, "adam": 0.02, "adamw": 0.02, "rmsprop": 0.02}


def lowered(path):
    return state_of(path).metadata["training"]["lowered"]


def expected_steps(evaluations, warmup):
    """Where the rate falls, by the losses alone."""
    best, bad, steps = math.inf, 0, []
    for step, nats in evaluations:
        if nats < best:
            best, bad = nats, 0
            continue
        bad += 1
        if bad == 2:
            bad = 0
            if step >= warmup:
                steps.append(step)
    return steps


def numbers_of(path):
    """A metrics file, without what a clock told; ``about`` has a date."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        {k: v for k, v in record.items() if "second" not in k and k != "about"}
        for record in records
    ]


@pytest.mark.parametrize("name", ["plateau", "cosine"])
def test_rates_fall_after_the_updates_that_are_named(name):
    plain = Schedule(name, 0.3, 4, planned_steps=40)
    schedule = Schedule(name, 0.3, 4, planned_steps=40, halvings=1, lowered=[7, 20])
    whole, before = schedule.rates(0, 30), plain.rates(0, 30)
    share = [0.5] * 7 + [0.25] * 13 + [0.125] * 10
    assert whole.tobytes() == (before * share).tobytes()
    assert schedule.peak == 0.3 / 8
    for size in (1, 3, 7, 29):
        pieces = [schedule.rates(n, min(size, 30 - n)) for n in range(0, 30, size)]
        assert np.concatenate(pieces).tobytes() == whole.tobytes()
    schedule.roll_back(19)
    assert schedule.lowered == [7]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("warmup", [10, 130])
def test_the_rate_falls_after_two_evaluations_without_a_better_loss(tmp_path, optimizer, warmup):
    path, seen = tmp_path / "model.npz", []
    options = OPTIONS | {
        "optimizer": optimizer,
        "learning_rate": RATES[optimizer],
        "warmup": warmup,
        "log_every": 5,
        "keep": "last",
    }
    model = gru_ext.train(OVERFITTED, **options, output=path, callback=seen.append)
    evaluations = [(p.step, p.val_nats) for p in seen if p.val_nats is not None]
    falls = expected_steps(evaluations, warmup)
    assert falls
    assert lowered(path) == falls
    for progress in seen:
        share = 0.5 ** sum(step < progress.step for step in falls)
        rate = RATES[optimizer] * min(1, progress.step / warmup) * share
        assert progress.learning_rate == pytest.approx(rate, rel=1e-15)
    # the same, by hand
    vocabulary = gru_ext.Vocabulary.from_text(OVERFITTED)
    symbols = vocabulary.encode(OVERFITTED)
    trainer = Trainer(
        gru_ext.Model.create(vocabulary, 8),
        symbols[: len(symbols) - round(len(symbols) * 0.3)],
        seq_length=9,
        batch_size=1,
        dropout=0.0,
        weight_dropout=0.0,
        average_over=0.0,
        optimizer=optimizer,
        learning_rate=RATES[optimizer],
        schedule="plateau",
        warmup_steps=warmup,
    )
    for step in falls:
        trainer.advance(step - trainer.steps_done)
        assert trainer.lower_learning_rate()
    if trainer.steps_done < 400:
        trainer.advance(400 - trainer.steps_done)
    assert trainer.learning_rate == RATES[optimizer] * 0.5 ** len(falls)
    assert same(trainer.model, model)
    expected = tmp_path / "expected.npz"
    checkpoint.write(expected, trainer.checkpoint())
    assert_same_state(expected, path)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_interrupted_run_equals_an_uninterrupted_one(tmp_path, optimizer):
    """Stopped between evaluations, at them, before the rate falls and after."""
    options = OPTIONS | {"optimizer": optimizer, "learning_rate": RATES[optimizer]}
    options |= {"log_every": 15, "patience": 30}
    files = {
        name: {"output": tmp_path / f"{name}.npz", "metrics": tmp_path / f"{name}.jsonl"}
        for name in ("whole", "parts")
    }
    gru_ext.train(OVERFITTED, **options, **files["whole"])
    first, second = lowered(files["whole"]["output"])[:2]
    stops = [first - 20, first - 13, first, first + 1, second - 3, second, second + 20]
    stops = sorted({step for step in stops if step > 0})
    for i, step in enumerate(stops):
        more = options if i == 0 else {"resume": True, "quiet": True, "log_every": 15}
        with interrupt_after(step), pytest.raises(gru_ext.TrainingInterrupted):
            gru_ext.train(OVERFITTED, **more, **files["parts"])
    assert lowered(files["parts"]["output"]) != []
    gru_ext.train(OVERFITTED, **files["parts"], resume=True, quiet=True, log_every=15)
    assert run_files(files["parts"]["output"]) == run_files(files["whole"]["output"])
    assert numbers_of(files["parts"]["metrics"]) == numbers_of(files["whole"]["metrics"])


def test_a_killed_run_goes_on_from_its_checkpoints(tmp_path):
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    gru_ext.train(OVERFITTED, **OPTIONS, output=whole)
    advance, killed = Trainer.advance, [351, 250, 107]

    def advance_to(trainer, steps):
        at = killed[-1] if killed else math.inf
        if trainer.steps_done < at:
            steps = min(steps, at - trainer.steps_done)
        losses = advance(trainer, steps)
        if trainer.steps_done == at:
            killed.pop()
            raise KeyError("killed")
        return losses

    with mock.patch.object(Trainer, "advance", advance_to):
        for resume in (False, True, True):
            more = {"resume": True, "quiet": True} if resume else OPTIONS
            with pytest.raises(KeyError):
                gru_ext.train(OVERFITTED, **more, output=parts, checkpoint_every=9)
        gru_ext.train(OVERFITTED, output=parts, resume=True, quiet=True, checkpoint_every=9)
    assert run_files(parts) == run_files(whole)


@pytest.mark.parametrize("step", [None, 95, 147, 215])
def test_a_run_that_diverges_forgets_what_was_lowered_since(tmp_path, monkeypatch, caplog, step):
    """The state that is kept is of before: from there the evaluations decide anew."""
    monkeypatch.setattr(Recovery, "every", 80)
    whole, path = tmp_path / "whole.npz", tmp_path / "model.npz"
    gru_ext.train(OVERFITTED, **OPTIONS | {"max_steps": 150}, output=whole)
    falls = lowered(whole)
    spoil = next(
        n for n in range(150, 0, -1) if n % 80 and any(n // 80 * 80 < f < n for f in falls)
    )
    advance = Trainer.advance

    def advance_to(trainer, steps):
        if trainer.steps_done < spoil:
            steps = min(steps, spoil - trainer.steps_done)
        losses = advance(trainer, steps)
        if trainer.steps_done == spoil and not trainer.schedule.halvings:
            trainer.memory["by"][1] = math.nan
        return losses

    def train(output, **more):
        gru_ext.train(OVERFITTED, output=output, **more)
        return state_of(output)

    with mock.patch.object(Trainer, "advance", advance_to):
        data = train(whole, **OPTIONS, force=True)
        assert data.metadata["training"]["halvings"] == 1
        assert all(b - a >= 40 for a, b in itertools.pairwise(data.metadata["training"]["lowered"]))
        if step is not None:
            with interrupt_after(step), pytest.raises(gru_ext.TrainingInterrupted):
                train(path, **OPTIONS)
            train(path, resume=True, quiet=True)
            assert run_files(path) == run_files(whole)
    back = spoil // 80 * 80
    rate = 0.05 * 0.5 ** sum(f <= back for f in falls)
    assert f"rolled back to step {back}, with half the learning rate, {rate:.4g}" in caplog.text


def test_evaluations_that_are_not_waited_for_lower_nothing():
    """Those up to the best one of a way that was gone back."""
    vocabulary = gru_ext.Vocabulary.from_text(TEXT)
    model = gru_ext.Model.create(vocabulary, 3)
    validation = Validation(vocabulary.encode(TEXT), 10)
    assert not validation.on_plateau
    validation.best_step, validation.best_nats = 30, 0.1
    validation.roll_back(10, None, 1)
    found = []
    for step in (20, 30, 40, 50, 60, 70):
        validation.evaluate(model, step, StopRequest())
        found.append(validation.on_plateau)
    assert found == [False, False, False, True, False, True]


def test_it_is_told(tmp_path, capsys):
    path = tmp_path / "model.npz"
    gru_ext.train(OVERFITTED, **OPTIONS | {"quiet": False, "log_every": 0}, output=path)
    told = capsys.readouterr().out
    found = re.findall(
        r"^no better validation loss in (\d+) evaluations: learning rate lowered to (\S+)$",
        told,
        re.M,
    )
    count = len(lowered(path))
    assert [float(rate) for _, rate in found] == [
        float(f"{0.1 * 0.5**n:.4g}") for n in range(1, count + 1)
    ]
    assert all(int(number) % 2 == 0 for number, _ in found)
    gru_ext.train(OVERFITTED, **OPTIONS)
    assert capsys.readouterr() == ("", "")


def test_with_patience_the_run_still_ends(tmp_path, capsys):
    """Where it ends no rate is told to fall, but its file knows that it did."""
    path, longer = tmp_path / "model.npz", tmp_path / "longer.npz"
    options = OPTIONS | {"quiet": False, "log_every": 0, "keep": "last", "max_steps": 2000}
    gru_ext.train(OVERFITTED, **options, patience=4, output=path)
    out = capsys.readouterr().out
    assert "no better validation loss in 4 evaluations; the best was" in out
    assert "in 2 evaluations: learning rate lowered" in out
    assert "in 4 evaluations: learning rate lowered" not in out
    data = state_of(path).metadata
    assert data["training"]["lowered"][-1] == data["step"] < 2000
    gru_ext.train(OVERFITTED, **options, patience=7, output=longer)
    gru_ext.train(OVERFITTED, output=path, patience=7, resume=True, quiet=True)
    assert_same_state(longer, path)


def test_it_falls_ten_times_at_most(tmp_path):
    path = tmp_path / "model.npz"
    gru_ext.train(OVERFITTED, **OPTIONS | {"eval_every": 4, "max_steps": 600}, output=path)
    assert len(lowered(path)) == 10
    vocabulary = gru_ext.Vocabulary.from_text(TEXT)
    model = gru_ext.Model.create(vocabulary, 3)
    trainer = Trainer(model, vocabulary.encode(TEXT), learning_rate=1.0)
    assert [trainer.lower_learning_rate() for _ in range(12)] == [True] * 10 + [False] * 2
    assert trainer.learning_rate == 2.0**-10
    trainer.learning_rate = 0.5
    assert trainer.learning_rate == 0.5


def test_a_resume_with_another_schedule_or_rate(tmp_path):
    path, again = tmp_path / "model.npz", {"resume": True, "quiet": True}
    gru_ext.train(OVERFITTED, **OPTIONS, output=path)
    falls = lowered(path)
    seen = []
    options = {"schedule": "constant", "max_steps": 600, "callback": seen.append}
    gru_ext.train(OVERFITTED, output=path, **again, **options)
    assert lowered(path) == falls
    assert {p.learning_rate for p in seen} == {0.1 * 0.5 ** len(falls)}
    gru_ext.train(OVERFITTED, output=path, **again, max_steps=601, learning_rate=0.03)
    assert lowered(path) == []
    gru_ext.train(OVERFITTED, output=path, **again, schedule="plateau", max_steps=900)
    assert lowered(path)
    assert min(lowered(path)) > 601


def test_a_file_from_before_there_was_a_plateau(tmp_path):
    whole, path = tmp_path / "whole.npz", tmp_path / "model.npz"
    options = OPTIONS | {"schedule": "constant", "patience": 0}
    gru_ext.train(OVERFITTED, **options, output=whole)
    gru_ext.train(OVERFITTED, **options | {"max_steps": 33}, output=path)
    data = state_of(path)
    del data.metadata["training"]["lowered"]
    checkpoint.write(state_path(path), data)
    gru_ext.train(OVERFITTED, output=path, resume=True, quiet=True, max_steps=400)
    assert_same_state(whole, path)


@pytest.mark.parametrize(
    "damage", [3, None, "x", [-1], [401], [1.0], [True], [20, 10], [1] * 11, [[1]]]
)
def test_a_damaged_state_is_refused(tmp_path, damage):
    path = tmp_path / "model.npz"
    gru_ext.train(OVERFITTED, **OPTIONS, output=path)
    data = state_of(path)
    data.metadata["training"]["lowered"] = damage
    checkpoint.write(state_path(path), data)
    with pytest.raises(CheckpointError, match=r"model\.state\.npz has a damaged training state"):
        gru_ext.train(OVERFITTED, output=path, resume=True, quiet=True, max_steps=500)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("", "plateau --schedule needs a validation part.*--val-fraction"),
        (
            "--val-fraction 0.2 --eval-every 0",
            "plateau --schedule counts evaluations: --eval-every",
        ),
        (
            "--val-fraction 0.2 --patience 2",
            "--patience must be 3 or more with a plateau --schedule",
        ),
        ("--classic", "schedule"),
    ],
)
def test_what_is_refused(folder, capsys, options, told):
    command = "train a.txt --max-steps 4 --schedule plateau"
    assert run(*command.split(), *options.split()) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert re.search(told, err)
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "m.npz"]
