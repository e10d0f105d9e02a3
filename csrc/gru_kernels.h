/* SPDX-License-Identifier: MIT */
/* The C kernels: one table of functions per dtype and instruction set; dispatch.c chooses the
 * instruction set at run time. No function allocates memory or can fail: the caller checks sizes
 * and indices. */
#ifndef GRU_KERNELS_H
#define GRU_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Rows of every matrix are padded with zeros to whole cache lines. */
#define GRU_LINE_BYTES 64
/* The batch size from which weights are packed into panels; below it they are read unpacked. */
#define GRU_PACK_STREAMS 4
/* The most rows in a chunk of matmul_t, and the most bytes of its left factor in a chunk. */
#define GRU_CHUNK_ROWS 256
#define GRU_CHUNK_BYTES (256 << 10)
/* The number of panels of its right factor that matmul_t packs at a time. */
#define GRU_PANEL_GROUP 4

/* Packed matrices of more bytes may not stay in the second-level cache: a product with few rows
 * prefetches them. */
#define GRU_AHEAD_BYTES (512 << 10)

/* Narrow weights (narrow.inc.h): the most lines of 16 columns in a panel, and the most rows whose
 * int8 values a product has in its scratch memory. */
#define GRU_PANEL_LINES 8
#define GRU_INT8_ROWS 64

/* Products of operands rounded to bfloat16 (bfloat16.inc.h): the most rows that are in their
 * scratch memory. */
#define GRU_PAIR_ROWS 72

/* The optimisers' updates of the parameters p with the gradient g, clipped to [-clip, clip]. The
 * optimiser state is m, the sum or moving average of g^2 (second moment), and mean, the moving
 * average of g (first moment). All have the same shape and row stride.
 *
 * adagrad:  m += g^2,                         p -= learning_rate * g / sqrt(m + eps)
 * rmsprop:  m += square_gain * (g^2 - m),     p -= learning_rate * g / (sqrt(m) + eps)
 * adam:     m likewise, mean += mean_gain * (g - mean),
 *           p = keep * p - learning_rate * mean / (root_scale * sqrt(m) + eps)
 *
 * Adam's bias corrections at update t are in learning_rate, divided by 1 - beta1^t, and in
 * root_scale = 1 / sqrt(1 - beta2^t). */
typedef enum { GRU_ADAGRAD, GRU_RMSPROP, GRU_ADAM } gru_optimizer;
typedef struct {
    void *p, *m, *mean; /* float or double, as the kernel's dtype; only Adam has mean */
    gru_optimizer kind;
    double learning_rate, clip, eps;
    double mean_gain, square_gain, root_scale, keep;
    double scale; /* apply() multiplies g by it before clipping */
} gru_update;

/* The finaliser of splitmix64 (Steele, Lea and Flood, 2014), a bijective 64-bit hash. */
static inline uint64_t gru_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* The key of the random numbers of one update's dropout. */
static inline uint64_t gru_dropout_key(uint64_t seed, uint64_t update)
{
    return gru_mix(gru_mix(seed + 1) + update);
}

#define REAL float
#define GRU_TABLE gru_kernels_f32
#include "kernel_table.inc.h"
#undef REAL
#undef GRU_TABLE
#define REAL double
#define GRU_TABLE gru_kernels_f64
#include "kernel_table.inc.h"
#undef REAL
#undef GRU_TABLE

/* The products of training with operands rounded to bfloat16, as those of kernel_table.inc.h, but
 * packed (N/panel, (K + 1) / 2, panel) has two of k in an element. Rows of a are whole cache lines
 * with zeros from K on. matmul_packed's scratch has GRU_PAIR_ROWS rows of K / 2 elements in whole
 * half lines. */
typedef struct {
    const char *name; /* how pairs are multiplied: "vdpbf16ps", "fused multiply-adds" */
    void (*pack)(float *packed, const float *b, ptrdiff_t stride_k, ptrdiff_t stride_n, ptrdiff_t K,
                 ptrdiff_t n_valid, ptrdiff_t N, ptrdiff_t panel_begin, ptrdiff_t panel_end);
    void (*matmul_packed)(float *c, ptrdiff_t ldc, const float *a, ptrdiff_t lda,
                          const float *packed, ptrdiff_t M, ptrdiff_t N, ptrdiff_t K,
                          int accumulate, float *scratch);
    void (*matmul_t)(float *c, ptrdiff_t ldc, const float *a, ptrdiff_t lda, const float *d,
                     ptrdiff_t ldd, ptrdiff_t M, ptrdiff_t N, ptrdiff_t R, int accumulate,
                     const gru_update *update, float *scratch);
} gru_bfloat16_products;

typedef struct {
    const char *isa; /* "generic", "avx2", "avx512" */
    const gru_kernels_f32 *f32;
    const gru_kernels_f64 *f64;
    const char *int8; /* how matmul_int8 multiplies: "plain", "vnni" */

    /* The columns [n0, n1) of c (M, N) = a (M, K) b, b packed in bfloat16. Here and below rows of a
     * are whole cache lines with zeros from K on; N, n0 and n1 are whole lines of 16; and layouts
     * are those of narrow.inc.h. */
    void (*matmul_bfloat16)(float *c, ptrdiff_t ldc, const float *a, ptrdiff_t lda,
                            const float *packed, ptrdiff_t M, ptrdiff_t N, ptrdiff_t n0,
                            ptrdiff_t n1, ptrdiff_t K);
    /* The same columns of c (M, N) = scale * (q b), with q = 127 a rounded to int8, b in int8.
     * packed: scale (N); -128 * sum_k b (N), int32; b. scratch: GRU_INT8_ROWS rows of K bytes in
     * whole lines of 16. */
    void (*matmul_int8)(float *c, ptrdiff_t ldc, const float *a, ptrdiff_t lda, const float *packed,
                        ptrdiff_t M, ptrdiff_t N, ptrdiff_t n0, ptrdiff_t n1, ptrdiff_t K,
                        uint8_t *scratch);
    const gru_bfloat16_products *bfloat16; /* without the instruction for pairs */
} gru_kernels;

/* One name for both dtypes: the type of the output selects the table. */
#define GRU_CALL(k, name, out, ...)                                                                \
    _Generic((out), float *: (k)->f32->name, double *: (k)->f64->name)(out, __VA_ARGS__)
#define gru_pack(k, out, ...) GRU_CALL(k, pack, out, __VA_ARGS__)
#define gru_matmul_packed(k, out, ...) GRU_CALL(k, matmul_packed, out, __VA_ARGS__)
#define gru_matmul_rows(k, out, ...) GRU_CALL(k, matmul_rows, out, __VA_ARGS__)
#define gru_matmul_t(k, out, ...) GRU_CALL(k, matmul_t, out, __VA_ARGS__)
#define gru_gates_forward(k, out, ...) GRU_CALL(k, gates_forward, out, __VA_ARGS__)
#define gru_candidate_forward(k, out, ...) GRU_CALL(k, candidate_forward, out, __VA_ARGS__)
#define gru_candidate_backward(k, out, ...) GRU_CALL(k, candidate_backward, out, __VA_ARGS__)
#define gru_gates_backward(k, out, ...) GRU_CALL(k, gates_backward, out, __VA_ARGS__)
#define gru_softmax_cross_entropy(k, out, ...) GRU_CALL(k, softmax_cross_entropy, out, __VA_ARGS__)
#define gru_cross_entropy_backward(k, out, ...)                                                    \
    GRU_CALL(k, cross_entropy_backward, out, __VA_ARGS__)
#define gru_sample(k, p, ...) GRU_CALL(k, sample, p, __VA_ARGS__)
#define gru_sum_rows(k, out, ...) GRU_CALL(k, sum_rows, out, __VA_ARGS__)
#define gru_dropout(k, out, ...) GRU_CALL(k, dropout, out, __VA_ARGS__)
#define gru_clip(k, out, ...) GRU_CALL(k, clip, out, __VA_ARGS__)
#define gru_apply(k, out, ...) GRU_CALL(k, apply, out, __VA_ARGS__)
#define gru_sum_squares(k, g, n) GRU_CALL(k, sum_squares, g, n)
#define gru_vexp(k, out, ...) GRU_CALL(k, vexp, out, __VA_ARGS__)
#define gru_vsigmoid(k, out, ...) GRU_CALL(k, vsigmoid, out, __VA_ARGS__)
#define gru_vtanh(k, out, ...) GRU_CALL(k, vtanh, out, __VA_ARGS__)
#define gru_vlog(k, out, ...) GRU_CALL(k, vlog, out, __VA_ARGS__)

/* The kernels of one instruction set, or NULL if it is unknown or not available on this machine;
 * for name == NULL those of the best available one. They have VNNI where there is; not with
 * "-plain" after the name. */
const gru_kernels *gru_kernels_select(const char *name);
/* The same products with the instruction for pairs of bfloat16, with the same bits; NULL if the
 * kernels are of an instruction set or a machine that has none. */
const gru_bfloat16_products *gru_bfloat16_instruction(const gru_kernels *k);
/* The name of the i-th available instruction set, slowest first; NULL past the last. */
const char *gru_kernels_available(int i);
/* Instruction sets of this platform for which the compiler could not build kernels, or "". */
const char *gru_kernels_not_built(void);
/* Name and version of the compiler. */
const char *gru_compiler(void);

#endif
