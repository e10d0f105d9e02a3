# SPDX-License-Identifier: MIT
from gru_ext.core.blas cimport Blas

cdef const Blas *active() noexcept nogil
