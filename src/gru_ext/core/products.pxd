# SPDX-License-Identifier: MIT
"""Declarations of products.pyx."""
from gru_ext.core.bptt cimport BufferOffsets, Window
from gru_ext.core.native cimport gru_update, real


cdef inline real *thread_scratch(const Window *w, real *ws, Py_ssize_t part) noexcept nogil:
    # The scratch memory of one thread.
    return ws + w.o.scratch + part * w.o.scratch_per_part


cdef void choose_packing(Window *w, Py_ssize_t steps) noexcept nogil
cdef BufferOffsets buffer_offsets(const Window *w, Py_ssize_t itemsize) noexcept nogil
cdef void pack_weights(const Window *w, const real *p, real *ws, Py_ssize_t part,
                       Py_ssize_t parts) noexcept nogil
cdef void product_columns(const Window *w, bint use_packed, real *c, Py_ssize_t ldc,
                          const real *a, Py_ssize_t lda, const real *b, const real *packed,
                          Py_ssize_t M, Py_ssize_t N, Py_ssize_t n0, Py_ssize_t n1, Py_ssize_t K,
                          real *scratch) noexcept nogil
cdef void product(const Window *w, bint use_packed, real *c, Py_ssize_t ldc, const real *a,
                  Py_ssize_t lda, const real *b, const real *packed, Py_ssize_t M, Py_ssize_t N,
                  Py_ssize_t K, real *scratch) noexcept nogil
cdef void product_t(const Window *w, real *c, const real *a, Py_ssize_t lda, const real *b,
                    const real *packed, Py_ssize_t M, Py_ssize_t u0, Py_ssize_t u1, Py_ssize_t K,
                    bint accumulate, real *scratch) noexcept nogil
cdef void product_gradient(const Window *w, real *g, Py_ssize_t ldg, const real *a, const real *d,
                           Py_ssize_t ldd, Py_ssize_t N, bint accumulate, const gru_update *update,
                           real *scratch) noexcept nogil
