# SPDX-License-Identifier: MIT
"""The compiled part of the package: kernels, windows of truncated BPTT, and training steps.

It works on arrays of symbols and parameters and does not know text, files or options. Python code
may call ``windows``, ``training_loop``, ``classic``, ``kernels`` and ``matmul``, which check their
arguments, and ``config`` and ``threads``, which describe the installation and the machine. All
other modules contain C-level functions, which check nothing: only the modules of this package,
``gru_ext.c_interface`` and ``gru_ext.capi`` may cimport them.
"""

from gru_ext.core import baseline

if baseline.missing():
    raise ImportError(
        f"this build of gru_ext is for {baseline.built_for()}, and this processor has no "
        f"{baseline.missing()}: install a prebuilt wheel, or build without -march in CFLAGS"
    )
