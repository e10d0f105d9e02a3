/* SPDX-License-Identifier: MIT */
/* Gradients of rows and columns, clipping by value, and the Adagrad update. */

typedef struct {
    VEC learning_rate, clip, eps;
} GRU(adagrad_rule);

INLINE GRU(adagrad_rule) GRU(adagrad_rule_of)(const gru_update *u)
{
    GRU(adagrad_rule)
    rule = {SET1((REAL)u->learning_rate), SET1((REAL)u->clip), SET1((REAL)u->eps)};
    return rule;
}

/* a NaN stays one */
INLINE VEC GRU(clipped)(VEC g, VEC limit) { return GRU(min)(limit, GRU(max)(-limit, g)); }

/* m += g^2, p -= learning_rate * g / sqrt(m + eps), g clipped */
INLINE void GRU(adagrad_vec)(REAL *p, REAL *m, VEC g, const GRU(adagrad_rule) * rule)
{
    g = GRU(clipped)(g, rule->clip);
    VEC sum = LOAD(m) + g * g;
    STORE(m, sum);
    STORE(p, LOAD(p) - rule->learning_rate * g / GRU(sqrt)(sum + rule->eps));
}

/* dw (., ld)[x[r], n] += d (R, ld)[r, n], and db (N) = [db +] the sum over the rows of d, in one
 * reading of d; dw may be NULL */
static void GRU(sum_rows)(REAL *db, REAL *dw, const REAL *d, const int32_t *x, ptrdiff_t R,
                          ptrdiff_t N, ptrdiff_t ld, int accumulate)
{
    ptrdiff_t n = 0;
#define SUM_ROWS(vectors)                                                                          \
    for (; n + vectors * VL <= N; n += vectors * VL) {                                             \
        VEC sum[vectors];                                                                          \
        UNROLL                                                                                     \
        for (int v = 0; v < vectors; v++) sum[v] = accumulate ? LOAD(db + n + v * VL) : SET1(0);   \
        for (ptrdiff_t r = 0; r < R; r++) {                                                        \
            REAL *out = dw ? dw + (ptrdiff_t)x[r] * ld + n : NULL;                                 \
            UNROLL                                                                                 \
            for (int v = 0; v < vectors; v++) {                                                    \
                VEC row = LOAD(d + r * ld + n + v * VL);                                           \
                sum[v] += row;                                                                     \
                if (dw) STORE(out + v * VL, LOAD(out + v * VL) + row);                             \
            }                                                                                      \
        }                                                                                          \
        UNROLL                                                                                     \
        for (int v = 0; v < vectors; v++) STORE(db + n + v * VL, sum[v]);                          \
    }
    SUM_ROWS(8)
    SUM_ROWS(1)
#undef SUM_ROWS
}

static void GRU(clip)(REAL *g, REAL limit, ptrdiff_t n)
{
    ptrdiff_t i = 0;
    for (; i + VL <= n; i += VL) STORE(g + i, GRU(clipped)(LOAD(g + i), SET1(limit)));
    if (i < n) {
        REAL lanes[16] = {0};
        size_t bytes = (size_t)(n - i) * sizeof(REAL);
        memcpy(lanes, g + i, bytes);
        STORE(lanes, GRU(clipped)(LOAD(lanes), SET1(limit)));
        memcpy(g + i, lanes, bytes);
    }
}

static void GRU(adagrad)(REAL *g, const gru_update *update, ptrdiff_t n)
{
    const GRU(adagrad_rule) rule = GRU(adagrad_rule_of)(update);
    REAL *p = update->p, *m = update->m;
    ptrdiff_t i = 0;
    for (; i + VL <= n; i += VL) GRU(adagrad_vec)(p + i, m + i, LOAD(g + i), &rule);
    if (i < n) {
        REAL lanes[3][16] = {{0}};
        size_t bytes = (size_t)(n - i) * sizeof(REAL);
        memcpy(lanes[0], p + i, bytes);
        memcpy(lanes[1], m + i, bytes);
        memcpy(lanes[2], g + i, bytes);
        GRU(adagrad_vec)(lanes[0], lanes[1], LOAD(lanes[2]), &rule);
        memcpy(p + i, lanes[0], bytes);
        memcpy(m + i, lanes[1], bytes);
    }
}
