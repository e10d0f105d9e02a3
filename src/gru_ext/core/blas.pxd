# SPDX-License-Identifier: MIT
"""The functions of a BLAS found at run time (matmul.pyx), and a matrix product that calls them."""
from gru_ext.core.native cimport real

ctypedef void (*sgemm_t)(char *, char *, int *, int *, int *, float *, float *, int *, float *,
                         int *, float *, float *, int *) noexcept nogil
ctypedef void (*dgemm_t)(char *, char *, int *, int *, int *, double *, double *, int *, double *,
                         int *, double *, double *, int *) noexcept nogil
ctypedef void (*sgemv_t)(char *, int *, int *, float *, float *, int *, float *, int *, float *,
                         float *, int *) noexcept nogil
ctypedef void (*dgemv_t)(char *, int *, int *, double *, double *, int *, double *, int *,
                         double *, double *, int *) noexcept nogil

cdef struct Blas:
    sgemm_t sgemm
    dgemm_t dgemm
    sgemv_t sgemv
    dgemv_t dgemv


cdef inline void blas_product(const Blas *blas, real *c, Py_ssize_t ldc, const real *a,
                              Py_ssize_t lda, bint a_transposed, const real *b, Py_ssize_t ldb,
                              bint b_transposed, Py_ssize_t M, Py_ssize_t N, Py_ssize_t K,
                              bint accumulate) noexcept nogil:
    # c (M, N) = [c +] op(a) (M, K) op(b) (K, N), row-major. BLAS is column-major, so it computes
    # c^T = op(b)^T op(a)^T.
    cdef int m = <int>M, n = <int>N, k = <int>K, one = 1
    cdef int step_a = <int>lda, step_b = <int>ldb, step_c = <int>ldc
    cdef real alpha = 1, beta = 1 if accumulate else 0
    cdef char op_a = b"T" if a_transposed else b"N"
    cdef char op_b = b"T" if b_transposed else b"N"
    cdef int rows = k if b_transposed else n, columns = n if b_transposed else k
    if M == 1 and not a_transposed:
        if real is float:
            blas.sgemv(&op_b, &rows, &columns, &alpha, <real *>b, &step_b, <real *>a, &one, &beta,
                       c, &one)
        else:
            blas.dgemv(&op_b, &rows, &columns, &alpha, <real *>b, &step_b, <real *>a, &one, &beta,
                       c, &one)
    elif real is float:
        blas.sgemm(&op_b, &op_a, &n, &m, &k, &alpha, <real *>b, &step_b, <real *>a, &step_a, &beta,
                   c, &step_c)
    else:
        blas.dgemm(&op_b, &op_a, &n, &m, &k, &alpha, <real *>b, &step_b, <real *>a, &step_a, &beta,
                   c, &step_c)
