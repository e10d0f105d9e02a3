# SPDX-License-Identifier: MIT
"""The machine: processor, CPUs, and versions of the installed libraries."""

import importlib.metadata
import os
import platform
from pathlib import Path

PACKAGES = ("numpy", "jax", "torch", "onnx", "onnxruntime", "scipy")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def allowed_cpus():
    """CPUs that this process may use: one CPU of each core first, then the others."""
    if not hasattr(os, "sched_getaffinity"):
        return list(range(os.cpu_count() or 1))
    first, second, seen = [], [], set()
    for cpu in sorted(os.sched_getaffinity(0)):
        topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        core = topology.read_text() if topology.exists() else str(cpu)
        (second if core in seen else first).append(cpu)
        seen.add(core)
    return first + second


def pin(cpus):
    """Pin this process to these CPUs, where the system supports it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)


def thread_environment(threads):
    """Environment variables that set the number of threads of numerical libraries."""
    return dict.fromkeys(THREAD_VARIABLES, str(threads))


def processor():
    """Name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def vector_flags():
    """Vector instruction sets of the processor, of those that the benchmarks depend on."""
    try:
        reported = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return []
    return [flag for flag in ("avx2", "fma", "avx512f", "asimd") if flag in reported]


def package_versions():
    """Versions of the installed packages, by name."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def describe():
    """Machine, versions, compiler and load, as a dict for JSON."""
    import gru_ext
    from gru_ext.core import kernels

    return {
        "processor": processor(),
        "flags": vector_flags(),
        "cores": len(allowed_cpus()),
        "system": f"{platform.system()}, {platform.machine()}",
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "gru_ext": gru_ext.__version__,
        "isa": kernels.active_isa(),
        "compiler": kernels.compiler(),
        "packages": package_versions(),
    }
