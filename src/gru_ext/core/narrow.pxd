# SPDX-License-Identifier: MIT
"""Products with narrow weights: bfloat16 and int8, packed as csrc/narrow.inc.h describes."""
from gru_ext.core.layout cimport BFLOAT16
from gru_ext.core.native cimport gru_kernels, real


cdef inline void narrow_product(const gru_kernels *k, int weights, unsigned char *scratch, real *c,
                                Py_ssize_t ldc, const real *a, Py_ssize_t lda, const real *b,
                                Py_ssize_t M, Py_ssize_t N, Py_ssize_t n0, Py_ssize_t n1,
                                Py_ssize_t K) noexcept nogil:
    # The columns [n0, n1) of c (M, N) = a (M, K) b, b packed; whole lines of 16 columns. Rows of a
    # are whole cache lines, with zeros from K on. Only float32 has these products;
    # stream_state.pyx makes no other.
    if real is float:
        if weights == BFLOAT16:
            k.matmul_bfloat16(c, ldc, a, lda, b, M, N, n0, n1, K)
        else:
            k.matmul_int8(c, ldc, a, lda, b, M, N, n0, n1, K, scratch)
