# SPDX-License-Identifier: MIT
"""The configuration of this installation and machine, for reports of problems."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from gru_ext._version import __version__
from gru_ext.core import baseline, kernels
from gru_ext.core.matmul import active_matmul
from gru_ext.core.threads import (
    available_cpus,
    cpu_quota,
    default_threads,
    threads_of_environment,
)

# The default sizes for a text of some megabytes.
_BATCH_SIZE, _HIDDEN_SIZE = 16, 256


def get_config() -> dict[str, Any]:
    """Return the configuration of this installation and machine.

    Returns
    -------
    dict
        ``version``, ``python``, ``numpy`` and ``compiler`` are str. ``baseline`` is the platform
        and the instruction sets beyond its own that all modules were compiled for, as ``'x86-64'``
        in the prebuilt wheels, or ``'x86-64 SSE3 ... AVX2'``. ``isa`` is the instruction set
        in use; ``available_isas`` is the list of those available, slowest first; ``not_built`` is
        the list of those that the compiler could not build, empty in the prebuilt wheels.
        ``matmul`` is ``'native'`` or ``'blas'``. ``cpus`` is the number of processors this process
        may use, ``cpu_quota`` what its control groups allow of them (a float that need not be
        whole, or None). ``num_threads`` is what the environment variable ``GRU_EXT_NUM_THREADS``
        says, or None; ``default_threads`` is the default number of threads of a run with a batch
        size of 16 and 256 hidden units.

    Raises
    ------
    ValueError
        ``GRU_EXT_NUM_THREADS`` is not a whole number of 1 or more.
    """
    import numpy as np

    return {
        "version": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
        "compiler": kernels.compiler(),
        "baseline": baseline.built_for(),
        "isa": kernels.active_isa(),
        "available_isas": kernels.available_isas(),
        "not_built": kernels.not_built(),
        "matmul": active_matmul(),
        "cpus": available_cpus(),
        "cpu_quota": cpu_quota(),
        "num_threads": threads_of_environment(),
        "default_threads": default_threads(_BATCH_SIZE, _HIDDEN_SIZE),
    }


def show_config() -> None:
    """Print the configuration of :func:`get_config`, one entry per line, to standard output."""
    for name, value in get_config().items():
        shown = ", ".join(value) if isinstance(value, list) else value
        print(f"{name.replace('_', ' ')}: {shown or 'none'}")


def get_include() -> str:
    """Return the directory of ``gru_ext.h``, the C header of :mod:`gru_ext.capi`."""
    return str(Path(__file__).parents[1] / "include")
