# SPDX-License-Identifier: MIT
"""The processes that this one was started with: those of mpiexec, or none."""

from __future__ import annotations

import os
from collections.abc import Mapping

from gru_ext.distributed.communicator import Alone, Communicator

# The variables in which MPICH and its relatives, Open MPI and Slurm's srun say how many processes
# they have started. That of Slurm is set in a batch script too; its other one is not.
_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")
_SLURM, _SLURM_SIZE = "PMIX_RANK", "SLURM_STEP_NUM_TASKS"


def started_processes(environment: Mapping[str, str] = os.environ) -> int:
    """How many processes were started together, by their environment; 1 for a process alone."""
    sizes = [environment.get(name, "") for name in _SIZES]
    if _SLURM in environment:
        sizes.append(environment.get(_SLURM_SIZE, ""))
    return max([1, *(int(size) for size in sizes if size.isdecimal())])


def launched() -> Communicator:
    """The processes that mpiexec or srun has started together with this one.

    Raises
    ------
    ImportError
        There are several, and mpi4py is missing.
    ValueError
        They do not know of each other.
    """
    size = started_processes()
    if size == 1:
        return Alone()
    from gru_ext.distributed.mpi import world

    return world(size)
