# SPDX-License-Identifier: MIT
from gru_ext.core.native cimport gru_kernels

cdef const gru_kernels *active() noexcept nogil
