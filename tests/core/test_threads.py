# SPDX-License-Identifier: MIT
"""How many threads a process uses: its processors, its control groups, its environment."""

import pytest
from command import run

import gru_ext
from gru_ext.core import cgroups, threads
from gru_ext.core.threads import VARIABLE, available_cpus, cpu_quota, default_threads

V2, V1 = "0::/a/b\n", "12:cpuset:/other\n4:cpu,cpuacct:/a/b\n0::/elsewhere\n"


@pytest.fixture
def quota(tmp_path, monkeypatch):
    """A function that makes a list of groups and their files, and returns the quota found."""

    def make(groups, files):
        (tmp_path / "self").write_text(groups)
        for name, text in files.items():
            path = tmp_path / "mount" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.setattr(cgroups, "LISTED", str(tmp_path / "self"))
        monkeypatch.setattr(cgroups, "MOUNTED", str(tmp_path / "mount"))
        return cpu_quota()

    return make


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        # version 2: the process's own group, and those around it, of which the smallest counts
        (V2, {"a/b/cpu.max": "150000 100000\n"}, 1.5),
        (V2, {"a/b/cpu.max": "max 100000", "a/cpu.max": "50000 100000", "cpu.max": "1 0"}, 0.5),
        (V2, {"a/b/cpu.max": "4 1", "a/cpu.max": "5 2", "cpu.max": "3 1"}, 2.5),
        (V2, {"a/b/cpu.max": "2 1", "a/cpu.max": "5 1"}, 2),
        (V2, {"cpu.max": "200000 100000", "other/cpu.max": "1 100000"}, 2),
        ("0::/\n", {"cpu.max": "300000 100000\n"}, 3),
        ("0::/../../b\n", {"cpu.max": "100000 50000", "b/cpu.max": "1 1"}, 2),
        # version 1, alone and beside version 2
        (
            V1,
            {
                "cpu,cpuacct/a/b/cpu.cfs_quota_us": "-1\n",
                "cpu,cpuacct/a/b/cpu.cfs_period_us": "100000\n",
                "cpu,cpuacct/a/cpu.cfs_quota_us": "250000\n",
                "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
            },
            2.5,
        ),
        ("3:cpu:/\n", {"cpu/cpu.cfs_quota_us": "7", "cpu/cpu.cfs_period_us": "7"}, 1),
        ("0::/u\n", {"unified/u/cpu.max": "4 1"}, 4),
        # a container's own mount has its group as the root
        (
            "4:cpu,cpuacct:/docker/1f\n",
            {"cpu/cpu.cfs_quota_us": "30", "cpu/cpu.cfs_period_us": "20"},
            1.5,
        ),
        # no limit, and nonsense
        (V2, {}, None),
        ("", {"cpu.max": "1 1"}, None),
        ("nonsense\n\n:\n", {"cpu.max": "a b", "a/cpu.max": "1"}, None),
        ("5:memory:/a\n", {"memory/a/cpu.max": "1 1"}, None),
        ("5:cpu:/a\n", {}, None),
    ],
)
def test_the_quota_of_the_groups(quota, groups, files, expected):
    assert quota(groups, files) == expected


def test_without_a_list_of_groups_the_root_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(cgroups, "LISTED", str(tmp_path / "none"))
    monkeypatch.setattr(cgroups, "MOUNTED", str(tmp_path))
    (tmp_path / "cpu.max").write_text("200000 100000")
    assert cpu_quota() == 2


@pytest.fixture
def processors(monkeypatch):
    """A function that sets the number of processors and their quota."""

    def make(count, found=None):
        monkeypatch.setattr(threads, "cpu_quota", lambda: found)
        monkeypatch.setattr(threads.os, "cpu_count", lambda: count)
        affinity = set(range(count))
        monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: affinity, raising=False)

    return make


@pytest.mark.parametrize(
    ("found", "cpus"), [(None, 8), (1.5, 1), (2.99, 2), (0.5, 1), (3.5, 3), (99, 8)]
)
def test_a_part_of_a_processor_is_none(processors, found, cpus):
    processors(8, found)
    assert available_cpus() == cpus


def test_the_number_of_the_environment(monkeypatch, processors):
    processors(4)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert [default_threads(B, H) for B, H in ((1, 16), (64, 16), (64, 256))] == [1, 4, 4]
    assert default_threads(1, 512) > 1  # the units of one stream are divided
    assert gru_ext.get_config()["num_threads"] is None
    for text, number in [("3", 3), (" 7 ", 7), ("", None)]:
        monkeypatch.setenv(VARIABLE, text)
        assert [default_threads(B, 16) for B in (1, 64)] == [number or 1, number or 4]
        assert threads.usable_threads() == (number or 4)
        assert gru_ext.get_config()["num_threads"] == number


def test_a_run_has_that_number_of_threads_unless_it_is_given_one(monkeypatch):
    monkeypatch.setenv(VARIABLE, "3")
    vocabulary = gru_ext.Vocabulary.from_text("ab")
    model = gru_ext.Model.create(vocabulary, 4)
    symbols = vocabulary.encode("ab" * 100)
    sizes = {"seq_length": 4, "batch_size": 8}
    assert gru_ext.Trainer(model, symbols, **sizes).threads == 3
    assert gru_ext.Trainer(model, symbols, threads=2, **sizes).threads == 2


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "two", "1_0", "٣", "9" * 50, "\x1b[31m"])
def test_a_wrong_number_in_the_environment(monkeypatch, capsys, text):
    monkeypatch.setenv(VARIABLE, text)
    assert run("info") == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    told = f"the environment variable {VARIABLE} must be a whole number, 1 or more, not "
    assert err.startswith(f"gru-ext: {told}'")
    with pytest.raises(ValueError, match=told):
        gru_ext.train("ab" * 300, max_steps=1, hidden_size=4, quiet=True)
