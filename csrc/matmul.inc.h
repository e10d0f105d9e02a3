/* SPDX-License-Identifier: MIT */
/* Matrix products. Each element of a product is one sum over k in order, whatever block it falls
 * into, so that a result does not depend on how rows and columns are shared among threads. */

/* c (mr, nv vectors) = [c +] sum_k a[i*a_row + k*a_k] b[k*ldb + n], kept in registers; mr and nv
 * are constants where this is inlined. */
INLINE void GRU(micro)(const int mr, const int nv, REAL *c, ptrdiff_t ldc, const REAL *a,
                       ptrdiff_t a_row, ptrdiff_t a_k, const REAL *b, ptrdiff_t ldb, ptrdiff_t K,
                       int accumulate)
{
    VEC sum[GRU_MR * 2 > 8 ? GRU_MR * 2 : 8];
    UNROLL
    for (int i = 0; i < mr * nv; i++) sum[i] = SET1(0);
    for (ptrdiff_t k = 0; k < K; k++, a += a_k, b += ldb) {
        VEC row[8];
        UNROLL
        for (int j = 0; j < nv; j++) row[j] = LOAD(b + j * VL);
        UNROLL
        for (int i = 0; i < mr; i++) {
            VEC scalar = SET1(a[i * a_row]);
            UNROLL
            for (int j = 0; j < nv; j++) sum[i * nv + j] += scalar * row[j];
        }
    }
    UNROLL
    for (int i = 0; i < mr; i++) {
        UNROLL
        for (int j = 0; j < nv; j++) {
            REAL *out = c + i * ldc + j * VL;
            STORE(out, accumulate ? LOAD(out) + sum[i * nv + j] : sum[i * nv + j]);
        }
    }
}

/* micro for a block of up to GRU_MR rows and one or two vectors */
static void GRU(block)(ptrdiff_t mr, ptrdiff_t nv, REAL *c, ptrdiff_t ldc, const REAL *a,
                       ptrdiff_t a_row, ptrdiff_t a_k, const REAL *b, ptrdiff_t ldb, ptrdiff_t K,
                       int accumulate)
{
#define CASE(rows)                                                                                 \
    case rows:                                                                                     \
        if (nv == 2)                                                                               \
            GRU(micro)(rows, 2, c, ldc, a, a_row, a_k, b, ldb, K, accumulate);                     \
        else                                                                                       \
            GRU(micro)(rows, 1, c, ldc, a, a_row, a_k, b, ldb, K, accumulate);                     \
        break;
    switch (mr) {
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
        CASE(6)
#if GRU_MR > 6
        CASE(7)
        CASE(8)
        CASE(9)
        CASE(10)
        CASE(11)
        CASE(12)
#endif
    }
#undef CASE
}

/* rows of the next block where `left` remain: as even as can be, so that no block is too thin to
 * hide the latency of its additions */
INLINE ptrdiff_t GRU(block_rows)(ptrdiff_t left)
{
    ptrdiff_t blocks = (left + GRU_MR - 1) / GRU_MR;
    return (left + blocks - 1) / blocks;
}

static void GRU(pack)(REAL *packed, const REAL *b, ptrdiff_t stride_k, ptrdiff_t stride_n,
                      ptrdiff_t K, ptrdiff_t n_valid, ptrdiff_t N, ptrdiff_t panel_begin,
                      ptrdiff_t panel_end)
{
    for (ptrdiff_t p = panel_begin; p < panel_end; p++) {
        ptrdiff_t n0 = p * PANEL;
        ptrdiff_t width = N - n0 < PANEL ? N - n0 : PANEL;
        ptrdiff_t valid = n_valid - n0 < width ? n_valid - n0 : width;
        if (valid < 0) valid = 0;
        REAL *out = packed + n0 * K;
        const REAL *in = b + n0 * stride_n;
        for (ptrdiff_t k = 0; k < K; k++, out += width, in += stride_k) {
            for (ptrdiff_t n = 0; n < valid; n++) out[n] = in[n * stride_n];
            for (ptrdiff_t n = valid; n < width; n++) out[n] = 0;
        }
    }
}

static void GRU(matmul_packed)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda,
                               const REAL *packed, ptrdiff_t M, ptrdiff_t N, ptrdiff_t K,
                               int accumulate)
{
    for (ptrdiff_t n = 0; n < N; n += PANEL) {
        ptrdiff_t width = N - n < PANEL ? N - n : PANEL;
        for (ptrdiff_t i = 0, mr; i < M; i += mr) {
            mr = GRU(block_rows)(M - i);
            GRU(block)(mr, width / VL, c + i * ldc + n, ldc, a + i * lda, lda, 1, packed + n * K,
                       width, K, accumulate);
        }
    }
}

/* Few rows: wide blocks, so that enough sums run side by side. */
static void GRU(matmul_rows)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda, const REAL *b,
                             ptrdiff_t ldb, ptrdiff_t M, ptrdiff_t N, ptrdiff_t K, int accumulate)
{
    ptrdiff_t n = 0;
#define WIDE(rows, vectors)                                                                        \
    for (; n + vectors * VL <= N; n += vectors * VL)                                               \
        GRU(micro)(rows, vectors, c + n, ldc, a, lda, 1, b + n, ldb, K, accumulate);
    switch (M) {
    case 1: WIDE(1, 8) WIDE(1, 4) WIDE(1, 2) WIDE(1, 1) break;
    case 2: WIDE(2, 4) WIDE(2, 2) WIDE(2, 1) break;
    case 3: WIDE(3, 3) WIDE(3, 2) WIDE(3, 1) break;
    }
#undef WIDE
}

/* c (mr, jb) = [c +] dot products of mr rows of a with jb rows of b */
INLINE void GRU(dots)(const int mr, const int jb, REAL *c, ptrdiff_t ldc, const REAL *a,
                      ptrdiff_t lda, const REAL *b, ptrdiff_t ldb, ptrdiff_t K, int accumulate)
{
    VEC sum[8];
    UNROLL
    for (int i = 0; i < mr * jb; i++) sum[i] = SET1(0);
    for (ptrdiff_t k = 0; k < K; k += VL) {
        VEC row[3];
        UNROLL
        for (int i = 0; i < mr; i++) row[i] = LOAD(a + i * lda + k);
        UNROLL
        for (int j = 0; j < jb; j++) {
            VEC other = LOAD(b + j * ldb + k);
            UNROLL
            for (int i = 0; i < mr; i++) sum[i * jb + j] += row[i] * other;
        }
    }
    UNROLL
    for (int i = 0; i < mr; i++) {
        UNROLL
        for (int j = 0; j < jb; j++) {
            REAL total = GRU(horizontal_sum)(sum[i * jb + j]);
            c[i * ldc + j] = accumulate ? c[i * ldc + j] + total : total;
        }
    }
}

static void GRU(matmul_rows_t)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda, const REAL *b,
                               ptrdiff_t ldb, ptrdiff_t M, ptrdiff_t N, ptrdiff_t K, int accumulate)
{
    ptrdiff_t n = 0;
#define DOTS(rows, columns)                                                                        \
    for (; n + columns <= N; n += columns)                                                         \
        GRU(dots)(rows, columns, c + n, ldc, a, lda, b + n * ldb, ldb, K, accumulate);
    switch (M) {
    case 1: DOTS(1, 8) DOTS(1, 1) break;
    case 2: DOTS(2, 4) DOTS(2, 1) break;
    case 3: DOTS(3, 2) DOTS(3, 1) break;
    }
#undef DOTS
}

/* packed (blocks, R, block rows) <- a (R, M), blocks as matmul_t takes them */
static void GRU(pack_columns)(REAL *packed, const REAL *a, ptrdiff_t lda, ptrdiff_t M, ptrdiff_t R)
{
    for (ptrdiff_t i = 0, mr; i < M; i += mr) {
        mr = GRU(block_rows)(M - i);
        for (ptrdiff_t r = 0; r < R; r++, packed += mr)
            for (ptrdiff_t m = 0; m < mr; m++) packed[m] = a[r * lda + i + m];
    }
}

static void GRU(matmul_t)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda, const REAL *d,
                          ptrdiff_t ldd, ptrdiff_t M, ptrdiff_t N, ptrdiff_t R, int accumulate,
                          REAL *scratch)
{
    int packing = R > GRU_CHUNK_ROWS / 4;
    REAL *a_packed = scratch, *d_packed = scratch + GRU_CHUNK_ROWS * M;
    for (ptrdiff_t r = 0; r < R; r += GRU_CHUNK_ROWS) {
        ptrdiff_t rows = R - r < GRU_CHUNK_ROWS ? R - r : GRU_CHUNK_ROWS;
        if (packing) GRU(pack_columns)(a_packed, a + r * lda, lda, M, rows);
        for (ptrdiff_t n = 0; n < N; n += PANEL) {
            ptrdiff_t width = N - n < PANEL ? N - n : PANEL;
            const REAL *panel = d + r * ldd + n;
            ptrdiff_t panel_row = ldd;
            if (packing) {
                GRU(pack)(d_packed, panel, ldd, 1, rows, width, width, 0, 1);
                panel = d_packed;
                panel_row = width;
            }
            for (ptrdiff_t i = 0, mr; i < M; i += mr) {
                mr = GRU(block_rows)(M - i);
                const REAL *rows_a = packing ? a_packed + i * rows : a + r * lda + i;
                GRU(block)(mr, width / VL, c + i * ldc + n, ldc, rows_a, 1, packing ? mr : lda,
                           panel, panel_row, rows, accumulate || r > 0);
            }
        }
    }
}
