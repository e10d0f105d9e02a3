# SPDX-License-Identifier: MIT
"""What this installation runs with: the first thing to quote where speed or results surprise."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from gru_ext._version import __version__
from gru_ext.core import kernels
from gru_ext.core.matmul import active_matmul
from gru_ext.core.threads import available_cpus, default_threads

# As many as settle() gives a text of some megabytes.
_STREAMS = 16


def get_config() -> dict[str, Any]:
    """The installation and the machine as the package sees them.

    Returns
    -------
    dict
        ``version``, ``python``, ``numpy`` and ``compiler`` as str; ``isa``, the instruction set in
        use, and ``available_isas``, a list, worst first; ``not_built``, a list of those that the
        compiler could not build, empty in the prebuilt wheels; ``matmul``, ``'native'`` or
        ``'blas'``; ``cpus``, those this process may use; ``default_threads``, those of a run with
        16 streams.
    """
    import numpy as np

    return {
        "version": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
        "compiler": kernels.compiler(),
        "isa": kernels.active_isa(),
        "available_isas": kernels.available_isas(),
        "not_built": kernels.not_built(),
        "matmul": active_matmul(),
        "cpus": available_cpus(),
        "default_threads": default_threads(_STREAMS),
    }


def show_config() -> None:
    """Print :func:`get_config`, a line each, on standard output."""
    for name, value in get_config().items():
        told = (", ".join(value) or "none") if isinstance(value, list) else value
        print(f"{name.replace('_', ' ')}: {told}")


def get_include() -> str:
    """The folder of ``gru_ext.h``, the C header of :mod:`gru_ext.capi`."""
    return str(Path(__file__).parents[1] / "include")
