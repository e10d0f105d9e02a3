# SPDX-License-Identifier: MIT
"""The memory that a run needs, and what the system says that there is."""

import tracemalloc
from unittest import mock

import pytest
from command import run
from training_runs import TEXT

import gru_ext
from gru_ext.training import memory
from gru_ext.training.memory import Memory, available, check_memory, needed_bytes
from gru_ext.training.options import TrainingOptions

MEMINFO = "MemTotal: 1000 kB\nMemAvailable: 600 kB\nSwapTotal: 100 kB\nSwapFree: 50 kB\nHugeTLB\n"
OF_MACHINE = Memory(1100 * 1024, 650 * 1024)


@pytest.fixture
def root(tmp_path):
    """A function that makes the files in which a system describes itself."""

    def make(files):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return tmp_path

    return make


V2 = {"proc/self/cgroup": "0::/jobs/one\n"}
V1 = {"proc/self/cgroup": "4:cpu,memory:/one\n3:freezer:/\n0::/\n"}


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, None),
        ({"proc/meminfo": "nonsense\n\n", "proc/self/cgroup": "nonsense\n\n"}, None),
        ({"proc/meminfo": MEMINFO}, OF_MACHINE),
        ({"proc/meminfo": MEMINFO} | V2, OF_MACHINE),
        ({"proc/meminfo": MEMINFO, "sys/fs/cgroup/jobs/one/memory.max": "max\n"} | V2, OF_MACHINE),
        (
            {
                "proc/meminfo": MEMINFO,
                "sys/fs/cgroup/jobs/one/memory.max": "9000\n",
                "sys/fs/cgroup/jobs/one/memory.current": "5000\n",
                "sys/fs/cgroup/jobs/one/memory.stat": "anon 3000\ninactive_file 2000\n",
            }
            | V2,
            Memory(9000, 6000),
        ),
        ({"sys/fs/cgroup/jobs/memory.max": "8000\n"} | V2, Memory(8000, 8000)),  # one above
        ({"sys/fs/cgroup/memory.max": "7000\n"} | V2, Memory(7000, 7000)),  # of a container
        (
            {
                "sys/fs/cgroup/memory/one/memory.limit_in_bytes": "5000\n",
                "sys/fs/cgroup/memory/one/memory.usage_in_bytes": "5500\n",
            }
            | V1,
            Memory(5000, 0),
        ),
    ],
)
def test_what_there_is(root, files, found):
    assert available(root(files)) == found


def test_what_is_refused_and_what_is_warned_of(root, caplog):
    there = root({"proc/meminfo": "MemTotal: 2000000 kB\nMemAvailable: 100000 kB\n"})
    check_memory(90_000_000, there)
    assert caplog.messages == []
    check_memory(1_500_000_000, there)
    (message,) = caplog.messages
    assert message.startswith("training needs at least 1.5 GB of memory, and 102 MB are free")
    with pytest.raises(MemoryError, match=r"at least 2\.1 GB, and this process may use 2\.0 GB"):
        check_memory(2_100_000_000, there)


@pytest.mark.parametrize(
    "options",
    [
        {"hidden_size": 200},
        {"hidden_size": 200, "optimizer": "adagrad", "dtype": "float64"},
        {"hidden_size": 200, "keep": "best,last", "val_fraction": 0.1, "eval_every": 2},
        {"hidden_size": 32, "batch_size": 8, "seq_length": 60},
        {"hidden_size": 100, "layers": 3, "dropout": 0.2},
    ],
    ids=str,
)
def test_a_run_takes_about_what_is_computed(options):
    options = {"seq_length": 8, "batch_size": 2, "max_steps": 6, "val_fraction": 0} | options
    needed = needed_bytes(TrainingOptions(**options), len(set(TEXT)), False)
    tracemalloc.start()
    try:
        gru_ext.train(TEXT, quiet=True, **options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.95 * needed < peak < 2 * needed


def test_what_is_too_much_even_to_reserve(monkeypatch):
    monkeypatch.setattr("gru_ext.core.windows.Workspace", mock.Mock(side_effect=MemoryError))
    options = TrainingOptions(hidden_size=100_000, batch_size=4, seq_length=10, optimizer="adagrad")
    # three matrices of W, three of U and Wy; 2 states, their copies and the gradient
    parameters = 3 * 100_000 * (100_000 + 50) + 50 * 100_000
    assert needed_bytes(options, 50, False) == pytest.approx(4 * 5 * parameters, rel=0.01)


@pytest.mark.parametrize(
    "options",
    ["--hidden-size 5000", "--hidden-size 2000000", "--classic --hidden-size 5000"],
)
def test_a_run_that_cannot_fit_is_refused_before_it_begins(folder, capsys, monkeypatch, options):
    monkeypatch.setattr(memory, "available", lambda root: Memory(400_000_000, 300_000_000))
    tracemalloc.start()
    try:
        status = run("train", "a.txt", "-o", "x.npz", *options.split())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (status, peak < 2_000_000_000) == (2, True)
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "training needs at least" in err
    assert "may use 400 MB" in err
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "m.npz"]
