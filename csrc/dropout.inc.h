/* SPDX-License-Identifier: MIT */
/* Dropout by counter-based random numbers (Salmon et al., 2011): each is a function of its place,
 * so that neither threads nor a resume nor the instruction set change it, and the backward pass
 * makes the same ones again. */

/* 32 random bits of a column: a Weyl sequence that begins at one half of the row's key, mixed with
 * the other half by MurmurHash3's finaliser (Appleby, 2011). */
INLINE uint32_t GRU(random_bits)(uint64_t row_key, uint32_t column)
{
    uint32_t x = (uint32_t)row_key + column * 0x9e3779b9u;
    x = (x ^ (x >> 16)) * 0x85ebca6bu;
    x ^= (uint32_t)(row_key >> 32);
    x = (x ^ (x >> 13)) * 0xc2b2ae35u;
    return x ^ (x >> 16);
}

static void GRU(dropout)(REAL *y, const REAL *x, uint64_t key, ptrdiff_t row, ptrdiff_t R,
                         ptrdiff_t N, double dropout, int accumulate)
{
    const uint32_t first_kept = (uint32_t)(dropout * 4294967296.0);
    const REAL gain = (REAL)(1 / (1 - dropout));
    for (ptrdiff_t r = 0; r < R; r++, x += N, y += N) {
        const uint64_t row_key = gru_mix(key + (uint64_t)(row + r) * 0x9e3779b97f4a7c15u);
        if (first_kept == 0 && accumulate)
            for (ptrdiff_t i = 0; i < N; i++) y[i] += x[i];
        else if (accumulate)
            for (ptrdiff_t i = 0; i < N; i++)
                y[i] += GRU(random_bits)(row_key, (uint32_t)i) < first_kept ? 0 : x[i] * gain;
        else
            for (ptrdiff_t i = 0; i < N; i++)
                y[i] = GRU(random_bits)(row_key, (uint32_t)i) < first_kept ? 0 : x[i] * gain;
    }
}
