# SPDX-License-Identifier: MIT
"""Options of several workers that contradict each other, and files that do not fit."""

import pytest
from model_files import file_arrays
from threaded_ranks import on_ranks
from training_runs import TEXT, state_of

import gru_ext
from gru_ext.model import checkpoint
from gru_ext.training.shares import seed_of, share_of
from gru_ext.training.state_files import state_path

OPTIONS = {
    "hidden_size": 8,
    "seq_length": 6,
    "batch_size": 2,
    "max_steps": 8,
    "sync_every": 4,
    "quiet": True,
}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "`workers` must be a whole number from 1"),
        ({"workers": 1, "sync_every": 4}, "`sync_every` is for several `workers`"),
        ({"outer_momentum": 0.5}, "`outer_momentum` is for several `workers`"),
        (
            {"workers": 2, "sync_every": 1, "outer_optimizer": "mean"},
            "`outer_optimizer` needs a `sync_every` of 2 or more",
        ),
        (
            {"workers": 2, "outer_optimizer": "mean", "outer_momentum": 0.5},
            "`outer_momentum` is for the outer optimizer nesterov",
        ),
        ({"workers": 1000}, "a window of 1 character for each of 1000 workers needs at least"),
        ({"workers": 2, "classic": True}, "`workers` and `classic` cannot be combined"),
        ({"communicator": 3}, "`communicator` must be an object with rank, size"),
    ],
)
def test_what_is_refused(options, message):
    sizes = {} if "classic" in options else {"hidden_size": 8, "quiet": True}
    with pytest.raises((TypeError, ValueError), match=message):
        gru_ext.train(TEXT, **sizes | options)


def test_more_processes_than_workers_are_refused():
    options = OPTIONS | {"workers": 2}
    first, *_ = on_ranks(3, lambda c: gru_ext.train(TEXT, communicator=c, **options))
    assert "`workers` must be at least the number of processes, 3, not 2" in str(first)


def test_there_are_as_many_workers_as_processes():
    models = on_ranks(3, lambda c: gru_ext.train(TEXT, communicator=c, **OPTIONS))
    assert models[0].about["options"]["workers"] == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 3}, "was trained with workers 2, not 3"),
        ({"workers": 2, "sync_every": 8}, "was trained with sync every 4, not 8"),
        ({"workers": 2, "outer_optimizer": "mean"}, "with outer optimizer nesterov, not mean"),
    ],
)
def test_a_resumed_run_has_the_workers_that_it_began_with(tmp_path, options, message):
    output = tmp_path / "a.npz"
    gru_ext.train(TEXT, workers=2, output=output, **OPTIONS)
    with pytest.raises(gru_ext.CheckpointError, match=message):
        gru_ext.train(TEXT, output=output, resume=True, max_steps=12, quiet=True, **options)


def test_a_run_of_one_worker_is_not_resumed_with_several(tmp_path):
    output = tmp_path / "a.npz"
    alone = {name: value for name, value in OPTIONS.items() if name != "sync_every"}
    gru_ext.train(TEXT, output=output, **alone)
    with pytest.raises(gru_ext.CheckpointError, match="was trained with workers 1, not 2"):
        gru_ext.train(TEXT, output=output, resume=True, max_steps=12, workers=2, quiet=True)


def test_a_run_alone_records_nothing_of_workers(tmp_path):
    alone = {name: value for name, value in OPTIONS.items() if name != "sync_every"}
    gru_ext.train(TEXT, output=tmp_path / "a.npz", **alone)
    gru_ext.train(TEXT, output=tmp_path / "b.npz", workers=1, **alone)
    a, b = (state_of(tmp_path / name).metadata["options"] for name in ("a.npz", "b.npz"))
    assert "workers" not in a
    assert "sync_every" not in a
    assert b.pop("workers") == 1
    assert a == b
    names = file_arrays(state_path(tmp_path / "a.npz"))
    assert not [name for name in names if "worker" in name or "momentum" in name]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.workers.pop("memory_Uz"), "no workers_memory_Uz"),
        (lambda data: data.workers.update(hidden=data.workers["hidden"][:, :1]), "of shape"),
        (lambda data: data.workers.update(memory_Uz=data.workers["memory_Uz"][:1]), "of shape"),
        (lambda data: [data.workers.pop(n) for n in list(data.workers) if "mean" in n], "workers"),
        (lambda data: setattr(data, "momentum", None), "a damaged training state"),
    ],
)
def test_a_damaged_state_of_the_workers_is_refused(tmp_path, change, message):
    output = tmp_path / "a.npz"
    gru_ext.train(TEXT, workers=3, output=output, **OPTIONS)
    data = state_of(output)
    change(data)
    checkpoint.write(state_path(output), data)
    with pytest.raises(gru_ext.CheckpointError, match=message):
        gru_ext.train(TEXT, output=output, resume=True, max_steps=12, quiet=True)


@pytest.mark.parametrize(("characters", "workers", "batch_size"), [(100, 3, 4), (97, 4, 2)])
def test_the_shares_are_the_streams_of_one_process(characters, workers, batch_size):
    symbols = list(range(characters))
    length = (characters - 1) // (workers * batch_size)
    streams = [symbols[i * length : (i + 1) * length + 1] for i in range(workers * batch_size)]
    for worker in range(workers):
        share = share_of(symbols, worker, workers, batch_size)
        own = [share[i * length : (i + 1) * length + 1] for i in range(batch_size)]
        assert own == streams[worker * batch_size : (worker + 1) * batch_size]


def test_each_worker_has_a_seed_of_its_own():
    seeds = [seed_of(seed, worker) for seed in (0, 1) for worker in range(50)]
    assert len(set(seeds)) == 100
    assert seed_of(7, 0) == 7
    assert all(0 <= seed < 2**64 for seed in seeds)
