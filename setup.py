# SPDX-License-Identifier: MIT
"""The compiled modules; everything else about the build is in pyproject.toml."""

import os
import sys

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

# GRU_EXT_DEBUG=1: Cython's bounds checks and debug symbols. Not below -O2, where GCC does not fuse
# multiplications and additions, on which the stated errors of exp and tanh depend.
debug = os.environ.get("GRU_EXT_DEBUG") == "1"
# GRU_EXT_WERROR=1: C warnings are errors.
strict = os.environ.get("GRU_EXT_WERROR") == "1"

if sys.platform == "win32":
    flags, kernel_flags = ["/O2", "/std:c11"], []
else:
    flags = ["-std=c11", "-fvisibility=hidden", "-fno-math-errno"]
    flags += ["-O2", "-g"] if debug else ["-O3", "-g0"]
    kernel_flags = ["-fno-trapping-math", "-ffp-contract=fast", "-Wall", "-Wextra", "-Wno-psabi"]
    if strict:
        # Cython's own code trips some warnings of -Wextra; the kernels get them all.
        flags += ["-Wall", "-Werror", "-Wno-unreachable-code"]

KERNEL_SOURCES = [
    f"csrc/{name}.c" for name in ("dispatch", "isa_generic", "isa_avx2", "isa_avx512")
]
HEADERS = [f"csrc/{name}" for name in sorted(os.listdir("csrc")) if name.endswith(".h")]


def extension(name, *c_sources, more_flags=(), include=()):
    return Extension(
        f"gru_ext.{name}",
        [f"src/gru_ext/{name}.pyx", *c_sources],
        depends=HEADERS,
        include_dirs=["csrc", *include],
        extra_compile_args=[*flags, *more_flags],
    )


# No contraction in _classic: it repeats NumPy's arithmetic to the bit.
separate = [] if sys.platform == "win32" else ["-ffp-contract=off"]

setup(
    ext_modules=cythonize(
        [
            extension("kernels", *KERNEL_SOURCES, more_flags=kernel_flags),
            extension("matmul"),
            extension("_bptt"),
            extension("windows"),
            extension("training_loop"),
            extension("capi"),
            extension("_classic", more_flags=separate, include=[numpy.get_include()]),
        ],
        build_dir="build/cython",
        compiler_directives={
            "language_level": 3,
            "boundscheck": debug,
            "wraparound": False,
            "initializedcheck": debug,
            "cdivision": True,
            "freethreading_compatible": True,
        },
    )
)
