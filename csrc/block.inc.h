/* SPDX-License-Identifier: MIT */
/* The micro-kernel of all matrix products: a block of the result, computed in registers, and its
 * epilogue. Each element is one sum over k in order, whatever block it is in. So the result does
 * not depend on how rows and columns are divided among threads. */

/* What is done with a block of the product: it is stored in c, or added to c, or, if rule is not
 * NULL, it is a block of a gradient and updates the parameters rule->p, which have the shape and
 * row stride of c. */
typedef struct {
    REAL *c;
    ptrdiff_t ld;
    int accumulate;
    const GRU(rule) * rule;
} GRU(epilogue);

/* Update the parameters at `at` with a block g (mr, nv) of gradients. A function of its own, since
 * RMSprop and Adam have too many instructions to be inlined in every micro-kernel. Adagrad is short
 * and inlined there. */
NOINLINE void GRU(update_block)(const GRU(rule) * shared, ptrdiff_t at, ptrdiff_t ld, const VEC *g,
                                int mr, int nv)
{
    const GRU(rule) rule = *shared;
#define UPDATE(kind)                                                                               \
    for (int i = 0; i < mr; i++)                                                                   \
        for (int j = 0; j < nv; j++) GRU(update)(kind, &rule, at + i * ld + j * VL, *g++);
    FOR_KIND(rule.kind, UPDATE)
#undef UPDATE
}

/* block (mr, nv vectors) at `at` = sum_k a[i*a_row + k*a_k] b[k*ldb + n], then the epilogue; mr and
 * nv are compile-time constants. */
INLINE void GRU(micro_kernel)(const int mr, const int nv, const GRU(epilogue) * out, ptrdiff_t at,
                              const REAL *a, ptrdiff_t a_row, ptrdiff_t a_k, const REAL *b,
                              ptrdiff_t ldb, ptrdiff_t K)
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
        VEC row[8];
        UNROLL
        for (int j = 0; j < nv; j++) row[j] = LOAD(b + j * VL);
        UNROLL
        for (int i = 0; i < mr; i++) {
            VEC scalar = SET1(a[i * a_row]);
            UNROLL
            for (int j = 0; j < nv; j++) sum[i * nv + j] = FMA(scalar, row[j], sum[i * nv + j]);
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
static void GRU(block)(ptrdiff_t mr, ptrdiff_t nv, const GRU(epilogue) * out, ptrdiff_t at,
                       const REAL *a, ptrdiff_t a_row, ptrdiff_t a_k, const REAL *b, ptrdiff_t ldb,
                       ptrdiff_t K)
{
#define CASE(rows)                                                                                 \
    case rows:                                                                                     \
        if (nv == 2)                                                                               \
            GRU(micro_kernel)(rows, 2, out, at, a, a_row, a_k, b, ldb, K);                         \
        else                                                                                       \
            GRU(micro_kernel)(rows, 1, out, at, a, a_row, a_k, b, ldb, K);                         \
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

/* The rows of the next block when `left` rows remain. Blocks are as even as possible: a block of
 * one or two rows has too few independent sums to hide the latency of the additions. */
INLINE ptrdiff_t GRU(block_rows)(ptrdiff_t left)
{
    ptrdiff_t blocks = (left + GRU_MR - 1) / GRU_MR;
    return (left + blocks - 1) / blocks;
}

INLINE ptrdiff_t GRU(min_size)(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
