# SPDX-License-Identifier: MIT
from gru_ext._blas cimport Blas

cdef const Blas *active() noexcept nogil
