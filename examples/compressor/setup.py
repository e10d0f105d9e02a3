# SPDX-License-Identifier: MIT
from Cython.Build import cythonize
from setuptools import setup

setup(
    ext_modules=cythonize(
        "src/gru_compress/_*.pyx",
        language_level=3,
        build_dir="build/cython",
        compiler_directives={
            "boundscheck": False,
            "wraparound": False,
            "initializedcheck": False,
            "cdivision": True,
            "freethreading_compatible": True,
        },
    )
)
