# SPDX-License-Identifier: MIT
"""The build of score_text; gru_ext must be installed.

python setup.py build_ext --inplace
"""

from Cython.Build import cythonize
from setuptools import setup

setup(name="score-text", version="0.1.0", ext_modules=cythonize("score_text.pyx", language_level=3))
