/* SPDX-License-Identifier: MIT */
/* Products with weights in int8 (layout: narrow.inc.h). The including file may define one of these,
 * with a name for it in GRU_INT8. Each adds to every lane of `sum` the products of its four bytes
 * of w, from -127 to 127, with those of a:
 *
 *   GRU_DOT_SIGNED(sum, a, w)    a from -127 to 127
 *   GRU_DOT_UNSIGNED(sum, a, w)  a from 1 to 255, larger by 128
 *
 * Without either the bytes are widened. All sums are exact in int32, so that all give the same. */
#define INT8(name) GRU_JOIN(GRU_JOIN(name, _, GRU_INT8), _, GRU_ISA)
#ifdef GRU_DOT_UNSIGNED
#define OFFSET 128
#else
#define OFFSET 0
#endif

INLINE F32(ivec) INT8(dot)(F32(ivec) sum, F32(ivec) a, F32(ivec) w)
{
#if defined(GRU_DOT_UNSIGNED)
    return GRU_DOT_UNSIGNED(sum, a, w);
#elif defined(GRU_DOT_SIGNED)
    return GRU_DOT_SIGNED(sum, a, w);
#else
    UNROLL
    for (int up = 0; up < 32; up += 8)
        sum += F32(shift_right_signed)(a << up, 24) * F32(shift_right_signed)(w << up, 24);
    return sum;
#endif
}

/* c (mr, lines) = scale * (q (mr, 4 groups) b - OFFSET * sum_k b); scale and offsets by column */
INLINE void INT8(kernel)(const int mr, const int lines, float *c, ptrdiff_t ldc, const uint8_t *q,
                         ptrdiff_t ldq, const float *panel, ptrdiff_t width, ptrdiff_t groups,
                         const float *scale, const float *offsets)
{
    enum { LANES = GRU_VECTOR_BYTES ? GRU_VECTOR_BYTES / 4 : 1 };
    const int nv = lines * LINE_VECTORS;
    F32(ivec) sum[SUMS];
    UNROLL
    for (int i = 0; i < mr * nv; i++) {
        sum[i] = F32(bits)(F32(load)(offsets + i % nv * LANES));
        if (!OFFSET) sum[i] ^= sum[i];
    }
    for (ptrdiff_t g = 0; g < groups; g++, q += 4, panel += width) {
        UNROLL
        for (int i = 0; i < mr; i++) {
            uint32_t four;
            memcpy(&four, q + i * ldq, sizeof four);
            UNROLL
            for (int j = 0; j < nv; j++) {
                const F32(ivec) w = F32(bits)(F32(load)(panel + j * LANES));
                sum[i * nv + j] = INT8(dot)(sum[i * nv + j], four + (w ^ w), w);
            }
        }
    }
    UNROLL
    for (int i = 0; i < mr * nv; i++) {
        const int column = i % nv * LANES;
        F32(store)(c + i / nv * ldc + column, F32(to_real)(sum[i]) * F32(load)(scale + column));
    }
}

static void INT8(matmul)(float *c, ptrdiff_t ldc, const float *a, ptrdiff_t lda,
                         const float *packed, ptrdiff_t M, ptrdiff_t N, ptrdiff_t n0, ptrdiff_t n1,
                         ptrdiff_t K, uint8_t *scratch)
{
    const ptrdiff_t groups = (K + 3) / 4, ldq = (K + 15) / 16 * 16;
    const float *scale = packed, *offsets = packed + N;
    for (ptrdiff_t m0 = 0; m0 < M; m0 += GRU_INT8_ROWS) {
        const ptrdiff_t chunk = F32(min_size)(M - m0, GRU_INT8_ROWS);
        F32(quantise)(scratch, ldq, a + m0 * lda, lda, chunk, OFFSET);
#define RUN(rows, lines)                                                                           \
    INT8(kernel)(rows, lines, c + (m0 + m) * ldc + n, ldc, scratch + m * ldq, ldq, panel, width,   \
                 groups, scale + n, offsets + n)
        FOR_BLOCKS(packed + 2 * N, chunk, N, n0, n1, groups, RUN)
#undef RUN
    }
}

/* all kernels of the instruction set, with this product */
const gru_kernels INT8(gru_kernels) = {
    .isa = GRU_TEXT(GRU_ISA),
    .f32 = &F32(table),
    .f64 = &GRU_JOIN(table, _f64_, GRU_ISA),
    .int8 = GRU_TEXT(GRU_INT8),
    .matmul_bfloat16 = F32(matmul_bfloat16),
    .matmul_int8 = INT8(matmul),
    .bfloat16 = &F32(gru_bfloat16),
};

#undef INT8
#undef OFFSET
#undef GRU_INT8
#undef GRU_DOT_SIGNED
#undef GRU_DOT_UNSIGNED
