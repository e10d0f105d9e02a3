/* SPDX-License-Identifier: MIT */
/* Matrix products. Each element of a product is one sum over k in order, whatever block it falls
 * into, so that a result does not depend on how rows and columns are shared among threads. */

/* What becomes of a product: it is stored in c, added to what c holds, or, where p is not NULL, the
 * sum is a gradient and updates the parameters p and their memory m; all of one shape. */
typedef struct {
    REAL *c;
    ptrdiff_t ld;
    int accumulate;
    REAL *p, *m;
    GRU(adagrad_rule) rule;
} GRU(sink);

/* sink (mr, nv vectors) at `at` <- sum_k a[i*a_row + k*a_k] b[k*ldb + n], kept in registers; mr and
 * nv are constants where this is inlined. */
INLINE void GRU(micro)(const int mr, const int nv, const GRU(sink) * to, ptrdiff_t at,
                       const REAL *a, ptrdiff_t a_row, ptrdiff_t a_k, const REAL *b, ptrdiff_t ldb,
                       ptrdiff_t K)
{
    /* what the sums will meet comes closer while they are made */
    UNROLL
    for (int i = 0; i < mr; i++) {
        if (to->accumulate) GRU_PREFETCH(to->c + at + i * to->ld);
        if (to->p) GRU_PREFETCH(to->p + at + i * to->ld);
        if (to->p) GRU_PREFETCH(to->m + at + i * to->ld);
    }
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
    if (to->accumulate) {
        UNROLL
        for (int i = 0; i < mr * nv; i++)
            sum[i] = LOAD(to->c + at + i / nv * to->ld + i % nv * VL) + sum[i];
    }
    if (to->p) {
        const GRU(adagrad_rule) rule = to->rule;
        REAL *p = to->p + at, *m = to->m + at;
        const ptrdiff_t ld = to->ld;
        UNROLL
        for (int i = 0; i < mr * nv; i++) {
            ptrdiff_t here = i / nv * ld + i % nv * VL;
            GRU(adagrad_vec)(p + here, m + here, sum[i], &rule);
        }
    } else {
        UNROLL
        for (int i = 0; i < mr * nv; i++) STORE(to->c + at + i / nv * to->ld + i % nv * VL, sum[i]);
    }
}

/* micro for a block of up to GRU_MR rows and one or two vectors */
static void GRU(block)(ptrdiff_t mr, ptrdiff_t nv, const GRU(sink) * to, ptrdiff_t at,
                       const REAL *a, ptrdiff_t a_row, ptrdiff_t a_k, const REAL *b, ptrdiff_t ldb,
                       ptrdiff_t K)
{
#define CASE(rows)                                                                                 \
    case rows:                                                                                     \
        if (nv == 2)                                                                               \
            GRU(micro)(rows, 2, to, at, a, a_row, a_k, b, ldb, K);                                 \
        else                                                                                       \
            GRU(micro)(rows, 1, to, at, a, a_row, a_k, b, ldb, K);                                 \
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

INLINE ptrdiff_t GRU(smaller)(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

static void GRU(pack)(REAL *packed, const REAL *b, ptrdiff_t stride_k, ptrdiff_t stride_n,
                      ptrdiff_t K, ptrdiff_t n_valid, ptrdiff_t N, ptrdiff_t panel_begin,
                      ptrdiff_t panel_end)
{
    for (ptrdiff_t p = panel_begin; p < panel_end; p++) {
        ptrdiff_t n0 = p * PANEL;
        ptrdiff_t width = GRU(smaller)(N - n0, PANEL);
        ptrdiff_t valid = GRU(smaller)(n_valid - n0, width);
        if (valid < 0) valid = 0;
        REAL *out = packed + n0 * K;
        const REAL *in = b + n0 * stride_n;
        for (ptrdiff_t k = 0; k < K; k++, out += width, in += stride_k) {
            for (ptrdiff_t n = 0; n < valid; n++) out[n] = in[n * stride_n];
            for (ptrdiff_t n = valid; n < width; n++) out[n] = 0;
        }
    }
}

/* Columns of the left factor of matmul_t that are packed together: whole blocks of rows. */
#define COLUMNS (4 * GRU_MR)

/* packed (panels, R, width) <- rows of a (R, N), where a panel is `columns` wide, the last one
 * what remains; N whole vectors. A few rows at a time, so that each cache line is fetched once. */
static void GRU(pack_rows)(REAL *packed, const REAL *a, ptrdiff_t lda, ptrdiff_t columns,
                           ptrdiff_t N, ptrdiff_t R)
{
    for (ptrdiff_t r0 = 0; r0 < R; r0 += 8) {
        ptrdiff_t r1 = GRU(smaller)(r0 + 8, R);
        for (ptrdiff_t n = 0; n < N; n += columns) {
            ptrdiff_t width = GRU(smaller)(N - n, columns);
            for (ptrdiff_t r = r0; r < r1; r++) {
                const REAL *in = a + r * lda + n, *ahead = in + (r + 8 < R ? 8 * lda : 0);
                for (ptrdiff_t v = 0; v < width; v += VL) {
                    GRU_PREFETCH(ahead + v);
                    STORE(packed + n * R + r * width + v, LOAD(in + v));
                }
            }
        }
    }
}

static void GRU(matmul_t)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda, const REAL *d,
                          ptrdiff_t ldd, ptrdiff_t M, ptrdiff_t N, ptrdiff_t R, int accumulate,
                          const gru_update *update, REAL *scratch)
{
    GRU(sink) to = {.c = c, .ld = ldc, .accumulate = accumulate};
    int packing = R > GRU_CHUNK_ROWS / 4;
    ptrdiff_t Mp = (M + VL - 1) / VL * VL;
    REAL *a_packed = scratch, *d_packed = scratch + GRU_CHUNK_ROWS * Mp;
    /* so many rows that the left factor's stay in the second-level cache */
    ptrdiff_t chunk = GRU_CHUNK_BYTES / (Mp * (ptrdiff_t)sizeof(REAL)) / 8 * 8;
    chunk = GRU(smaller)(chunk < 64 ? 64 : chunk, GRU_CHUNK_ROWS);
    for (ptrdiff_t r = 0; r < R; r += chunk, to.accumulate = 1) {
        ptrdiff_t rows = GRU(smaller)(R - r, chunk);
        if (update && r + rows == R) {
            to.p = update->p;
            to.m = update->m;
            to.rule = GRU(adagrad_rule_of)(update);
        }
        if (packing) GRU(pack_rows)(a_packed, a + r * lda, lda, COLUMNS, Mp, rows);
        for (ptrdiff_t n = 0; n < N; n += PANEL) {
            ptrdiff_t width = GRU(smaller)(N - n, PANEL);
            const REAL *panel = d + r * ldd + n;
            ptrdiff_t panel_row = ldd;
            if (packing) {
                ptrdiff_t group = n % (GRU_PANEL_GROUP * PANEL);
                if (group == 0)
                    GRU(pack_rows)(d_packed, panel, ldd, PANEL,
                                   GRU(smaller)(N - n, GRU_PANEL_GROUP * PANEL), rows);
                panel = d_packed + group * rows;
                panel_row = width;
            }
            for (ptrdiff_t i0 = 0; i0 < M; i0 += COLUMNS) {
                ptrdiff_t columns = GRU(smaller)(Mp - i0, COLUMNS);
                ptrdiff_t valid = GRU(smaller)(M - i0, COLUMNS);
                const REAL *left = packing ? a_packed + i0 * rows : a + r * lda + i0;
                for (ptrdiff_t i = 0, mr; i < valid; i += mr) {
                    mr = GRU(block_rows)(valid - i);
                    GRU(block)(mr, width / VL, &to, (i0 + i) * ldc + n, left + i, 1,
                               packing ? columns : lda, panel, panel_row, rows);
                }
            }
        }
    }
}
#undef COLUMNS
