# SPDX-License-Identifier: MIT
from Cython.Build import cythonize
from setuptools import setup

setup(ext_modules=cythonize("src/adaptive_bits/_reader.pyx", language_level=3))
