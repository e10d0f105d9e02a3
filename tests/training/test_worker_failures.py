# SPDX-License-Identifier: MIT
"""Runs of several processes that end early: together, with a message, and with their state."""

import contextlib
import logging
import signal
import threading

import pytest
from threaded_ranks import Aborted, on_ranks
from training_runs import TEXT, same, step_of

import gru_ext
from gru_ext.model import checkpoint
from gru_ext.training import following
from gru_ext.training.following import LeaderEnded
from gru_ext.training.interrupts import StopRequest
from gru_ext.training.recovery import Recovery
from gru_ext.training.trainer import Trainer

OPTIONS = {
    "hidden_size": 8,
    "seq_length": 6,
    "batch_size": 2,
    "max_steps": 40,
    "val_fraction": 0.2,
    "workers": 3,
    "sync_every": 4,
    "threads": 1,
    "quiet": True,
}


def train_on(processes, **options):
    """What the run returns or raises on each rank."""
    options = OPTIONS | options
    return on_ranks(
        processes, lambda communicator: gru_ext.train(TEXT, communicator=communicator, **options)
    )


def test_an_exception_on_rank_0_ends_all_and_the_state_is_saved(tmp_path):
    def fail(progress):
        if progress.step >= 16:
            raise ZeroDivisionError("a fault of the application")

    output = tmp_path / "a.npz"
    first, *others = train_on(3, output=output, callback=fail, log_every=4)
    assert isinstance(first, ZeroDivisionError)
    for other in others:
        assert isinstance(other, LeaderEnded)
        assert "rank 0 by ZeroDivisionError: a fault of the application" in str(other)
    assert step_of(output) == 16
    whole = train_on(1, output=tmp_path / "b.npz")[0]
    (resumed, _) = train_on(2, output=output, resume=True)
    assert same(resumed, whole)


def test_a_wrong_option_on_rank_0_ends_all():
    first, other = train_on(2, batch_size=1000)
    assert isinstance(first, ValueError)
    assert isinstance(other, LeaderEnded)
    assert str(first) in str(other)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_an_exception_in_a_step_of_any_rank_ends_all(tmp_path, monkeypatch, rank):
    """The others wait in the middle of a step, so that nothing but an abort can end them."""
    made, ranks = Trainer.make_steps, threading.local()

    def fail_on_rank(trainer, *arguments, **options):
        if trainer.steps_done >= 16 and ranks.number == rank:
            raise MemoryError("no memory")
        return made(trainer, *arguments, **options)

    monkeypatch.setattr(Trainer, "make_steps", fail_on_rank)

    def run(communicator):
        ranks.number = communicator.rank
        return gru_ext.train(
            TEXT,
            communicator=communicator,
            output=tmp_path / "a.npz",
            checkpoint_every=8,
            **OPTIONS,
        )

    for error in on_ranks(3, run):
        assert isinstance(error, Aborted)
        assert str(error) == f"gru-ext: rank {rank} of 3: MemoryError: no memory"
    assert step_of(tmp_path / "a.npz") == 16


@pytest.mark.parametrize("asked", [[1], [2], [1, 2]])
def test_a_signal_on_any_rank_stops_all_at_the_next_combination(tmp_path, monkeypatch, asked):
    ranks = threading.local()

    @contextlib.contextmanager
    def stopping():
        request = StopRequest()
        if ranks.number in asked:
            request.ask(signal.SIGTERM)
        yield request

    monkeypatch.setattr(following, "stop_on_signals", stopping)

    def run(communicator):
        ranks.number = communicator.rank
        return gru_ext.train(TEXT, communicator=communicator, output=tmp_path / "a.npz", **OPTIONS)

    for error in on_ranks(3, run):
        assert isinstance(error, gru_ext.TrainingInterrupted)
        assert (error.signal, error.step, error.steps) == (signal.SIGTERM, 4, 40)
        assert same(error.model, gru_ext.load(tmp_path / "a.npz"))
    monkeypatch.undo()
    (resumed, _) = train_on(2, output=tmp_path / "a.npz", resume=True)
    (whole,) = train_on(1)
    assert same(resumed, whole)


def test_divergence_is_decided_for_all(monkeypatch, caplog):
    """One worker's loss alone is not finite; all roll back, on any number of processes."""
    monkeypatch.setattr(Recovery, "every", 10)
    made = Trainer.make_steps
    models = []
    for processes in (1, 3):
        spoiled = []

        def spoil(trainer, *arguments, spoiled=spoiled, **options):
            losses = made(trainer, *arguments, **options)
            # the last worker alone has this seed; it goes wrong once
            if trainer.seed > 2**32 and trainer.steps_done == 20 and not spoiled:
                spoiled.append(trainer)
                trainer.model.parameters["by"][...] = float("nan")
            return losses

        monkeypatch.setattr(Trainer, "make_steps", spoil)
        caplog.clear()
        with caplog.at_level(logging.WARNING, "gru_ext"):
            models.append(train_on(processes, workers=3, learning_rate=0.01)[0])
        assert "rolled back to step 12, with half the learning rate" in caplog.text
    assert same(*models)


def test_early_stopping_is_decided_for_all():
    options = {"patience": 1, "eval_every": 4, "learning_rate": 0.5, "max_steps": 400}
    one, *others = (train_on(n, **options)[0] for n in (1, 2, 3))
    assert one.history.records[-1]["step"] < 400
    for other in others:
        assert same(one, other)
        assert len(other.history) == len(one.history)


def test_a_full_disk_on_rank_0_ends_all_with_the_model(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write", full)
    first, other = train_on(2, output=tmp_path / "a.npz")
    assert isinstance(first, gru_ext.NotSavedError)
    assert same(first.model, train_on(1)[0])
    assert isinstance(other, LeaderEnded)
    assert "No space left on device" in str(other)
