/* SPDX-License-Identifier: MIT */
/* A block of a matrix product, kept in registers, and what becomes of it. Each element of a product
 * is one sum over k in order, whatever block it falls into, so that a result does not depend on how
 * rows and columns are shared among threads. */

/* What becomes of a product: it is stored in c, added to what c holds, or, where rule is not NULL,
 * the sum is a gradient that updates the rule's parameters; all of one shape. */
typedef struct {
    REAL *c;
    ptrdiff_t ld;
    int accumulate;
    const GRU(rule) * rule;
} GRU(sink);

/* The update with a block g (mr, nv) of gradients at `at`, for all rules but the shortest,
 * Adagrad's: theirs are too long to stand in every micro below. */
NOINLINE void GRU(update_block)(const GRU(rule) * to, ptrdiff_t at, ptrdiff_t ld, const VEC *g,
                                int mr, int nv)
{
    const GRU(rule) rule = *to;
#define UPDATE(kind)                                                                               \
    for (int i = 0; i < mr; i++)                                                                   \
        for (int j = 0; j < nv; j++) GRU(update)(kind, &rule, at + i * ld + j * VL, *g++);
    FOR_KIND(rule.kind, UPDATE)
#undef UPDATE
}

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
        if (to->rule) GRU_PREFETCH(to->rule->p + at + i * to->ld);
        if (to->rule) GRU_PREFETCH(to->rule->m + at + i * to->ld);
        if (to->rule && to->rule->mean) GRU_PREFETCH(to->rule->mean + at + i * to->ld);
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
    if (to->rule && to->rule->kind == GRU_ADAGRAD) {
        const GRU(rule) rule = *to->rule;
        const ptrdiff_t ld = to->ld;
        UNROLL
        for (int i = 0; i < mr * nv; i++)
            GRU(update)(GRU_ADAGRAD, &rule, at + i / nv * ld + i % nv * VL, sum[i]);
    } else if (to->rule) {
        VEC g[GRU_MR * 2];
        UNROLL
        for (int i = 0; i < mr * nv; i++) g[i] = sum[i];
        GRU(update_block)(to->rule, at, to->ld, g, mr, nv);
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
