# SPDX-License-Identifier: MIT
"""Runs of several workers: the same bits on any number of processes, resumed on another number."""

import numpy as np
import pytest
from threaded_ranks import on_ranks
from training_runs import NAMES, TEXT, run_files, same, state_of

import gru_ext
from gru_ext.training.trainer import Trainer

OPTIONS = {
    "hidden_size": 12,
    "seq_length": 6,
    "batch_size": 2,
    "max_steps": 30,
    "sync_every": 4,
    "threads": 1,
    "val_fraction": 0.2,
    "eval_every": 8,
    "quiet": True,
}
CASES = {
    "nesterov": {"outer_momentum": 0.9, "dropout": 0.2, "weight_dropout": 0.1},
    "mean": {"outer_optimizer": "mean", "optimizer": "rmsprop", "keep": "last"},
    "average": {"average_over": 0.5, "outer_learning_rate": 0.5},
    "gradients": {"sync_every": 1, "tied": True, "clip_norm": 1.0, "average_over": 0.5},
    "adagrad": {"sync_every": 1, "optimizer": "adagrad", "dtype": "float64"},
    "layers": {"layers": 2, "sync_every": 5, "state_reset": 0.1},
    "documents": {"text": NAMES, "document_separator": "\n"},
}


def train(output, processes, workers=4, **options):
    """Train on so many processes; the files and the model of rank 0."""
    options = OPTIONS | options
    text = options.pop("text", TEXT)

    def run(communicator):
        return gru_ext.train(
            text, output=output, workers=workers, communicator=communicator, **options
        )

    found = on_ranks(processes, run)
    for model in found:
        if isinstance(model, BaseException):
            raise model
        assert same(model, found[0])
    return found[0]


@pytest.mark.parametrize("case", CASES)
def test_the_files_are_the_same_on_any_number_of_processes(tmp_path, case):
    for processes in (1, 2, 3, 4):
        train(tmp_path / f"{processes}.npz", processes, **CASES[case])
    one = [path.read_bytes() for path in (tmp_path / "1.npz", tmp_path / "1.state.npz")]
    for processes in (2, 3, 4):
        other = tmp_path / f"{processes}.npz", tmp_path / f"{processes}.state.npz"
        assert [path.read_bytes() for path in other] == one, processes


@pytest.mark.parametrize("case", CASES)
def test_a_run_is_resumed_on_another_number_of_processes(tmp_path, case):
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    options = {"schedule": "constant", "patience": 0, "warmup": 5} | CASES[case]
    train(whole, 1, **options)
    sync = (OPTIONS | options)["sync_every"]
    train(parts, 3, **options | {"max_steps": 3 * sync})
    train(parts, 2, **options | {"max_steps": 5 * sync}, resume=True)
    train(parts, 4, **options, resume=True)
    expected, found = run_files(whole), run_files(parts)
    for one, other in zip(expected, found, strict=True):
        assert one.keys() == other.keys()
        for name in one.keys() - {"gru_ext"}:
            assert one[name] == other[name], name


def test_gradients_that_are_combined_equal_one_process_with_as_many_streams():
    options = OPTIONS | {"keep": "last", "dtype": "float64", "dropout": 0, "weight_dropout": 0}
    del options["sync_every"]
    one = gru_ext.train(TEXT, **options | {"batch_size": 8})
    four = gru_ext.train(TEXT, **options, workers=4, sync_every=1)
    assert not same(one, four)  # they add in another order
    largest = max(np.abs(one.parameters[n] - four.parameters[n]).max() for n in one.parameters)
    assert largest < 1e-12


def test_nesterov_without_momentum_is_a_mean():
    options = OPTIONS | {"sync_every": 2, "workers": 2}
    mean = gru_ext.train(TEXT, outer_optimizer="mean", **options)
    moved = gru_ext.train(TEXT, outer_learning_rate=1.0, outer_momentum=0.0, **options)
    assert same(mean, moved)


def test_the_workers_share_the_text_without_overlap():
    """A run of one epoch sees each character once: the losses' count says so."""
    seen = []
    gru_ext.train(
        TEXT, workers=3, callback=seen.append, **OPTIONS | {"max_steps": None, "epochs": 1}
    )
    text = len(TEXT) - round(len(TEXT) * 0.2)
    assert text - 3 * 2 * 2 * 6 < seen[-1].characters <= text


def test_the_state_has_all_workers(tmp_path):
    train(tmp_path / "a.npz", 2, workers=3)
    data = state_of(tmp_path / "a.npz")
    assert data.other_workers == 2
    assert data.workers["hidden"].shape == (2, 2, 12)
    assert data.workers["memory_Uz"].shape == (2, 12, 12)
    assert not np.array_equal(data.workers["memory_Uz"][0], data.workers["memory_Uz"][1])
    assert data.momentum is not None
    train(tmp_path / "b.npz", 2, workers=3, sync_every=1)
    data = state_of(tmp_path / "b.npz")
    assert data.workers.keys() == {"hidden"}
    assert data.momentum is None


@pytest.mark.parametrize(("processes", "asked", "used"), [(1, None, 8), (4, None, 2), (4, 3, 3)])
def test_processes_of_one_machine_share_its_processors(
    tmp_path, monkeypatch, processes, asked, used
):
    seen = set()
    made = Trainer.make_steps

    def note(trainer, *arguments, **options):
        seen.add(trainer.threads)
        return made(trainer, *arguments, **options)

    monkeypatch.setattr(Trainer, "make_steps", note)
    monkeypatch.setattr("gru_ext.training.steps.default_threads", lambda *sizes: 8)
    monkeypatch.setattr("gru_ext.training.workers.available_cpus", lambda: 8)
    options = {"batch_size": 8, "seq_length": 2, "threads": asked, "max_steps": 4}
    train(tmp_path / "a.npz", processes, **options)
    assert seen == {used}
    seen.clear()
    monkeypatch.setenv("GRU_EXT_NUM_THREADS", "5")
    train(tmp_path / "b.npz", processes, **options)
    assert seen == {asked or 5}
