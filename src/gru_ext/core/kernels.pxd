# SPDX-License-Identifier: MIT
"""The C-level declaration of kernels.pyx: the kernels in use."""
from gru_ext.core.native cimport gru_kernels

cdef const gru_kernels *active() noexcept nogil
