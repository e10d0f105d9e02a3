# SPDX-License-Identifier: MIT
"""The implementation of ``gru_ext.capi``, the public C-level interface.

Each function here serves both dtypes. It checks its arguments, works on the caller's memory and
calls ``gru_ext.core``. Only ``gru_ext.capi`` may cimport this package; all others cimport
``gru_ext.capi``.
"""
