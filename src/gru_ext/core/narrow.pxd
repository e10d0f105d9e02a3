# SPDX-License-Identifier: MIT
"""Products with narrow weights: bfloat16 and int8, packed as csrc/narrow.inc.h describes."""
from gru_ext.core.layout cimport BFLOAT16
from gru_ext.core.native cimport gru_kernels, real


cdef inline void narrow_product(const gru_kernels *k, int weights, unsigned char *scratch, real *c,
                                Py_ssize_t ldc, const real *a, Py_ssize_t lda, const real *b,
                                Py_ssize_t M, Py_ssize_t N, Py_ssize_t K) noexcept nogil:
    # c (M, N) = a (M, K) b, b packed. Rows of a are whole cache lines, with zeros from K on. Only
    # float32 has these products; stream_state.pyx makes no other.
    if real is float:
        if weights == BFLOAT16:
            k.matmul_bfloat16(c, ldc, a, lda, b, M, N, K)
        else:
            k.matmul_int8(c, ldc, a, lda, b, M, N, K, scratch)
