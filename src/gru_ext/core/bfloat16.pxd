# SPDX-License-Identifier: MIT
"""The C-level declaration of bfloat16.pyx."""
from gru_ext.core.native cimport gru_bfloat16_products, gru_kernels

cdef const gru_bfloat16_products *fastest_products(const gru_kernels *k) except NULL
