# SPDX-License-Identifier: MIT
"""The build of the C extension text_bits; gru_ext must be installed.

python setup.py build_ext --inplace
"""

from setuptools import Extension, setup

import gru_ext

setup(
    name="text-bits",
    version="0.1.0",
    ext_modules=[
        Extension("text_bits", ["text_bits.c"], include_dirs=[gru_ext.get_include()]),
    ],
)
