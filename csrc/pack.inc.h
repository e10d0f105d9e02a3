/* SPDX-License-Identifier: MIT */
/* Packing: copies of matrices in the order in which the products read them. */

#if GRU_VECTOR_BYTES
#define TILE (16 / REAL_BYTES)
/* out (TILE, ld_out) = in (TILE, ld_in)^T */
INLINE void GRU(transpose_tile)(REAL *out, ptrdiff_t ld_out, const REAL *in, ptrdiff_t ld_in)
{
    GRU(vec16) row[TILE], column[TILE];
    UNROLL
    for (int i = 0; i < TILE; i++) row[i] = *(const GRU(vec16_unaligned) *)(in + i * ld_in);
#if REAL_BYTES == 4
    GRU(vec16) low01 = SHUFFLE(row[0], row[1], 0, 4, 1, 5);
    GRU(vec16) low23 = SHUFFLE(row[2], row[3], 0, 4, 1, 5);
    GRU(vec16) high01 = SHUFFLE(row[0], row[1], 2, 6, 3, 7);
    GRU(vec16) high23 = SHUFFLE(row[2], row[3], 2, 6, 3, 7);
    column[0] = SHUFFLE(low01, low23, 0, 1, 4, 5);
    column[1] = SHUFFLE(low01, low23, 2, 3, 6, 7);
    column[2] = SHUFFLE(high01, high23, 0, 1, 4, 5);
    column[3] = SHUFFLE(high01, high23, 2, 3, 6, 7);
#else
    column[0] = SHUFFLE(row[0], row[1], 0, 2);
    column[1] = SHUFFLE(row[0], row[1], 1, 3);
#endif
    UNROLL
    for (int i = 0; i < TILE; i++) *(GRU(vec16_unaligned) *)(out + i * ld_out) = column[i];
}
#else
#define TILE 1
INLINE void GRU(transpose_tile)(REAL *out, ptrdiff_t ld_out, const REAL *in, ptrdiff_t ld_in)
{
    (void)ld_out, (void)ld_in;
    *out = *in;
}
#endif

static void GRU(pack)(REAL *packed, const REAL *b, ptrdiff_t stride_k, ptrdiff_t stride_n,
                      ptrdiff_t K, ptrdiff_t n_valid, ptrdiff_t N, ptrdiff_t panel_begin,
                      ptrdiff_t panel_end)
{
    for (ptrdiff_t p = panel_begin; p < panel_end; p++) {
        ptrdiff_t n0 = p * PANEL;
        ptrdiff_t width = GRU(min_size)(N - n0, PANEL);
        ptrdiff_t valid = GRU(min_size)(n_valid - n0, width);
        if (valid < 0) valid = 0;
        REAL *out = packed + n0 * K;
        const REAL *in = b + n0 * stride_n;
        /* a transposed b: whole tiles first */
        ptrdiff_t k_tiled = stride_k == 1 ? K / TILE * TILE : 0, n_tiled = valid / TILE * TILE;
        for (ptrdiff_t k = 0; k < k_tiled; k += TILE)
            for (ptrdiff_t n = 0; n < n_tiled; n += TILE)
                GRU(transpose_tile)(out + k * width + n, width, in + n * stride_n + k, stride_n);
        for (ptrdiff_t k = 0; k < K; k++, out += width, in += stride_k) {
            ptrdiff_t n = k < k_tiled ? n_tiled : 0;
            for (; stride_n == 1 && n + VL <= valid; n += VL) STORE(out + n, LOAD(in + n));
            for (; n < valid; n++) out[n] = in[n * stride_n];
            for (; n < width; n++) out[n] = 0;
        }
    }
}
#undef TILE
