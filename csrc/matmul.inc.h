/* SPDX-License-Identifier: MIT */
/* Products a^T d, for the gradients of the weights. Included after product.inc.h, for each kind of
 * operands. */

/* One vector of packed rows: GROUP rows from `in` on, or those before the end. */
INLINE VEC PRODUCT(load_group)(const REAL *in, ptrdiff_t lda, ptrdiff_t rows)
{
#if GROUP == 1
    (void)lda, (void)rows;
    return LOAD(in);
#else
    return GRU(pairs)(LOAD(in), rows > 1 ? LOAD(in + lda) : SET1(0));
#endif
}

/* packed (panels, R in groups, width) = a (R, N), cut into panels of `columns` columns; the last
 * panel may be narrower. N is whole vectors. Eight rows at a time, so that each cache line is
 * fetched once. */
static void PRODUCT(pack_rows)(REAL *packed, const REAL *a, ptrdiff_t lda, ptrdiff_t columns,
                               ptrdiff_t N, ptrdiff_t R)
{
    const ptrdiff_t groups = (R + GROUP - 1) / GROUP;
    for (ptrdiff_t r0 = 0; r0 < R; r0 += 8) {
        ptrdiff_t r1 = GRU(min_size)(r0 + 8, R);
        for (ptrdiff_t n = 0; n < N; n += columns) {
            ptrdiff_t width = GRU(min_size)(N - n, columns);
            for (ptrdiff_t r = r0; r < r1; r += GROUP) {
                const REAL *in = a + r * lda + n, *ahead = in + (r + 8 < R ? 8 * lda : 0);
                REAL *out = packed + n * groups + r / GROUP * width;
                for (ptrdiff_t v = 0; v < width; v += VL) {
                    GRU_PREFETCH(ahead + v);
                    STORE(out + v, PRODUCT(load_group)(in + v, lda, R - r));
                }
            }
        }
    }
}

/* Width of a panel of matmul_t's left factor: whole register blocks. */
#define COLUMNS (4 * GRU_MR)

static void PRODUCT(matmul_t)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda, const REAL *d,
                              ptrdiff_t ldd, ptrdiff_t M, ptrdiff_t N, ptrdiff_t R, int accumulate,
                              const gru_update *update, REAL *scratch)
{
    GRU(epilogue) out = {.c = c, .ld = ldc, .accumulate = accumulate};
    GRU(rule) rule;
    if (update) rule = GRU(broadcast_rule)(update);
    int packing = GROUP > 1 || R > GRU_CHUNK_ROWS / 4;
    ptrdiff_t Mp = (M + VL - 1) / VL * VL;
    REAL *a_packed = scratch, *d_packed = scratch + GRU_CHUNK_ROWS * Mp;
    /* as many rows as keep the left factor in the second-level cache; the same for each width of a
     * vector, since a sum begins anew with each chunk */
    ptrdiff_t chunk = GRU_CHUNK_BYTES / ((M + LINE - 1) / LINE * GRU_LINE_BYTES) / 8 * 8;
    chunk = GROUP * GRU(min_size)(chunk < 64 ? 64 : chunk, GRU_CHUNK_ROWS);
    for (ptrdiff_t r = 0; r < R; r += chunk, out.accumulate = 1) {
        ptrdiff_t rows = GRU(min_size)(R - r, chunk), groups = (rows + GROUP - 1) / GROUP;
        if (update && r + rows == R) out.rule = &rule;
        if (packing) PRODUCT(pack_rows)(a_packed, a + r * lda, lda, COLUMNS, Mp, rows);
        for (ptrdiff_t n = 0; n < N; n += PANEL) {
            ptrdiff_t width = GRU(min_size)(N - n, PANEL);
            const REAL *panel = d + r * ldd + n;
            ptrdiff_t panel_row = ldd;
            if (packing) {
                ptrdiff_t in_group = n % (GRU_PANEL_GROUP * PANEL);
                if (in_group == 0)
                    PRODUCT(pack_rows)(d_packed, panel, ldd, PANEL,
                                       GRU(min_size)(N - n, GRU_PANEL_GROUP * PANEL), rows);
                panel = d_packed + in_group * groups;
                panel_row = width;
            }
            for (ptrdiff_t i0 = 0; i0 < M; i0 += COLUMNS) {
                ptrdiff_t columns = GRU(min_size)(Mp - i0, COLUMNS);
                ptrdiff_t valid = GRU(min_size)(M - i0, COLUMNS);
                const REAL *left = packing ? a_packed + i0 * groups : a + r * lda + i0;
                for (ptrdiff_t i = 0, mr; i < valid; i += mr) {
                    mr = GRU(block_rows)(valid - i);
                    PRODUCT(block)(mr, width / VL, &out, (i0 + i) * ldc + n, left + i, 1,
                                   packing ? columns : lda, panel, panel_row, groups);
                }
            }
        }
    }
}
#undef COLUMNS
