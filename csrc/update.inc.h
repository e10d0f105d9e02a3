/* SPDX-License-Identifier: MIT */
/* Updates of arrays of parameters, clipping, norms and bias gradients. */

/* both sums (kernel_table.inc.h) in one pass over d */
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

static double GRU(sum_squares)(REAL *g, ptrdiff_t n)
{
    double sum[8] = {0};
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++) sum[j] += (double)g[i + j] * (double)g[i + j];
    for (int j = 0; i < n; i++, j++) sum[j] += (double)g[i] * (double)g[i];
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

static void GRU(apply)(REAL *g, const gru_update *u, ptrdiff_t n)
{
    const GRU(rule) rule = GRU(broadcast_rule)(u);
    ptrdiff_t whole = n - n % VL;
#define UPDATE(kind)                                                                               \
    for (ptrdiff_t i = 0; i < whole; i += VL) GRU(update)(kind, &rule, i, LOAD(g + i) * rule.scale);
    FOR_KIND(rule.kind, UPDATE)
#undef UPDATE
    if (whole < n) {
        REAL lanes[4][16] = {{0}};
        size_t bytes = (size_t)(n - whole) * sizeof(REAL);
        REAL *from[4] = {g + whole, rule.p + whole, rule.m + whole,
                         rule.mean ? rule.mean + whole : NULL};
        for (int i = 0; i < 4; i++)
            if (from[i]) memcpy(lanes[i], from[i], bytes);
        gru_update tail = *u;
        tail.p = lanes[1];
        tail.m = lanes[2];
        tail.mean = lanes[3];
        GRU(apply)(lanes[0], &tail, VL);
        for (int i = 1; i < 4; i++)
            if (from[i]) memcpy(from[i], lanes[i], bytes);
    }
}
