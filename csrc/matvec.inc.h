/* SPDX-License-Identifier: MIT */
/* Matrix products with fewer than GRU_PACK_STREAMS rows. They read the weights once, in memory
 * order, and are as fast as the cache that holds the weights. */

/* c (mr, nv vectors) = a (mr, K) b (K, nv vectors), c in registers: for small N */
INLINE void GRU(narrow_kernel)(const int mr, const int nv, REAL *c, ptrdiff_t ldc, const REAL *a,
                               ptrdiff_t lda, const REAL *b, ptrdiff_t ldb, ptrdiff_t K)
{
    const GRU(epilogue) out = {.c = c, .ld = ldc};
    GRU(micro_kernel)(mr, nv, &out, 0, a, lda, 1, b, ldb, K);
}

/* c (mr, N) = [c +] a (mr, ku) b (ku, N) */
INLINE void GRU(axpy)(const int mr, const int ku, REAL *c, ptrdiff_t ldc, const REAL *a,
                      ptrdiff_t lda, const REAL *b, ptrdiff_t ldb, ptrdiff_t N, int accumulate)
{
    VEC scalar[16];
    UNROLL
    for (int i = 0; i < mr * ku; i++) scalar[i] = SET1(a[i / ku * lda + i % ku]);
    for (ptrdiff_t n = 0; n < N; n += VL) {
        VEC sum[3];
        UNROLL
        for (int i = 0; i < mr; i++) sum[i] = accumulate ? LOAD(c + i * ldc + n) : SET1(0);
        UNROLL
        for (int k = 0; k < ku; k++) {
            VEC row = LOAD(b + k * ldb + n);
            UNROLL
            for (int i = 0; i < mr; i++) sum[i] = FMA(scalar[i * ku + k], row, sum[i]);
        }
        UNROLL
        for (int i = 0; i < mr; i++) STORE(c + i * ldc + n, sum[i]);
    }
}

static void GRU(matmul_rows)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda, const REAL *b,
                             ptrdiff_t ldb, ptrdiff_t M, ptrdiff_t N, ptrdiff_t K)
{
    if (M >= GRU_PACK_STREAMS) {
        const GRU(epilogue) out = {.c = c, .ld = ldc};
        for (ptrdiff_t n = 0; n < N; n += PANEL) {
            ptrdiff_t width = GRU(min_size)(N - n, PANEL);
            for (ptrdiff_t i = 0, mr; i < M; i += mr) {
                mr = GRU(block_rows)(M - i);
                GRU(block)(mr, width / VL, &out, i * ldc + n, a + i * lda, lda, 1, b + n, ldb, K);
            }
        }
        return;
    }
    ptrdiff_t k = 0;
#define NARROW(rows, vectors)                                                                      \
    case 16 * rows + vectors: GRU(narrow_kernel)(rows, vectors, c, ldc, a, lda, b, ldb, K); return;
#define AXPY(rows, terms)                                                                          \
    for (; k + terms <= K; k += terms)                                                             \
        GRU(axpy)(rows, terms, c, ldc, a + k, lda, b + k * ldb, ldb, N, k > 0);
    if (N <= 8 * VL) {
        switch (16 * M + N / VL) {
            NARROW(1, 1)
            NARROW(1, 2)
            NARROW(1, 4)
            NARROW(1, 8) NARROW(2, 1) NARROW(2, 2) NARROW(2, 4) NARROW(3, 1) NARROW(3, 2)
        }
    }
    switch (M) {
    case 1: AXPY(1, 8) AXPY(1, 4) AXPY(1, 1) break;
    case 2: AXPY(2, 4) AXPY(2, 1) break;
    case 3: AXPY(3, 4) AXPY(3, 1) break;
    }
#undef NARROW
#undef AXPY
}
