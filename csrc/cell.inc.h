/* SPDX-License-Identifier: MIT */
/* The element-wise parts of the cell, forward and backward (shapes: kernel_table.inc.h), for n
 * units from the one that the pointers point at. n is whole cache lines, so there is no remainder
 * loop. In the padding h and all gradients are 0. */

/* W x of one stream, a row of w (., 3, Hp): that of its symbol or, if x is NULL, of the stream */
INLINE const REAL *GRU(input_row)(const REAL *w, const int32_t *x, ptrdiff_t stream, ptrdiff_t Hp)
{
    return w + (x ? (ptrdiff_t)x[stream] : stream) * 3 * Hp;
}

static void GRU(gates_forward)(REAL *gates, REAL *rh, const REAL *h_prev, const int32_t *x,
                               const REAL *w, const REAL *b, ptrdiff_t B, ptrdiff_t n, ptrdiff_t Hp)
{
    for (ptrdiff_t s = 0; s < B; s++, gates += 3 * Hp, rh += Hp, h_prev += Hp) {
        const REAL *wx = GRU(input_row)(w, x, s, Hp);
        REAL *z = gates, *r = gates + Hp;
        for (ptrdiff_t i = 0; i < n; i += VL) {
            VEC z_in = LOAD(z + i) + (LOAD(wx + i) + LOAD(b + i));
            VEC r_in = LOAD(r + i) + (LOAD(wx + Hp + i) + LOAD(b + Hp + i));
            VEC r_i = GRU(sigmoid)(r_in);
            STORE(z + i, GRU(sigmoid)(z_in));
            STORE(r + i, r_i);
            STORE(rh + i, r_i * LOAD(h_prev + i));
        }
    }
}

static void GRU(candidate_forward)(REAL *gates, REAL *h, const REAL *h_prev, const int32_t *x,
                                   const REAL *w, const REAL *b, ptrdiff_t B, ptrdiff_t n,
                                   ptrdiff_t Hp)
{
    for (ptrdiff_t s = 0; s < B; s++, gates += 3 * Hp, h += Hp, h_prev += Hp) {
        const REAL *wx = GRU(input_row)(w, x, s, Hp);
        REAL *z = gates, *h_hat = gates + 2 * Hp;
        for (ptrdiff_t i = 0; i < n; i += VL) {
            VEC in = LOAD(h_hat + i) + (LOAD(wx + 2 * Hp + i) + LOAD(b + 2 * Hp + i));
            VEC h_hat_i = GRU(tanh)(in);
            STORE(h_hat + i, h_hat_i);
            STORE(h + i, FMA(LOAD(z + i), LOAD(h_prev + i) - h_hat_i, h_hat_i));
        }
    }
}

static void GRU(candidate_backward)(REAL *gates, REAL *dh, const REAL *h_prev, ptrdiff_t B,
                                    ptrdiff_t n, ptrdiff_t Hp)
{
    const VEC one = SET1(1);
    for (ptrdiff_t s = 0; s < B; s++, gates += 3 * Hp, dh += Hp, h_prev += Hp) {
        REAL *z = gates, *h_hat = gates + 2 * Hp;
        for (ptrdiff_t i = 0; i < n; i += VL) {
            VEC dh_i = LOAD(dh + i), z_i = LOAD(z + i), h_hat_i = LOAD(h_hat + i);
            VEC dh_hat = dh_i * (one - z_i);
            VEC dz = dh_i * (LOAD(h_prev + i) - h_hat_i);
            STORE(h_hat + i, dh_hat * FMA(-h_hat_i, h_hat_i, one));
            STORE(z + i, dz * (z_i * (one - z_i)));
            STORE(dh + i, dh_i * z_i);
        }
    }
}

static void GRU(gates_backward)(REAL *gates, REAL *dh, const REAL *drh, const REAL *h_prev,
                                ptrdiff_t B, ptrdiff_t n, ptrdiff_t Hp)
{
    const VEC one = SET1(1);
    for (ptrdiff_t s = 0; s < B; s++, gates += 3 * Hp, dh += Hp, drh += Hp, h_prev += Hp) {
        REAL *r = gates + Hp;
        for (ptrdiff_t i = 0; i < n; i += VL) {
            VEC r_i = LOAD(r + i), drh_i = LOAD(drh + i);
            STORE(dh + i, FMA(drh_i, r_i, LOAD(dh + i)));
            STORE(r + i, drh_i * LOAD(h_prev + i) * (r_i * (one - r_i)));
        }
    }
}
