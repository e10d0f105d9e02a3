/* SPDX-License-Identifier: MIT */
/* Narrow weights: products with weights in bfloat16, and what the products with weights in int8
 * have in common with them (int8.inc.h). Included for float32.
 *
 * Columns are in lines of 16, a cache line of 32-bit lanes: N is whole lines. Lines are in panels
 * of up to GRU_PANEL_LINES lines, as even as possible. A panel has a row for each group of k, and a
 * row a lane for each column: two bfloat16 or four int8 of that column, the lowest k first. So one
 * layout serves vectors of any size, and a product reads it in the order of its addresses. */

/* the vectors of a line, and the most sums that a register block has */
#define F32(name) GRU_JOIN(name, _f32_, GRU_ISA)
#define LINE_VECTORS (GRU_VECTOR_BYTES ? 64 / (GRU_VECTOR_BYTES ? GRU_VECTOR_BYTES : 64) : 16)
#define SUMS (GRU_VECTOR_BYTES == 64 ? 16 : LINE_VECTORS > 8 ? LINE_VECTORS : 8)

/* the first line of panel p, of N columns */
INLINE ptrdiff_t F32(panel_line)(ptrdiff_t N, ptrdiff_t p)
{
    ptrdiff_t lines = N / 16, panels = (lines + GRU_PANEL_LINES - 1) / GRU_PANEL_LINES;
    return lines * p / panels;
}

/* The size of the next part of `left` when a part has at most `most`: as even as possible. */
INLINE ptrdiff_t F32(even_part)(ptrdiff_t left, ptrdiff_t most)
{
    ptrdiff_t parts = (left + most - 1) / most;
    return (left + parts - 1) / parts;
}

/* Register blocks of `rows` rows have at most so many lines. */
INLINE ptrdiff_t F32(most_lines)(ptrdiff_t rows)
{
    ptrdiff_t lines = SUMS / (LINE_VECTORS * rows), most = rows == 1 ? 8 : 4;
    return lines < most ? lines : most;
}

/* One case for each shape of a register block, rows times lines; RUN(rows, lines) is compiled where
 * its sums are not too many. */
#define FOR_SHAPE(r, l, RUN)                                                                       \
    switch (16 * (r) + (l)) {                                                                      \
        SHAPE(1, 1, RUN)                                                                           \
        SHAPE(1, 2, RUN)                                                                           \
        SHAPE(1, 3, RUN)                                                                           \
        SHAPE(1, 4, RUN)                                                                           \
        SHAPE(1, 5, RUN)                                                                           \
        SHAPE(1, 6, RUN)                                                                           \
        SHAPE(1, 7, RUN)                                                                           \
        SHAPE(1, 8, RUN)                                                                           \
        SHAPE(2, 1, RUN)                                                                           \
        SHAPE(2, 2, RUN)                                                                           \
        SHAPE(2, 3, RUN)                                                                           \
        SHAPE(2, 4, RUN)                                                                           \
        SHAPE(3, 1, RUN)                                                                           \
        SHAPE(3, 2, RUN)                                                                           \
        SHAPE(3, 3, RUN)                                                                           \
        SHAPE(3, 4, RUN)                                                                           \
        SHAPE(4, 1, RUN)                                                                           \
        SHAPE(4, 2, RUN)                                                                           \
        SHAPE(4, 3, RUN)                                                                           \
        SHAPE(4, 4, RUN)                                                                           \
    }
#define SHAPE(rows, lines, RUN)                                                                    \
    case 16 * rows + lines:                                                                        \
        if (rows * lines * LINE_VECTORS <= SUMS) RUN(rows, lines);                                 \
        break;

/* Run RUN(rows, lines) for each register block of the columns [n0, n1) of c (M, N): `m` is its
 * first row, `n` its first column, `panel` the address of its first line in the first row of its
 * panel, `width` the lanes of a row of that panel. */
#define FOR_BLOCKS(packed, M, N, n0, n1, groups, RUN)                                              \
    for (ptrdiff_t p = 0, line = 0, after; line < (n1) / 16; p++, line = after) {                  \
        after = F32(panel_line)(N, p + 1);                                                         \
        const ptrdiff_t width = 16 * (after - line), end = F32(min_size)(after, (n1) / 16);        \
        const float *first = (const float *)(packed) + 16 * line * (groups);                       \
        for (ptrdiff_t m = 0, rows; m < (M); m += rows) {                                          \
            rows = F32(even_part)((M) - m, SUMS / LINE_VECTORS < 4 ? SUMS / LINE_VECTORS : 4);     \
            for (ptrdiff_t at = F32(max_size)(line, (n0) / 16), lines; at < end; at += lines) {    \
                lines = F32(even_part)(end - at, F32(most_lines)(rows));                           \
                const ptrdiff_t n = 16 * at;                                                       \
                const float *panel = first + 16 * (at - line);                                     \
                FOR_SHAPE(rows, lines, RUN)                                                        \
            }                                                                                      \
        }                                                                                          \
    }

/* c (mr, lines) = a (mr, K) b: the sums of the float32 product, in the same order. With an odd K
 * the last weight of each column is 0, and so is a[K], in the padding. */
INLINE void GRU(bfloat16_kernel)(const int mr, const int lines, REAL *c, ptrdiff_t ldc,
                                 const REAL *a, ptrdiff_t lda, const REAL *panel, ptrdiff_t width,
                                 ptrdiff_t K)
{
    const int nv = lines * (int)LINE_VECTORS;
    VEC sum[SUMS];
    UNROLL
    for (int i = 0; i < mr * nv; i++) sum[i] = SET1(0);
    for (ptrdiff_t k = 0; k < K; k += 2, panel += width) {
        UNROLL
        for (int j = 0; j < nv; j++) {
            IVEC pair = GRU(bits)(LOAD(panel + j * VL));
            VEC even = GRU(from_bits)(pair << 16);
            UNROLL
            for (int i = 0; i < mr; i++)
                sum[i * nv + j] = FMA(SET1(a[i * lda + k]), even, sum[i * nv + j]);
            VEC odd = GRU(from_bits)(pair & 0xffff0000u);
            UNROLL
            for (int i = 0; i < mr; i++)
                sum[i * nv + j] = FMA(SET1(a[i * lda + k + 1]), odd, sum[i * nv + j]);
        }
    }
    UNROLL
    for (int i = 0; i < mr * nv; i++) STORE(c + i / nv * ldc + i % nv * VL, sum[i]);
}

static void GRU(matmul_bfloat16)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda,
                                 const REAL *packed, ptrdiff_t M, ptrdiff_t N, ptrdiff_t n0,
                                 ptrdiff_t n1, ptrdiff_t K)
{
#define RUN(rows, lines)                                                                           \
    GRU(bfloat16_kernel)(rows, lines, c + m * ldc + n, ldc, a + m * lda, lda, panel, width, K)
    FOR_BLOCKS(packed, M, N, n0, n1, (K + 1) / 2, RUN)
#undef RUN
}

#if GRU_VECTOR_BYTES
typedef uint8_t GRU(bytes) __attribute__((vector_size(GRU_VECTOR_BYTES / 4)));
#endif

/* q (M, ldq) = 127 a, clipped to [-127, 127] (NaN: 127) and rounded to nearest even, plus `offset`
 * in each byte. Rows of a are whole cache lines, and those of q are as long. */
static void GRU(quantise)(uint8_t *q, ptrdiff_t ldq, const REAL *a, ptrdiff_t lda, ptrdiff_t M,
                          uint32_t offset)
{
    /* 1.5 * 2^23: the sum with it has the integer in its low bits */
    const VEC largest = SET1(127), rounding = SET1(12582912);
    for (ptrdiff_t i = 0; i < M; i++) {
        for (ptrdiff_t k = 0; k < ldq; k += VL) {
            VEC scaled = GRU(min)(LOAD(a + i * lda + k) * largest, largest);
            IVEC bits = GRU(bits)(GRU(max)(scaled, -largest) + rounding) + offset;
#if GRU_VECTOR_BYTES
            GRU(bytes) low = __builtin_convertvector(bits, GRU(bytes));
            memcpy(q + i * ldq + k, &low, sizeof low);
#else
            q[i * ldq + k] = (uint8_t)bits;
#endif
        }
    }
}
