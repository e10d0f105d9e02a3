# SPDX-License-Identifier: MIT
"""Runs that diverge: back to the last good state, on with half the learning rate, or given up."""

import contextlib
import json
import math
import operator
import re
from unittest import mock

import numpy as np
import pytest
from training_runs import SMALL, TEXT, assert_same_state, interrupt_after, state_of

import gru_ext
from gru_ext import CheckpointError, Trainer
from gru_ext.model import checkpoint
from gru_ext.training.recovery import Recovery
from gru_ext.training.snapshot import Snapshot
from gru_ext.training.state_files import state_path

OPTIONS = SMALL | {"seq_length": 7, "batch_size": 4, "max_steps": 40, "learning_rate": 0.02}
# the rates do not depend on the number of steps
OPTIONS |= {"warmup": 100, "average_over": 0.2}


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """States are kept every 10 updates."""
    monkeypatch.setattr(Recovery, "every", 10)


@contextlib.contextmanager
def spoiled(step, times=1, which="weights", value=math.nan):
    """After this update one number is spoiled, as long as the rate was halved less often."""
    advance = Trainer.advance

    def advance_to(trainer, steps):
        if trainer.steps_done < step:
            steps = min(steps, step - trainer.steps_done)
        losses = advance(trainer, steps)
        if trainer.steps_done == step and trainer.schedule.halvings < times:
            arrays = {"weights": trainer.model.parameters, "memory": trainer.memory}
            arrays[which]["by"][3] = value
        return losses

    with mock.patch.object(Trainer, "advance", advance_to):
        yield


def numbers_of(path):
    """A metrics file, without what a clock told; ``about`` has a date."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        {k: v for k, v in record.items() if "second" not in k and k != "about"}
        for record in records
    ]


@pytest.mark.parametrize("optimizer", ["adagrad", "adam", "adamw", "rmsprop"])
@pytest.mark.parametrize(
    ("T", "B", "clip_norm", "layers", "dropout"),
    [(1, 1, None, 1, 0.0), (7, 2, 1.0, 1, 0.0), (20, 5, None, 1, 0.2), (7, 3, None, 3, 0.3)],
)
@pytest.mark.parametrize("matmul", ["native", "blas"])
def test_nothing_that_is_not_finite_is_left(
    dtype, optimizer, T, B, clip_norm, layers, dropout, matmul
):
    """Where all was NaN, a trainer goes on from a snapshot to the bits of one where nothing was."""
    if matmul == "blas":
        pytest.importorskip("scipy")
    vocabulary = gru_ext.Vocabulary.from_text(TEXT)
    options = {"seq_length": T, "batch_size": B, "optimizer": optimizer, "clip_norm": clip_norm}
    models = [gru_ext.Model.create(vocabulary, 5, dtype, layers=layers) for _ in range(2)]
    with contextlib.ExitStack() as stack:
        gru_ext.use_matmul(matmul)
        stack.callback(gru_ext.use_matmul)
        one, other = (
            Trainer(model, vocabulary.encode(TEXT), dropout=dropout, **options) for model in models
        )
    for trainer in (one, other):
        trainer.advance(5)
    snapshot = Snapshot(one)
    for array in (one.model.parameters.flat, one.memory.flat, one.hidden):
        array[...] = np.nan
    assert np.isnan(one.advance(3)).all()
    snapshot.restore()
    assert one.advance(8).tobytes() == other.advance(8).tobytes()
    assert one.model.parameters.flat.tobytes() == other.model.parameters.flat.tobytes()
    assert one.memory.flat.tobytes() == other.memory.flat.tobytes()
    assert one.hidden.tobytes() == other.hidden.tobytes()


@pytest.mark.parametrize(
    ("optimizer", "dtype", "threads", "layers", "dropout"),
    [
        ("adagrad", "float32", 1, 1, 0.0),
        ("adam", "float64", 2, 1, 0.0),
        ("rmsprop", "float32", 2, 1, 0.3),
        ("adam", "float32", 2, 2, 0.2),
        ("adagrad", "float64", 1, 3, 0.0),
    ],
)
@pytest.mark.parametrize("which", ["weights", "memory"])
def test_a_run_goes_back_and_on_with_half_the_rate(
    tmp_path, capsys, caplog, optimizer, dtype, threads, layers, dropout, which
):
    options = OPTIONS | {"optimizer": optimizer, "dtype": dtype, "schedule": "constant"}
    options |= {"layers": layers, "dropout": dropout}
    path = tmp_path / "model.npz"
    with spoiled(23, which=which):
        gru_ext.train(TEXT, output=path, threads=threads, **options | {"warmup": 9})
    vocabulary = gru_ext.Vocabulary.from_text(TEXT)
    trainer = Trainer(
        gru_ext.Model.create(vocabulary, 8, dtype, layers=layers),
        vocabulary.encode(TEXT),
        seq_length=7,
        batch_size=4,
        optimizer=optimizer,
        dropout=dropout,
        learning_rate=0.02,
        warmup_steps=9,
        average_over=0.2,
    )
    trainer.advance(20)
    trainer.schedule.halvings = 1
    trainer.advance(20)
    expected = tmp_path / "expected.npz"
    checkpoint.write(expected, trainer.checkpoint())
    assert_same_state(expected, path)
    assert state_of(path).good is None
    assert capsys.readouterr() == ("", "")
    (message,) = caplog.messages
    assert re.search(
        r"not finite.*; rolled back to step 20, with half the learning rate, 0\.01$", message
    )


@pytest.mark.parametrize("which", ["weights", "memory"])
@pytest.mark.parametrize("step", [3, 10, 14, 20, 21, 23, 30, 36])
@pytest.mark.parametrize(("layers", "dropout"), [(1, 0.0), (2, 0.3)])
def test_a_resume_goes_back_as_the_uninterrupted_run(tmp_path, which, step, layers, dropout):
    options = OPTIONS | {"optimizer": "adam", "log_every": 4, "layers": layers, "dropout": dropout}
    for name, interrupted in (("whole", False), ("parts", True)):
        files = {"output": tmp_path / f"{name}.npz", "metrics": tmp_path / f"{name}.jsonl"}
        with spoiled(23, which=which, value=math.inf):
            if interrupted:
                with interrupt_after(step), pytest.raises(gru_ext.TrainingInterrupted):
                    gru_ext.train(TEXT, **files, **options)
                data = state_of(files["output"])
                assert (data.good is None) == (step in (10, 20, 23, 30))
                assert data.metadata["step"] == (20 if step == 23 else step)
                gru_ext.train(TEXT, **files, resume=True, log_every=4, quiet=True)
            else:
                gru_ext.train(TEXT, **files, **options)
    assert_same_state(tmp_path / "whole.npz", tmp_path / "parts.npz")
    assert state_of(tmp_path / "whole.npz").metadata["training"]["halvings"] == 1
    whole, parts = (state_of(tmp_path / f"{name}.npz") for name in ("whole", "parts"))
    assert whole.metadata["run"] == parts.metadata["run"]
    assert numbers_of(tmp_path / "whole.jsonl") == numbers_of(tmp_path / "parts.jsonl")


def test_a_killed_run_goes_back_as_the_uninterrupted_one(tmp_path):
    options = OPTIONS | {"checkpoint_every": 7, "eval_every": 5, "val_fraction": 0.2}
    options |= {"patience": 30, "layers": 2, "dropout": 0.1}
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    advance = Trainer.advance
    killed = [31, 22, 17]

    def advance_to(trainer, steps):
        at = killed[-1] if killed else math.inf
        if trainer.steps_done < at:
            steps = min(steps, at - trainer.steps_done)
        losses = advance(trainer, steps)
        if trainer.steps_done == at:
            killed.pop()
            raise KeyError("killed")
        return losses

    with spoiled(23):
        gru_ext.train(TEXT, output=whole, **options)
    with mock.patch.object(Trainer, "advance", advance_to), spoiled(23):
        with pytest.raises(KeyError):
            gru_ext.train(TEXT, output=parts, **options)
        assert state_of(parts).metadata["step"] == 14
        assert state_of(parts).good is not None
        for _ in range(2):
            with pytest.raises(KeyError):
                gru_ext.train(TEXT, output=parts, checkpoint_every=7, resume=True, quiet=True)
        gru_ext.train(TEXT, output=parts, checkpoint_every=7, resume=True, quiet=True)
    assert killed == []
    assert_same_state(whole, parts)
    one, other = (checkpoint.read(path) for path in (whole, parts))
    assert one.metadata["validation"] == other.metadata["validation"]
    assert all(one.weights[name].tobytes() == other.weights[name].tobytes() for name in one.weights)


def test_the_rate_is_halved_again_and_again(tmp_path, caplog):
    path = tmp_path / "model.npz"
    with spoiled(23, times=3):
        gru_ext.train(TEXT, output=path, **OPTIONS)
    assert state_of(path).metadata["training"]["halvings"] == 3
    assert state_of(path).metadata["options"]["learning_rate"] == 0.02
    assert sum("rolled back to step 20" in message for message in caplog.messages) == 3


def test_giving_up_leaves_the_last_good_state(tmp_path):
    path, expected = tmp_path / "model.npz", tmp_path / "expected.npz"
    with (
        spoiled(23, times=99),
        pytest.raises(ValueError, match=r"diverged.* 5 times.*step 20, is in .*model\.state\.npz"),
    ):
        gru_ext.train(TEXT, output=path, **OPTIONS)
    gru_ext.train(TEXT, output=expected, **OPTIONS | {"max_steps": 20})
    one, other = state_of(path), state_of(expected)
    assert one.metadata["step"] == 20
    assert one.metadata["training"].pop("halvings") == 5
    assert other.metadata["training"].pop("halvings") == 0
    assert one.metadata["training"] == other.metadata["training"]
    assert all(one.memory[name].tobytes() == other.memory[name].tobytes() for name in one.memory)
    # another rate is a new beginning; the same one is not
    again = {"output": path, "resume": True, "quiet": True}
    with spoiled(23, times=99), pytest.raises(ValueError, match=r"diverged.* 5 times"):
        gru_ext.train(TEXT, learning_rate=0.02, **again)
    gru_ext.train(TEXT, learning_rate=0.001, **again)
    assert state_of(path).metadata["training"]["halvings"] == 0


def test_giving_up_with_nothing_good_leaves_the_file(tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(b"precious")
    with spoiled(3, times=99), pytest.raises(ValueError, match=r"diverged.*0\.0006[0-9]*$"):
        gru_ext.train(TEXT, output=path, force=True, **OPTIONS)
    assert path.read_bytes() == b"precious"


@pytest.mark.parametrize("optimizer", ["adagrad", "adam", "rmsprop"])
@pytest.mark.parametrize("rate", [1.0, 100.0, 1e30])
def test_a_huge_rate_leaves_no_broken_model(tmp_path, optimizer, rate):
    path = tmp_path / "model.npz"
    options = OPTIONS | {"learning_rate": rate, "max_steps": 400, "optimizer": optimizer}
    with contextlib.suppress(ValueError):  # given up
        gru_ext.train(TEXT, output=path, **options)
    if path.exists():
        data = state_of(path)
        limit = math.log(data.vocabulary_size) + 2
        assert gru_ext.load(path).evaluate(TEXT).nats_per_char < 2 * limit


def diverged_at(losses, pieces, last=False):
    """What is found wrong with these losses in pieces, and after how many."""
    vocabulary = gru_ext.Vocabulary.from_text(TEXT)
    model = gru_ext.Model.create(vocabulary, 3)
    trainer = Trainer(model, vocabulary.encode(TEXT), seq_length=5)
    recovery = Recovery(trainer)
    done = 0
    for piece in np.split(np.asarray(losses, float), pieces):
        if not len(piece):
            continue
        done += len(piece)
        with mock.patch.object(Trainer, "steps_done", done):
            wrong = recovery.find_divergence(piece, last and done == len(losses))
        if wrong is not None:
            return int(re.search(r"step ([\d,]+)", wrong)[1].replace(",", ""))
    return None


@pytest.mark.parametrize("pieces", [[], [1, 2, 3, 40, 41, 170], [130]])
def test_what_an_explosion_is(pieces):
    calm, high = [3.0] * 60, [50.0]
    assert diverged_at(calm + high * 99 + calm * 2, pieces) is None
    assert diverged_at(calm + high * 100 + calm, pieces) == 160
    assert diverged_at(calm + [50.0, 50.0, 3.0] * 100, pieces) is not None
    assert diverged_at(([50.0] + [3.0] * 2) * 300, pieces) is None
    assert diverged_at(calm * 3 + [math.nan] + calm, pieces) == 181
    assert diverged_at(calm * 3 + [math.inf] + calm, pieces) == 181
    assert diverged_at(calm * 3 + [1e6] * 9, pieces) is None
    assert diverged_at(calm * 3 + [1e6] * 10, pieces) == 190
    assert diverged_at(calm * 3 + [1e6] * 4, pieces, last=True) == 184
    assert diverged_at(calm * 3 + high * 39, pieces, last=True) is None
    assert diverged_at(calm * 3 + high * 40, pieces, last=True) == 220


@pytest.mark.parametrize("which", ["model.parameters", "memory", "mean"])
def test_arrays_are_read_through_where_a_state_is_kept(which):
    """A loss may not show what is wrong with them."""
    vocabulary = gru_ext.Vocabulary.from_text(TEXT)
    model = gru_ext.Model.create(vocabulary, 3)
    trainer = Trainer(model, vocabulary.encode(TEXT), seq_length=5, optimizer="adam")
    recovery = Recovery(trainer)
    losses = trainer.advance(9)
    operator.attrgetter(which)(trainer)["Uz"][1, 2] = math.inf
    assert recovery.find_divergence(losses, False) is None
    assert "not finite" in recovery.find_divergence(losses, True)
    trainer.counters = (10, *trainer.counters[1:])
    assert "not finite" in recovery.find_divergence(losses, False)


def test_a_state_of_an_explosion_is_not_written(tmp_path):
    """Where a run is stopped in one, its file has the good state: a resume comes to it again."""
    advance = Trainer.advance

    def advance_to(trainer, steps):
        done = trainer.steps_done
        losses = advance(trainer, steps)
        if trainer.schedule.halvings == 0:
            losses[max(0, 23 - done) :] = 50.0
        return losses

    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    options = OPTIONS | {"max_steps": 150}
    with mock.patch.object(Trainer, "advance", advance_to):
        gru_ext.train(TEXT, output=whole, **options)
        with interrupt_after(66), pytest.raises(gru_ext.TrainingInterrupted) as stopped:
            gru_ext.train(TEXT, output=parts, checkpoint_every=9, **options)
        assert state_of(parts).metadata["step"] == 20
        assert stopped.value.model.about["step"] == 20
        gru_ext.train(TEXT, output=parts, resume=True, quiet=True)
    assert state_of(whole).metadata["training"]["halvings"] == 1
    assert_same_state(whole, parts)


@pytest.mark.parametrize(
    "damage",
    [
        {"stability": 3},
        {"stability": {}},
        {"stability": {"strikes": -1}},
        {"stability": {"strikes": 1000}},
        {"stability": {"strikes": 0, "good": 5}},
        {"stability": {"strikes": 0, "good": [-1] * 8}},
        {"stability": {"strikes": 0, "good": [10**9, 0, 1.0, 0, 1.0, 0, None, 0]}},
        {"stability": {"strikes": 0, "good": [10, 10**9, 1.0, 0, 1.0, 0, None, 0]}},
        {"stability": {"strikes": 0, "good": [10, 0, 1.0, 0, 1.0, 0, math.nan, 0]}},
        {"good": None},
        {"hidden": np.zeros((3, 8), np.float32)},
        {"mean": None},
        {"memory": None},
        {"halvings": -1},
        {"halvings": 1.0},
    ],
)
def test_a_damaged_good_state_is_refused(tmp_path, damage):
    path = tmp_path / "model.npz"
    with interrupt_after(13), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(TEXT, output=path, **OPTIONS | {"optimizer": "adam"})
    data = state_of(path)
    for name, value in damage.items():
        if name == "stability":
            data.metadata["run"] |= damage
        elif name == "halvings":
            data.metadata["training"] |= damage
        elif name == "good":
            data.good = None
        else:
            setattr(data.good, name, value)
    checkpoint.write(state_path(path), data)
    with pytest.raises(CheckpointError, match=r"model\.state\.npz has a damaged"):
        gru_ext.train(TEXT, output=path, resume=True, quiet=True)


def test_values_that_could_not_be_read_again_are_not_written(tmp_path):
    with interrupt_after(13), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(TEXT, output=tmp_path / "model.npz", **OPTIONS)
    data = state_of(tmp_path / "model.npz")
    data.good.memory = dict(data.good.memory) | {"Uz": np.full((8, 8), np.inf)}
    with pytest.raises(ValueError, match=r"good_memory_Uz have values that are not finite"):
        checkpoint.write(tmp_path / "other.npz", data)
    assert not (tmp_path / "other.npz").exists()
