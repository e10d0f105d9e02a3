/* SPDX-License-Identifier: MIT */
/* Gradients of rows and columns, clipping by value, and the Adagrad update. */

static void GRU(scatter_add)(REAL *dw, const REAL *d, const int32_t *x, ptrdiff_t R, ptrdiff_t ld,
                             ptrdiff_t begin, ptrdiff_t end)
{
    for (ptrdiff_t r = 0; r < R; r++, d += ld) {
        REAL *out = dw + (ptrdiff_t)x[r] * ld;
        for (ptrdiff_t n = begin; n < end; n += VL) STORE(out + n, LOAD(out + n) + LOAD(d + n));
    }
}

static void GRU(column_sum)(REAL *db, const REAL *d, ptrdiff_t R, ptrdiff_t N, ptrdiff_t ld,
                            int accumulate)
{
    for (ptrdiff_t n = 0; n < N; n += VL) {
        VEC sum = SET1(0);
        for (ptrdiff_t r = 0; r < R; r++) sum += LOAD(d + r * ld + n);
        STORE(db + n, accumulate ? LOAD(db + n) + sum : sum);
    }
}

/* min(max(g, -limit), limit); a NaN stays one */
INLINE REAL GRU(clipped)(REAL g, REAL limit)
{
    g = g < -limit ? -limit : g;
    return g > limit ? limit : g;
}

static void GRU(clip)(REAL *g, REAL limit, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) g[i] = GRU(clipped)(g[i], limit);
}

static void GRU(adagrad)(REAL *restrict p, REAL *restrict m, const REAL *restrict g,
                         REAL learning_rate, REAL limit, REAL eps, ptrdiff_t rows, ptrdiff_t cols,
                         ptrdiff_t ld)
{
    for (ptrdiff_t r = 0; r < rows; r++, p += ld, m += ld, g += ld) {
        for (ptrdiff_t i = 0; i < cols; i++) {
            REAL g_i = GRU(clipped)(g[i], limit);
            m[i] += g_i * g_i;
            p[i] -= learning_rate * g_i / GRU_SQRT(m[i] + eps);
        }
    }
}
