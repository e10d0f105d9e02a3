/* SPDX-License-Identifier: MIT */
/* What all matrix products have in common: what is done with a block of the result (micro_kernel of
 * product.inc.h), and how large it is. */

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

/* The rows of the next block when `left` rows remain. Blocks are as even as possible: a block of
 * one or two rows has too few independent sums to hide the latency of the additions. */
INLINE ptrdiff_t GRU(block_rows)(ptrdiff_t left)
{
    ptrdiff_t blocks = (left + GRU_MR - 1) / GRU_MR;
    return (left + blocks - 1) / blocks;
}

INLINE ptrdiff_t GRU(min_size)(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
INLINE ptrdiff_t GRU(max_size)(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }
