# SPDX-License-Identifier: MIT
"""The C-level declaration of matmul.pyx: the BLAS in use."""
from gru_ext.core.blas cimport Blas

cdef const Blas *active() noexcept nogil
