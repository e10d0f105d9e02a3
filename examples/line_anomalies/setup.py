# SPDX-License-Identifier: MIT
"""The build of line_anomalies; gru_ext must be installed.

python setup.py build_ext --inplace
"""

from Cython.Build import cythonize
from setuptools import setup

setup(
    name="line-anomalies",
    version="0.1.0",
    ext_modules=cythonize("line_anomalies.pyx", language_level=3),
)
