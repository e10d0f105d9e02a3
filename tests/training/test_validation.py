# SPDX-License-Identifier: MIT
"""The held-out part while training: evaluations, early stopping, the best weights."""

import math
import re
import shutil

import numpy as np
import pytest
from command import run
from training_runs import TEXT, last_model, run_files, same, state_of

import gru_ext
from gru_ext.model import checkpoint
from gru_ext.training.interrupts import StopRequest
from gru_ext.training.state_files import state_path
from gru_ext.training.validation import Validation, default_eval_every

HELD_OUT = round(len(TEXT) * 0.2)
OPTIONS = {"hidden_size": 8, "seq_length": 5, "max_steps": 60, "val_fraction": 0.2, "split": "tail"}
OPTIONS |= {"warmup": 100}  # the rates do not depend on the number of steps
# The held-out part follows other rules: after a while the loss on it rises.
OVERFITTED = TEXT + "".join(sorted(TEXT[::2], reverse=True))
RISING = {
    "hidden_size": 8,
    "seq_length": 9,
    "max_steps": 2000,
    "val_fraction": 0.3,
    "split": "tail",
    "learning_rate": 0.1,
    "warmup": 200,
    "schedule": "constant",
    "batch_size": 1,
    "dropout": 0.0,
    "weight_dropout": 0.0,
    "patience": 0,
    "eval_every": 20,
    "quiet": True,
}


def evaluations(text=TEXT, **options):
    """Step and loss of each evaluation of a run, and its model."""
    seen = []
    model = gru_ext.train(text, **{"quiet": True} | options, callback=seen.append)
    return [(p.step, p.val_nats) for p in seen if p.val_nats is not None], model


@pytest.mark.parametrize("options", [{"eval_every": 1}, {"eval_every": 7, "keep": "best"}])
@pytest.mark.parametrize("matmul", ["native", "blas"])
def test_evaluating_changes_no_bit(tmp_path, options, matmul):
    if matmul == "blas":
        pytest.importorskip("scipy")
        pytest.importorskip("threadpoolctl")
    gru_ext.use_matmul(matmul)
    try:
        for name, more in (("with", options), ("without", {"eval_every": 0, "quiet": True})):
            gru_ext.train(TEXT, **OPTIONS | more, output=tmp_path / name, batch_size=5)
    finally:
        gru_ext.use_matmul("native")
    one, other = run_files(tmp_path / "with"), run_files(tmp_path / "without")
    (_, one), (_, other) = one, other  # the states
    assert one.pop("gru_ext") != other.pop("gru_ext")
    assert one == other


def test_an_evaluation_is_that_of_the_model_then():
    found, _ = evaluations(**OPTIONS, eval_every=20)
    assert [step for step, _ in found] == [20, 40, 60]
    for step, nats in found:
        shorter = OPTIONS | {"max_steps": step, "quiet": True, "calibrate": False}
        model = gru_ext.train(TEXT, **shorter)
        assert model.evaluate(TEXT[-HELD_OUT:]).nats_per_char == nats


def test_an_evaluation_starts_anew_with_each_document_and_counts_bytes(capsys):
    options = OPTIONS | {"units": "bytes", "document_separator": "\n", "eval_every": 60}
    options |= {"calibrate": False}
    found, model = evaluations(**options)
    validation_part = TEXT[-HELD_OUT:].encode()
    assert found == [(60, model.evaluate(validation_part).nats_per_char)]
    plain, _ = evaluations(**options | {"document_separator": None})
    assert plain != found
    gru_ext.train(TEXT, **options)
    out = capsys.readouterr().out
    assert re.search(r"^ +bits/byte +bits/byte +rate +byte/s +left$", out, re.M)
    assert re.search(r"validation loss: [\d.]+ bits per byte, over 107 bytes\n", out)


@pytest.mark.parametrize(
    ("size", "per_step", "log_every", "every"),
    [(20_000, 1024, 100, 300), (100, 1024, 100, 100), (111_540, 1024, 784, 1568), (2, 1, 1, 24)],
)
def test_how_often_by_default(size, per_step, log_every, every):
    assert default_eval_every(size, per_step, log_every) == every


def test_the_best_validation_loss_is_marked(capsys):
    options = RISING | {"max_steps": 400, "eval_every": 40, "calibrate": False}
    found, _ = evaluations(OVERFITTED, **options)
    gru_ext.train(OVERFITTED, **options | {"quiet": False, "log_every": 20, "sample_every": 0})
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines() if re.match(r" *\d+ +\d+\.\d\d ", line)]
    assert [int(row[0]) for row in rows] == [*range(20, 401, 20)]
    best, wanted = math.inf, []
    for _, nats in found:
        wanted.append([f"{nats / math.log(2):.3f}", *["*"] * (nats < best)])
        best = min(best, nats)
    assert len({len(mark) for mark in wanted}) == 2
    assert [row[3:-3] for row in rows if len(row) > 6] == wanted
    loss = r"\nvalidation loss: [\d.]+ bits per character, over \d+ characters\n"
    assert re.search(loss + r"it has risen since step \d+: the model has begun [^:]*$", out)


def test_a_quiet_run_that_nobody_watches_measures_nothing_with_the_last_weights(monkeypatch):
    monkeypatch.setattr(Validation, "evaluate", lambda *_: pytest.fail("measured"))
    gru_ext.train(TEXT, **OPTIONS, quiet=True, keep="last", patience=0)


def test_a_quiet_run_that_nobody_watches_finds_the_best_weights():
    quiet = gru_ext.train(OVERFITTED, **RISING | {"max_steps": 400})
    found, watched = evaluations(OVERFITTED, **RISING | {"max_steps": 400})
    best = min(found, key=lambda each: each[1])[0]
    assert quiet.about["step"] == watched.about["step"] == best < 400
    assert same(quiet, watched)


def test_patience_ends_the_run_and_the_best_is_kept(tmp_path, capsys):
    path = tmp_path / "model.npz"
    rising = RISING | {"calibrate": False}
    found, model = evaluations(OVERFITTED, **rising | {"patience": 3}, output=path)
    steps, losses = zip(*found, strict=True)
    best = int(np.argmin(losses))
    assert steps[best] > 20
    assert best == len(losses) - 4
    assert state_of(path).metadata["step"] == steps[-1] < RISING["max_steps"]
    # what is returned and written is the model of the best evaluation
    kept = gru_ext.load(path)
    assert kept.about["step"] == model.about["step"] == steps[best]
    assert kept.about["validation"] == {"nats_per_char": losses[best]}
    shorter = rising | {"max_steps": steps[best]}
    assert same(kept, model)
    assert same(kept, gru_ext.train(OVERFITTED, **shorter))
    last = gru_ext.train(OVERFITTED, **RISING | {"max_steps": steps[-1], "keep": "last"})
    assert same(last_model(path), last)
    # printed, and without the best being kept
    told = gru_ext.train(OVERFITTED, **RISING | {"quiet": False, "patience": 3, "keep": "last"})
    assert same(told, last)
    line = rf"no better validation loss in 3 eval.*; the best was [\d.]+ .* step {steps[best]}\n"
    assert re.search(line, capsys.readouterr().out)


def test_patience_goes_on_where_a_run_was_interrupted(tmp_path):
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    options = RISING | {"patience": 4}
    gru_ext.train(OVERFITTED, **options, output=whole)
    ended = state_of(whole).metadata["step"]
    for stop_at in (20, ended - 60, ended - 20):
        gru_ext.train(
            OVERFITTED,
            **options,
            output=parts,
            resume=parts.exists(),
            callback=lambda progress, stop_at=stop_at: progress.step == stop_at,
        )
        assert state_of(parts).metadata["step"] == stop_at
    model = gru_ext.train(OVERFITTED, output=parts, resume=True, quiet=True)
    assert run_files(parts) == run_files(whole)
    assert same(model, gru_ext.load(whole))
    with pytest.raises(ValueError, match=r"parts\.state\.npz has ended after 4 eval.*`patience`"):
        gru_ext.train(OVERFITTED, output=parts, resume=True, quiet=True)
    gru_ext.train(OVERFITTED, output=parts, resume=True, patience=6, quiet=True)
    assert state_of(parts).metadata["step"] > ended


def test_the_best_is_looked_for_anew_where_its_file_is_gone(tmp_path):
    path = tmp_path / "model.npz"
    options = RISING | {"output": path, "max_steps": 1500}
    gru_ext.train(OVERFITTED, **options)
    first = checkpoint.read(path).metadata["step"]
    path.unlink()
    model = gru_ext.train(OVERFITTED, **options | {"max_steps": 1600}, resume=True)
    assert first < 1500 < checkpoint.read(path).metadata["step"]
    assert same(model, gru_ext.load(path))


def test_the_best_of_another_run_is_not_taken_for_this_one_s(tmp_path):
    path, other = tmp_path / "model.npz", tmp_path / "other.npz"
    options = OPTIONS | {"quiet": True, "eval_every": 20}
    for text in ("abc" * 50, TEXT):
        gru_ext.train(text, **options | {"max_steps": 1}, output=other, force=True)
        gru_ext.train(TEXT, **options, output=path, force=True)
        assert state_of(path).metadata["run"]["validation"]["best_step"]
        shutil.copy(other, path)
        wanted = gru_ext.train(TEXT, **options | {"max_steps": 80})
        found = gru_ext.train(TEXT, **options | {"max_steps": 80}, output=path, resume=True)
        assert same(found, wanted)
        assert same(gru_ext.load(path), wanted)


def test_the_best_of_other_layers_is_not_taken_for_this_one_s(tmp_path):
    path = tmp_path / "model.npz"
    options = OPTIONS | {"quiet": True, "eval_every": 20, "output": path}
    model = gru_ext.train(TEXT, **options)
    stack = gru_ext.Model.create(model.vocabulary, 8, layers=2)
    stack.about |= {"validation": {"nats_per_char": 0.0}, "run": model.about["run"]}
    stack.save(path)
    found = gru_ext.train(TEXT, **options | {"max_steps": 80}, resume=True)
    assert found.layers == 1
    assert same(gru_ext.load(path), found)


def test_a_stop_in_the_middle_of_an_evaluation():
    vocabulary = gru_ext.Vocabulary.from_text(TEXT)
    model = gru_ext.Model.create(vocabulary, 8)
    validation, stop = Validation(vocabulary.encode(TEXT), 10), StopRequest()
    before = validation.state()
    stop.signal = 2
    assert not validation.evaluate(model, 10, stop)
    assert validation.state() == before
    assert validation.is_due(10, False)
    stop.signal = None
    assert validation.evaluate(model, 10, stop)
    assert not validation.is_due(10, True)


def test_a_loss_that_is_no_number_is_no_better(monkeypatch):
    vocabulary = gru_ext.Vocabulary.from_text(TEXT)
    model = gru_ext.Model.create(vocabulary, 8)
    model.parameters["by"][0] = np.nan
    validation = Validation(vocabulary.encode(TEXT), 10, patience=1)
    assert not validation.evaluate(model, 10, StopRequest())
    assert validation.exhausted


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--eval-every -1", "--eval-every must be a whole number, 0 or more"),
        ("--eval-every x", "--eval-every"),
        ("--patience -1", "--patience must be a whole number, 0 or more"),
        ("--patience 1.5", "--patience"),
        ("--eval-every 5", "--eval-every needs a validation part.*--val-fraction"),
        ("--patience 5", "--patience needs a validation part.*--val-fraction"),
        ("--patience 5 --eval-every 0 --val-fraction 0.2", "--eval-every must be 1 or more"),
        ("--classic --eval-every 5", "--eval-every and --classic cannot"),
        ("--classic --patience 5", "--patience and --classic cannot"),
    ],
)
def test_what_is_refused(folder, capsys, options, told):
    assert run("train", "a.txt", "--max-steps", "4", *options.split()) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert re.search(told, err)
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "m.npz"]


def test_another_val_fraction_is_refused(tmp_path):
    path, text = tmp_path / "model.npz", TEXT * 40
    gru_ext.train(text, hidden_size=4, max_steps=2, output=path, split="tail", quiet=True)
    for fraction, size in ((0, 0), (0.25, 5400)):
        told = rf"model\.state\.npz was trained with a validation part of 2160, not {size} char"
        with pytest.raises(ValueError, match=told):
            gru_ext.train(text, output=path, resume=True, max_steps=9, val_fraction=fraction)


def test_another_validation_part_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    gru_ext.train(TEXT, **OPTIONS, output=path, quiet=True)
    other = TEXT[:-2] + "T\n"
    with pytest.raises(
        ValueError, match=r"model\.state\.npz was evaluated on another validation part"
    ):
        gru_ext.train(other, output=path, resume=True, max_steps=70, quiet=True)


@pytest.mark.parametrize(
    "damage",
    [
        {"run": 3},
        {"run": {"point": -1, "nats": 0.0}},
        {"run": {"point": 10**9, "nats": 0.0}},
        {"run": {"point": 0, "nats": "x"}},
        {"run": {"point": 0, "nats": 0.0, "validation": []}},
        {"run": {"point": 0, "nats": 0.0, "validation": {"step": True}}},
        {"nats": "x"},
        {"waited": -1},
        {"best_step": None},
    ],
)
def test_a_damaged_state_is_refused(tmp_path, damage):
    path = tmp_path / "model.npz"
    gru_ext.train(TEXT, **OPTIONS, output=path, quiet=True)
    data = state_of(path)
    if "run" in damage:
        data.metadata |= damage
    else:
        data.metadata["run"]["validation"] |= damage
    checkpoint.write(state_path(path), data)
    with pytest.raises(
        gru_ext.CheckpointError, match=r"model\.state\.npz (has a damaged|was evaluated)"
    ):
        gru_ext.train(TEXT, output=path, resume=True, max_steps=70, quiet=True)


def test_a_file_without_the_state_of_a_run_is_gone_on_with(tmp_path):
    path = tmp_path / "model.npz"
    gru_ext.train(TEXT, **OPTIONS, output=path, quiet=True)
    data = state_of(path)
    del data.metadata["run"]
    checkpoint.write(state_path(path), data)
    model = gru_ext.train(TEXT, output=path, resume=True, max_steps=70, quiet=True)
    assert same(model, gru_ext.train(TEXT, **OPTIONS | {"max_steps": 70, "quiet": True}))
