/* SPDX-License-Identifier: MIT */
/* Matrix products with many rows: a b with b packed, for the forward and backward steps, and a^T d,
 * for the weight gradients. */

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

static void GRU(matmul_packed)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda,
                               const REAL *packed, ptrdiff_t M, ptrdiff_t N, ptrdiff_t K,
                               int accumulate)
{
    if (M < GRU_PACK_STREAMS) {
        GRU(matmul_packed_rows)(c, ldc, a, lda, packed, M, N, K, accumulate);
        return;
    }
    const GRU(epilogue) out = {.c = c, .ld = ldc, .accumulate = accumulate};
    for (ptrdiff_t n = 0; n < N; n += PANEL) {
        ptrdiff_t width = GRU(min_size)(N - n, PANEL);
        for (ptrdiff_t i = 0, mr; i < M; i += mr) {
            mr = GRU(block_rows)(M - i);
            GRU(block)(mr, width / VL, &out, i * ldc + n, a + i * lda, lda, 1, packed + n * K,
                       width, K);
        }
    }
}

/* Width of a panel of matmul_t's left factor: whole register blocks. */
#define COLUMNS (4 * GRU_MR)

/* packed (panels, R, width) = a (R, N), cut into panels of `columns` columns; the last panel may be
 * narrower. N is whole vectors. Eight rows at a time, so that each cache line is fetched once. */
static void GRU(pack_rows)(REAL *packed, const REAL *a, ptrdiff_t lda, ptrdiff_t columns,
                           ptrdiff_t N, ptrdiff_t R)
{
    for (ptrdiff_t r0 = 0; r0 < R; r0 += 8) {
        ptrdiff_t r1 = GRU(min_size)(r0 + 8, R);
        for (ptrdiff_t n = 0; n < N; n += columns) {
            ptrdiff_t width = GRU(min_size)(N - n, columns);
            for (ptrdiff_t r = r0; r < r1; r++) {
                const REAL *in = a + r * lda + n, *ahead = in + (r + 8 < R ? 8 * lda : 0);
                for (ptrdiff_t v = 0; v < width; v += VL) {
                    GRU_PREFETCH(ahead + v);
                    STORE(packed + n * R + r * width + v, LOAD(in + v));
                }
            }
        }
    }
}

static void GRU(matmul_t)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda, const REAL *d,
                          ptrdiff_t ldd, ptrdiff_t M, ptrdiff_t N, ptrdiff_t R, int accumulate,
                          const gru_update *update, REAL *scratch)
{
    GRU(epilogue) out = {.c = c, .ld = ldc, .accumulate = accumulate};
    GRU(rule) rule;
    if (update) rule = GRU(broadcast_rule)(update);
    int packing = R > GRU_CHUNK_ROWS / 4;
    ptrdiff_t Mp = (M + VL - 1) / VL * VL;
    REAL *a_packed = scratch, *d_packed = scratch + GRU_CHUNK_ROWS * Mp;
    /* as many rows as keep the left factor in the second-level cache; the same for each width of a
     * vector, since a sum begins anew with each chunk */
    ptrdiff_t chunk = GRU_CHUNK_BYTES / ((M + LINE - 1) / LINE * GRU_LINE_BYTES) / 8 * 8;
    chunk = GRU(min_size)(chunk < 64 ? 64 : chunk, GRU_CHUNK_ROWS);
    for (ptrdiff_t r = 0; r < R; r += chunk, out.accumulate = 1) {
        ptrdiff_t rows = GRU(min_size)(R - r, chunk);
        if (update && r + rows == R) out.rule = &rule;
        if (packing) GRU(pack_rows)(a_packed, a + r * lda, lda, COLUMNS, Mp, rows);
        for (ptrdiff_t n = 0; n < N; n += PANEL) {
            ptrdiff_t width = GRU(min_size)(N - n, PANEL);
            const REAL *panel = d + r * ldd + n;
            ptrdiff_t panel_row = ldd;
            if (packing) {
                ptrdiff_t group = n % (GRU_PANEL_GROUP * PANEL);
                if (group == 0)
                    GRU(pack_rows)(d_packed, panel, ldd, PANEL,
                                   GRU(min_size)(N - n, GRU_PANEL_GROUP * PANEL), rows);
                panel = d_packed + group * rows;
                panel_row = width;
            }
            for (ptrdiff_t i0 = 0; i0 < M; i0 += COLUMNS) {
                ptrdiff_t columns = GRU(min_size)(Mp - i0, COLUMNS);
                ptrdiff_t valid = GRU(min_size)(M - i0, COLUMNS);
                const REAL *left = packing ? a_packed + i0 * rows : a + r * lda + i0;
                for (ptrdiff_t i = 0, mr; i < valid; i += mr) {
                    mr = GRU(block_rows)(valid - i);
                    GRU(block)(mr, width / VL, &out, (i0 + i) * ldc + n, left + i, 1,
                               packing ? columns : lda, panel, panel_row, rows);
                }
            }
        }
    }
}
#undef COLUMNS
