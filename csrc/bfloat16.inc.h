/* SPDX-License-Identifier: MIT */
/* Products of operands rounded to bfloat16, with sums in float32, for training. Included for
 * float32.
 *
 * An element of packed operands is a pair of bfloat16 in 32 bits: two neighbours along the sum, the
 * first in the low half. A sum takes them as the instruction vdpbf16ps does: the high half first,
 * each with a fused multiply-add in float32, subnormal numbers as zero (the threads that train
 * flush them). So GRU_DOT_PAIRS(a, b, sum), that instruction, and the two fused multiply-adds that
 * stand for it elsewhere give the same bits. */

#define PRODUCT(name) GRU_JOIN(name##_pairs, _, GRU_ISA)
#define GROUP 2
#define BROADCAST GRU(set1_bits)
#ifdef GRU_DOT_PAIRS
#define PARTS 1
#define PART(part, a) ((void)(part), (a))
#define MULTIPLY_ADD(a, b, c) ((VEC)GRU_DOT_PAIRS(a, b, c))
#else
#define PARTS 2
#define PART GRU(half)
#define MULTIPLY_ADD FMA
#endif

/* a vector of pairs x; no arithmetic on x, which is not a number */
INLINE VEC GRU(set1_bits)(REAL x)
{
    UINT pair;
    memcpy(&pair, &x, sizeof pair);
#if GRU_VECTOR_BYTES
    return (VEC)(pair - (IVEC){0});
#else
    return GRU(from_bits)(pair);
#endif
}

/* one half of each pair, the high one first, as float32 */
INLINE VEC GRU(half)(const int part, VEC pair)
{
    IVEC bits = GRU(bits)(pair);
    return GRU(from_bits)(part == 0 ? bits & 0xffff0000u : bits << 16);
}

/* float32 rounded to nearest even, in the high half; the low half is arbitrary. NaN stays NaN: the
 * kernels make none with other bits than the highest ones of the mantissa. */
INLINE IVEC GRU(rounded)(VEC v)
{
    IVEC bits = GRU(bits)(v);
    return bits + 0x7fffu + ((bits >> 16) & 1u);
}

INLINE VEC GRU(pairs)(VEC low, VEC high)
{
    return GRU(from_bits)((GRU(rounded)(low) >> 16) | (GRU(rounded)(high) & 0xffff0000u));
}

#include "product.inc.h"

#include "matmul.inc.h"

#if GRU_VECTOR_BYTES
typedef uint16_t GRU(halves) __attribute__((vector_size(GRU_VECTOR_BYTES / 2)));
#endif

/* The rows of a (M, K), whole cache lines, as pairs along k. */
static void GRU(round_rows)(REAL *pairs, ptrdiff_t ld, const REAL *a, ptrdiff_t lda, ptrdiff_t M)
{
    for (ptrdiff_t i = 0; i < M; i++) {
        uint16_t *out = (uint16_t *)(pairs + i * ld);
        for (ptrdiff_t k = 0; k < 2 * ld; k += VL) {
            IVEC high = GRU(rounded)(LOAD(a + i * lda + k)) >> 16;
#if GRU_VECTOR_BYTES
            GRU(halves) bits = __builtin_convertvector(high, GRU(halves));
            memcpy(out + k, &bits, sizeof bits);
#else
            uint16_t bits = (uint16_t)high;
            memcpy(out + k, &bits, sizeof bits);
#endif
        }
    }
}

/* One panel of pack_pairs, of the columns of b (width, K), K whole cache lines: rounded, then
 * transposed in pairs. */
INLINE void GRU(pack_pairs_of_rows)(REAL *out, const REAL *b, ptrdiff_t ldb, ptrdiff_t K,
                                    ptrdiff_t n_valid, ptrdiff_t width)
{
    enum { PAIRS = 16 };
    REAL pairs[PANEL * PAIRS];
    const ptrdiff_t valid = GRU(max_size)(GRU(min_size)(n_valid, width), 0);
    for (ptrdiff_t k = 0, n; k < K; k += 2 * n, out += n * width) {
        n = GRU(min_size)((K - k) / 2, PAIRS);
        GRU(round_rows)(pairs, n, b + k, ldb, valid);
        GRU(pack)(out, pairs, 1, n, n, valid, width, 0, 1);
    }
}

/* packed as by pack(), of pairs along k; with an odd K the last one has a zero */
static void GRU(pack_pairs)(REAL *packed, const REAL *b, ptrdiff_t stride_k, ptrdiff_t stride_n,
                            ptrdiff_t K, ptrdiff_t n_valid, ptrdiff_t N, ptrdiff_t panel_begin,
                            ptrdiff_t panel_end)
{
    enum { ROWS = 16 };
    REAL row[ROWS * PANEL];
    for (ptrdiff_t p = panel_begin; p < panel_end; p++) {
        const ptrdiff_t n = p * PANEL, width = GRU(min_size)(N - n, PANEL);
        const int copies = stride_n > 1 || n_valid < n + width;
        REAL *out = packed + n * ((K + 1) / 2);
        if (stride_k == 1 && K % LINE == 0) {
            GRU(pack_pairs_of_rows)(out, b + n * stride_n, stride_n, K, n_valid - n, width);
            continue;
        }
        for (ptrdiff_t k = 0; k < K; k += ROWS) {
            const ptrdiff_t rows = GRU(min_size)(K - k, ROWS);
            const REAL *in = b + k * stride_k + n * stride_n;
            if (copies) GRU(pack)(row, in, stride_k, stride_n, rows, n_valid - n, width, 0, 1);
            const ptrdiff_t ld = copies ? width : stride_k;
            if (copies) in = row;
            for (ptrdiff_t r = 0; r < rows; r += 2, out += width)
                for (ptrdiff_t v = 0; v < width; v += VL)
                    STORE(out + v, PRODUCT(load_group)(in + r * ld + v, ld, rows - r));
        }
    }
}

static void GRU(matmul_pairs)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda,
                              const REAL *packed, ptrdiff_t M, ptrdiff_t N, ptrdiff_t K,
                              int accumulate, REAL *scratch)
{
    const ptrdiff_t ld = (K + LINE - 1) / LINE * LINE / 2;
    for (ptrdiff_t m = 0; m < M; m += GRU_PAIR_ROWS) {
        const ptrdiff_t rows = GRU(min_size)(M - m, GRU_PAIR_ROWS);
        GRU(round_rows)(scratch, ld, a + m * lda, lda, rows);
        PRODUCT(matmul_packed)(c + m * ldc, ldc, scratch, ld, packed, rows, N, (K + 1) / 2,
                               accumulate);
    }
}

#ifndef GRU_DOT_PAIRS
static
#endif
    const gru_bfloat16_products GRU(gru_bfloat16) = {
        .name = GRU_DOT_NAME,
        .pack = GRU(pack_pairs),
        .matmul_packed = GRU(matmul_pairs),
        .matmul_t = PRODUCT(matmul_t),
};

#undef PRODUCT
#undef GROUP
#undef BROADCAST
#undef PARTS
#undef PART
#undef MULTIPLY_ADD
