/* SPDX-License-Identifier: MIT */
/* Products a b with b packed: the micro-kernel, which computes a block of the result in registers,
 * and the loops around it. Each element is one sum over k in order, whatever block it is in. So the
 * result does not depend on how rows and columns are divided among threads.
 *
 * Included once for each kind of operands. The including file defines
 *
 *   PRODUCT(name)         the name of a function
 *   GROUP                 the terms of a sum that an element of a and b holds: K counts elements
 *   BROADCAST(x)          a vector of elements x
 *   MULTIPLY_ADD(a, b, c) c + a b, for vectors of elements; with several PARTS
 *   PARTS, PART(part, a)  the part of each element that is multiplied in a pass over the block
 *
 * and undefines them after matmul.inc.h. */

/* block (mr, nv vectors) at `at` = sum_k a[i*a_row + k*a_k] b[k*ldb + n], then the epilogue; mr and
 * nv are compile-time constants. */
INLINE void PRODUCT(micro_kernel)(const int mr, const int nv, const GRU(epilogue) * out,
                                  ptrdiff_t at, const REAL *a, ptrdiff_t a_row, ptrdiff_t a_k,
                                  const REAL *b, ptrdiff_t ldb, ptrdiff_t K)
{
    /* prefetch what the epilogue reads */
    UNROLL
    for (int i = 0; i < mr; i++) {
        if (out->accumulate) GRU_PREFETCH(out->c + at + i * out->ld);
        if (out->rule) GRU_PREFETCH(out->rule->p + at + i * out->ld);
        if (out->rule) GRU_PREFETCH(out->rule->m + at + i * out->ld);
        if (out->rule && out->rule->mean) GRU_PREFETCH(out->rule->mean + at + i * out->ld);
    }
    VEC sum[GRU_MR * 2 > 8 ? GRU_MR * 2 : 8];
    UNROLL
    for (int i = 0; i < mr * nv; i++) sum[i] = SET1(0);
    for (ptrdiff_t k = 0; k < K; k++, a += a_k, b += ldb) {
        UNROLL
        for (int part = 0; part < PARTS; part++) {
            VEC row[8];
            UNROLL
            for (int j = 0; j < nv; j++) row[j] = PART(part, LOAD(b + j * VL));
            UNROLL
            for (int i = 0; i < mr; i++) {
                VEC scalar = PART(part, BROADCAST(a[i * a_row]));
                UNROLL
                for (int j = 0; j < nv; j++)
                    sum[i * nv + j] = MULTIPLY_ADD(scalar, row[j], sum[i * nv + j]);
            }
        }
    }
    if (out->accumulate) {
        UNROLL
        for (int i = 0; i < mr * nv; i++)
            sum[i] = LOAD(out->c + at + i / nv * out->ld + i % nv * VL) + sum[i];
    }
    if (out->rule && out->rule->kind == GRU_ADAGRAD) {
        const GRU(rule) rule = *out->rule;
        const ptrdiff_t ld = out->ld;
        UNROLL
        for (int i = 0; i < mr * nv; i++)
            GRU(update)(GRU_ADAGRAD, &rule, at + i / nv * ld + i % nv * VL, sum[i]);
    } else if (out->rule) {
        VEC g[GRU_MR * 2];
        UNROLL
        for (int i = 0; i < mr * nv; i++) g[i] = sum[i];
        GRU(update_block)(out->rule, at, out->ld, g, mr, nv);
    } else {
        UNROLL
        for (int i = 0; i < mr * nv; i++)
            STORE(out->c + at + i / nv * out->ld + i % nv * VL, sum[i]);
    }
}

/* micro_kernel for up to GRU_MR rows and one or two vectors */
static void PRODUCT(block)(ptrdiff_t mr, ptrdiff_t nv, const GRU(epilogue) * out, ptrdiff_t at,
                           const REAL *a, ptrdiff_t a_row, ptrdiff_t a_k, const REAL *b,
                           ptrdiff_t ldb, ptrdiff_t K)
{
#define CASE(rows)                                                                                 \
    case rows:                                                                                     \
        if (nv == 2)                                                                               \
            PRODUCT(micro_kernel)(rows, 2, out, at, a, a_row, a_k, b, ldb, K);                     \
        else                                                                                       \
            PRODUCT(micro_kernel)(rows, 1, out, at, a, a_row, a_k, b, ldb, K);                     \
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

/* The rows of a panel in 1 kB: so far ahead large matrices are prefetched. */
#define AHEAD_ROWS ((ptrdiff_t)(1024 / (PANEL * sizeof(REAL))))

/* c (mr, np panels) = [c +] a (mr, K) b, b packed in whole panels, which are read side by side.
 * With `ahead` rows are prefetched: of these panels, then of the np panels after them. */
INLINE void PRODUCT(panels_kernel)(const int mr, const int np, const int ahead, REAL *c,
                                   ptrdiff_t ldc, const REAL *a, ptrdiff_t lda, const REAL *packed,
                                   ptrdiff_t K, int accumulate)
{
    VEC sum[12];
    UNROLL
    for (int i = 0; i < mr * np * 2; i++) sum[i] = SET1(0);
    ptrdiff_t k = 0;
    for (int last = !ahead; last < 2; last++) {
        const ptrdiff_t end = last ? K : GRU(max_size)(K - AHEAD_ROWS, 0);
        const ptrdiff_t next = AHEAD_ROWS * PANEL + (last ? (np - 1) * PANEL * K : 0);
        for (; k < end; k++, packed += PANEL) {
            UNROLL
            for (int j = 0; j < np * 2; j++) {
                const REAL *at = packed + j / 2 * PANEL * K + j % 2 * VL;
                if (ahead && j * sizeof(VEC) % GRU_LINE_BYTES == 0) GRU_PREFETCH_READ(at + next);
                VEC row = LOAD(at);
                UNROLL
                for (int part = 0; part < PARTS; part++) {
                    UNROLL
                    for (int i = 0; i < mr; i++) {
                        VEC scalar = PART(part, BROADCAST(a[i * lda + k]));
                        sum[i * np * 2 + j] =
                            MULTIPLY_ADD(scalar, PART(part, row), sum[i * np * 2 + j]);
                    }
                }
            }
        }
    }
    UNROLL
    for (int i = 0; i < mr * np * 2; i++) {
        REAL *out = c + i / (np * 2) * ldc + i % (np * 2) * VL;
        STORE(out, accumulate ? LOAD(out) + sum[i] : sum[i]);
    }
}

/* matmul_packed for fewer than GRU_PACK_STREAMS rows: several panels at a time, to hide the latency
 * of the additions and of the cache */
static void PRODUCT(matmul_packed_rows)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda,
                                        const REAL *packed, ptrdiff_t M, ptrdiff_t N, ptrdiff_t K,
                                        int accumulate)
{
    const GRU(epilogue) out = {.c = c, .ld = ldc, .accumulate = accumulate};
    const int ahead = N * K * (ptrdiff_t)sizeof(REAL) > GRU_AHEAD_BYTES;
    ptrdiff_t n = 0;
#define PANELS(rows, panels, ahead)                                                                \
    for (; n + panels * PANEL <= N; n += panels * PANEL) PRODUCT(panels_kernel)                    \
    (rows, panels, ahead, c + n, ldc, a, lda, packed + n * K, K, accumulate);
    switch (8 * ahead + M) {
    case 1: PANELS(1, 4, 0) PANELS(1, 2, 0) break;
    case 2: PANELS(2, 2, 0) break;
    case 3: PANELS(3, 2, 0) break;
    case 9: PANELS(1, 4, 1) PANELS(1, 2, 0) break;
    case 10: PANELS(2, 2, 1) break;
    case 11: PANELS(3, 2, 1) break;
    }
#undef PANELS
#undef AHEAD_ROWS
    for (; n < N; n += PANEL) {
        ptrdiff_t width = GRU(min_size)(N - n, PANEL);
        PRODUCT(block)(M, width / VL, &out, n, a, lda, 1, packed + n * K, width, K);
    }
}

static void PRODUCT(matmul_packed)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda,
                                   const REAL *packed, ptrdiff_t M, ptrdiff_t N, ptrdiff_t K,
                                   int accumulate)
{
    if (M < GRU_PACK_STREAMS) {
        PRODUCT(matmul_packed_rows)(c, ldc, a, lda, packed, M, N, K, accumulate);
        return;
    }
    const GRU(epilogue) out = {.c = c, .ld = ldc, .accumulate = accumulate};
    for (ptrdiff_t n = 0; n < N; n += PANEL) {
        ptrdiff_t width = GRU(min_size)(N - n, PANEL);
        for (ptrdiff_t i = 0, mr; i < M; i += mr) {
            mr = GRU(block_rows)(M - i);
            PRODUCT(block)(mr, width / VL, &out, i * ldc + n, a + i * lda, lda, 1, packed + n * K,
                           width, K);
        }
    }
}
