# SPDX-License-Identifier: MIT
"""The C-level declaration of kernels.pyx: the kernels in use, and others."""
from gru_ext.core.native cimport gru_bfloat16_products, gru_kernels

cdef const gru_kernels *active() noexcept nogil
cdef const gru_kernels *named(const char *name) noexcept nogil
cdef const gru_bfloat16_products *with_instruction(const gru_kernels *k) noexcept nogil
cdef const char *isa_name(int i) noexcept nogil
