# SPDX-License-Identifier: MIT
"""Whether mpiexec has started this process, and what is said where that does not work."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

import gru_ext
from gru_ext.distributed import mpi
from gru_ext.distributed.communicator import Alone
from gru_ext.distributed.launched import launched, started_processes


@pytest.mark.parametrize(
    ("environment", "size"),
    [
        ({}, 1),
        ({"PMI_RANK": "0", "PMI_SIZE": "4"}, 4),
        ({"OMPI_COMM_WORLD_SIZE": "2"}, 2),
        ({"PMIX_RANK": "0", "SLURM_STEP_NUM_TASKS": "16"}, 16),
        ({"SLURM_STEP_NUM_TASKS": "16"}, 1),  # of a batch script
        ({"PMI_SIZE": "1"}, 1),
        ({"PMI_SIZE": "many"}, 1),
    ],
)
def test_the_environment_says_how_many_processes_there_are(environment, size):
    assert started_processes(environment) == size


def test_a_process_that_nobody_started_is_alone():
    assert isinstance(launched(), Alone)


@pytest.fixture
def four_processes(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "4")
    mpi.world.cache_clear()
    yield
    mpi.world.cache_clear()


@pytest.mark.usefixtures("four_processes")
def test_without_mpi4py_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r'started 4 processes.*pip install "gru-ext\[mpi\]"'):
        gru_ext.train("some text" * 100, quiet=True)


@pytest.mark.usefixtures("four_processes")
def test_processes_that_do_not_know_of_each_other_are_refused(monkeypatch):
    world = SimpleNamespace(Get_size=lambda: 1)
    library = ModuleType("MPI")
    library.COMM_WORLD, library.Get_library_version = world, lambda: "Open MPI v5.0\0"
    package = ModuleType("mpi4py")
    package.MPI = library
    monkeypatch.setitem(sys.modules, "mpi4py", package)
    with pytest.raises(ValueError, match=r"do not know of each other.*Open MPI v5\.0: use"):
        gru_ext.train("some text" * 100, quiet=True)
