# SPDX-License-Identifier: MIT
"""The memory of a run is known before it begins."""

import re
import subprocess
import sys
from unittest import mock

import pytest
from command import run
from training_runs import SMALL, TEXT

import gru_ext
from gru_ext.arguments.messages import as_size
from gru_ext.core import cgroups, memory
from gru_ext.core.memory import Memory
from gru_ext.training.defaults import settle
from gru_ext.training.memory import memory_of_run
from gru_ext.training.options import TrainingOptions

PROGRAM = """
import re, sys, gru_ext
text = "".join(map(chr, range(32, 127))) * 200
options = {"batch_size": 8, "seq_length": 64, "max_steps": 2, "quiet": True, "val_fraction": 0}
options |= {"output": sys.argv[1], "optimizer": sys.argv[3], "sample_every": 0}
options |= {"workers": int(sys.argv[4])}
def peak():  # of this program alone: that of getrusage begins with the peak of the tests
    return 1024 * int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
gru_ext.train(text, **options | {"output": sys.argv[1] + "0"}, hidden_size=8)
before = peak()
gru_ext.train(text, **options, hidden_size=int(sys.argv[2]))
print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc/self/status")
@pytest.mark.parametrize(("optimizer", "workers"), [("adagrad", 1), ("adam", 1), ("adam", 3)])
def test_the_process_grows_by_about_that_much(tmp_path, optimizer, workers):
    hidden_size = 900
    sizes = str(hidden_size), optimizer, str(workers)
    command = [sys.executable, "-c", PROGRAM, tmp_path / "m.npz", *sizes]
    grown = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    options = TrainingOptions(
        hidden_size=hidden_size,
        batch_size=8,
        seq_length=64,
        optimizer=optimizer,
        output="m.npz",
        workers=workers,
    )
    settled = settle(options, 19_000, documents=False)
    expected = memory_of_run(settled, 95, False, held=workers)
    assert 0.7 * expected < grown < 1.3 * expected


@pytest.mark.parametrize(
    ("arguments", "free", "said"),
    [
        (
            "--hidden-size 1000",
            Memory(10**7, 10**7),
            r"about \d+ MB of .* 10 MB: choose .*--hidden",
        ),
        ("--hidden-size 5000 --optimizer adagrad", Memory(10**8, 10**8), r"about [\d.]+ GB of"),
        ("--hidden-size 2000000", Memory(10**8, 10**8), r"about \S+ [GTP]B of"),
        ("--classic --hidden-size 5000", Memory(10**8, 10**8), r"about [\d.]+ GB of"),
    ],
)
def test_a_run_that_cannot_fit_is_refused(folder, monkeypatch, capsys, arguments, free, said):
    monkeypatch.setattr("gru_ext.training.memory.process_memory", lambda: free)
    assert run("train", "a.txt", *arguments.split()) == 2
    assert re.search(said, capsys.readouterr().err)
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "m.npz"]


@pytest.mark.parametrize("average_over", [0, 0.1])
def test_what_is_too_much_even_to_reserve(monkeypatch, average_over):
    monkeypatch.setattr("gru_ext.core.windows.Workspace", mock.Mock(side_effect=MemoryError))
    options = TrainingOptions(
        hidden_size=100_000,
        batch_size=4,
        seq_length=10,
        optimizer="adagrad",
        average_over=average_over,
        weight_dropout=average_over,
    )
    options = settle(options, 1000, documents=False)
    parameters = 3 * 100_000 * (100_000 + 50) + 50 * 100_000  # W, U and Wy
    copies = 2 * 2 + 1  # weights and memory, in use and in the last good state; the gradients
    copies += 3 * (average_over > 0)  # the average, twice, and what DropConnect reads
    for best in (0, 1):  # a copy of the best weights
        needed = memory_of_run(options, 50, False, keeping=bool(best))
        assert needed == pytest.approx(4 * (copies + best) * parameters, rel=0.01)


def test_a_run_that_may_not_fit_is_warned_of(monkeypatch, caplog, capsys):
    monkeypatch.setattr("gru_ext.training.memory.process_memory", lambda: Memory(10**9, 1000))
    gru_ext.train(TEXT, hidden_size=8, max_steps=2)
    out = " ".join(capsys.readouterr().out.split())  # lines may be wrapped
    needed = re.search(r"parameters, (\S+ kB) of memory ", out)[1]
    expected = f"the run needs about {needed} of memory, and only 1e+03 bytes are free"
    assert caplog.messages == [expected.replace("1e+03 bytes", "1 kB")]


def test_where_the_system_does_not_say(monkeypatch):
    monkeypatch.setattr("gru_ext.training.memory.process_memory", lambda: None)
    assert gru_ext.train(TEXT, max_steps=1, **SMALL).hidden_size == 8


@pytest.fixture
def system(tmp_path, monkeypatch):
    """The files of a machine of 1000 KiB in which 600 are available, without cgroups."""

    (tmp_path / "proc/self").mkdir(parents=True)
    lines = ("MemTotal: 1000 kB", "MemFree: 1 kB", "MemAvailable: 600 kB", "HugePages_Total: 0")
    (tmp_path / "proc/meminfo").write_text("\n".join(lines))
    (tmp_path / "proc/self/cgroup").write_text("")
    monkeypatch.setattr(memory, "MEMINFO", str(tmp_path / "proc/meminfo"))
    monkeypatch.setattr(cgroups, "LISTED", str(tmp_path / "proc/self/cgroup"))
    monkeypatch.setattr(cgroups, "MOUNTED", str(tmp_path / "sys/fs/cgroup"))
    return tmp_path


def cgroup(system, path, **files):
    folder = system / "sys/fs/cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_the_machine_alone(system):
    assert memory.process_memory() == Memory(1_024_000, 614_400)
    (system / "proc/meminfo").unlink()
    assert memory.process_memory() is None


def test_the_smallest_limit_upwards_counts(system):
    (system / "proc/self/cgroup").write_text("0::/a/b\n")
    cgroup(system, "a/b", memory__max="max\n", memory__current="5\n")
    cgroup(system, "a", memory__max="500000", memory__current="300000")
    cgroup(system, "a", memory__stat="anon 7\ninactive_file 100000\n")
    assert memory.process_memory() == Memory(500_000, 300_000)


def test_version_1(system):
    (system / "proc/self/cgroup").write_text("3:cpuset:/\n4:memory:/x\n1:cpu:/\n")
    limit, used = "memory__limit_in_bytes", "memory__usage_in_bytes"
    cgroup(system, "memory/x", **{limit: "400000", used: "100000"})
    cgroup(system, "memory/x", memory__stat="total_inactive_file 50000\n")
    cgroup(system, "memory", **{limit: str(2**63 - 4096), used: "9"}, memory__stat="")
    assert memory.process_memory() == Memory(400_000, 350_000)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (12_345_678, "12.3 MB"),
        (10**16, "1e+04 TB"),
    ],
)
def test_sizes(size, shown):
    assert as_size(size) == shown
