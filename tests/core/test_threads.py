# SPDX-License-Identifier: MIT
"""How many processors a process may use: the limits of its control groups."""

import pytest

from gru_ext.core import threads
from gru_ext.core.threads import available_cpus, cgroup_limits

V2, V1 = "0::/a/b\n", "12:cpuset:/other\n4:cpu,cpuacct:/a/b\n0::/elsewhere\n"


@pytest.fixture
def cgroups(tmp_path):
    """A function that makes a list of groups and their files, and returns the limits found."""

    def make(groups, files):
        (tmp_path / "self").write_text(groups)
        for name, text in files.items():
            path = tmp_path / "mount" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return cgroup_limits(str(tmp_path / "self"), str(tmp_path / "mount"))

    return make


@pytest.mark.parametrize(
    ("groups", "files", "limits"),
    [
        # version 2: the process's own group, and those around it
        (V2, {"a/b/cpu.max": "150000 100000\n"}, [1.5]),
        (V2, {"a/b/cpu.max": "max 100000", "a/cpu.max": "50000 100000", "cpu.max": "1 0"}, [0.5]),
        (V2, {"cpu.max": "200000 100000", "other/cpu.max": "1 100000"}, [2]),
        ("0::/\n", {"cpu.max": "300000 100000\n"}, [3]),
        ("0::/../../b\n", {"cpu.max": "100000 50000", "b/cpu.max": "1 1"}, [2]),
        # version 1, alone and beside version 2
        (
            V1,
            {
                "cpu,cpuacct/a/b/cpu.cfs_quota_us": "-1\n",
                "cpu,cpuacct/a/b/cpu.cfs_period_us": "100000\n",
                "cpu,cpuacct/a/cpu.cfs_quota_us": "250000\n",
                "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
            },
            [2.5],
        ),
        ("3:cpu:/\n", {"cpu/cpu.cfs_quota_us": "7", "cpu/cpu.cfs_period_us": "7"}, [1]),
        ("0::/u\n", {"unified/u/cpu.max": "4 1"}, [4]),
        # a container's own mount has its group as the root
        (
            "4:cpu,cpuacct:/docker/1f\n",
            {"cpu/cpu.cfs_quota_us": "30", "cpu/cpu.cfs_period_us": "20"},
            [1.5],
        ),
        # no limit, and nonsense
        (V2, {}, []),
        ("", {"cpu.max": "1 1"}, []),
        ("nonsense\n\n:\n", {"cpu.max": "a b", "a/cpu.max": "1"}, []),
        ("5:memory:/a\n", {"memory/a/cpu.max": "1 1"}, []),
    ],
)
def test_limits_of_groups(cgroups, groups, files, limits):
    assert cgroups(groups, files) == limits


def test_without_a_list_of_groups_the_root_counts(tmp_path):
    (tmp_path / "cpu.max").write_text("200000 100000")
    assert cgroup_limits(str(tmp_path / "none"), str(tmp_path)) == [2]


@pytest.mark.parametrize(
    ("limits", "cpus"), [([], 8), ([1.5], 1), ([2.99], 2), ([0.5], 1), ([6, 3.5, 7], 3), ([99], 8)]
)
def test_a_part_of_a_processor_is_none(monkeypatch, limits, cpus):
    monkeypatch.setattr(threads, "cgroup_limits", lambda: limits)
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert available_cpus() == cpus
