/* SPDX-License-Identifier: MIT */
/* Dropout with counter-based random numbers (Salmon et al., 2011). Each number is a function of
 * seed, update, row and column. So the result is the same for any number of threads, after a resume
 * and on every instruction set, and the backward pass recomputes the numbers instead of storing a
 * mask. */

/* 32 random bits for a column: a Weyl sequence that starts at one half of the row's key, mixed with
 * the other half by the finaliser of MurmurHash3 (Appleby, 2011). */
INLINE uint32_t GRU(random_bits)(uint64_t row_key, uint32_t column)
{
    uint32_t x = (uint32_t)row_key + column * 0x9e3779b9u;
    x = (x ^ (x >> 16)) * 0x85ebca6bu;
    x ^= (uint32_t)(row_key >> 32);
    x = (x ^ (x >> 13)) * 0xc2b2ae35u;
    return x ^ (x >> 16);
}

static void GRU(dropout)(REAL *y, const REAL *x, uint64_t key, ptrdiff_t row, ptrdiff_t column,
                         ptrdiff_t R, ptrdiff_t N, ptrdiff_t ld, double dropout, int accumulate)
{
    const uint32_t first_kept = (uint32_t)(dropout * 4294967296.0), first = (uint32_t)column;
    const REAL gain = (REAL)(1 / (1 - dropout));
    for (ptrdiff_t r = 0; r < R; r++, x += ld, y += ld) {
        const uint64_t row_key = gru_mix(key + (uint64_t)(row + r) * 0x9e3779b97f4a7c15u);
        if (first_kept == 0 && accumulate)
            for (ptrdiff_t i = 0; i < N; i++) y[i] += x[i];
        else if (accumulate)
            for (ptrdiff_t i = 0; i < N; i++)
                y[i] +=
                    GRU(random_bits)(row_key, first + (uint32_t)i) < first_kept ? 0 : x[i] * gain;
        else
            for (ptrdiff_t i = 0; i < N; i++)
                y[i] =
                    GRU(random_bits)(row_key, first + (uint32_t)i) < first_kept ? 0 : x[i] * gain;
    }
}
