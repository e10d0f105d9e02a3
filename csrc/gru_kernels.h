/* SPDX-License-Identifier: MIT */
/* The C kernels: one table of functions per dtype, filled for the instruction set chosen at run
 * time. Every function returns void or a plain number, allocates nothing and cannot fail: sizes and
 * indices are checked by the caller. */
#ifndef GRU_KERNELS_H
#define GRU_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Rows of every matrix are padded with zeros to whole cache lines. */
#define GRU_LINE_BYTES 64
/* Streams from which weights are packed into panels; below, they are read as they are stored. */
#define GRU_PACK_STREAMS 4
/* Rows taken at a time by matmul_t, at most, and bytes of its left factor in them. */
#define GRU_CHUNK_ROWS 256
#define GRU_CHUNK_BYTES (256 << 10)
/* Panels of its right factor that matmul_t packs together. */
#define GRU_PANEL_GROUP 4

/* What a gradient g does to the parameters p, the memory m of its squares and the memory `mean` of
 * itself, all of its shape and row stride; g clipped to [-clip, clip] first.
 *
 * adagrad:  m += g^2,                         p -= learning_rate * g / sqrt(m + eps)
 * rmsprop:  m += square_gain * (g^2 - m),     p -= learning_rate * g / (sqrt(m) + eps)
 * adam:     m likewise, mean += mean_gain * (g - mean),
 *           p = keep * p - learning_rate * mean / (root_scale * sqrt(m) + eps)
 *
 * where Adam's corrections of the means at update t are in learning_rate, divided by 1 - beta1^t,
 * and root_scale = 1 / sqrt(1 - beta2^t). */
typedef enum { GRU_ADAGRAD, GRU_RMSPROP, GRU_ADAM } gru_optimizer;
typedef struct {
    void *p, *m, *mean; /* float or double, as the kernel that takes it; mean for Adam alone */
    gru_optimizer kind;
    double learning_rate, clip, eps;
    double mean_gain, square_gain, root_scale, keep;
    double scale; /* of gradients that are read from an array, before they are clipped */
} gru_update;

/* The finaliser of splitmix64 (Steele, Lea and Flood, 2014): any two numbers get unlike ones. */
static inline uint64_t gru_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* What the random numbers of one update's dropout begin from. */
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

typedef struct {
    const char *isa; /* "generic", "avx2", "avx512" */
    const gru_kernels_f32 *f32;
    const gru_kernels_f64 *f64;
} gru_kernels;

/* One name for both dtypes, chosen by the type of the output. */
#define GRU_CALL(k, name, out, ...)                                                                \
    _Generic((out), float *: (k)->f32->name, double *: (k)->f64->name)(out, __VA_ARGS__)
#define gru_pack(k, out, ...) GRU_CALL(k, pack, out, __VA_ARGS__)
#define gru_matmul_packed(k, out, ...) GRU_CALL(k, matmul_packed, out, __VA_ARGS__)
#define gru_matmul_rows(k, out, ...) GRU_CALL(k, matmul_rows, out, __VA_ARGS__)
#define gru_matmul_rows_t(k, out, ...) GRU_CALL(k, matmul_rows_t, out, __VA_ARGS__)
#define gru_matmul_t(k, out, ...) GRU_CALL(k, matmul_t, out, __VA_ARGS__)
#define gru_gates_forward(k, out, ...) GRU_CALL(k, gates_forward, out, __VA_ARGS__)
#define gru_candidate_forward(k, out, ...) GRU_CALL(k, candidate_forward, out, __VA_ARGS__)
#define gru_candidate_backward(k, out, ...) GRU_CALL(k, candidate_backward, out, __VA_ARGS__)
#define gru_gates_backward(k, out, ...) GRU_CALL(k, gates_backward, out, __VA_ARGS__)
#define gru_softmax_cross_entropy(k, out, ...) GRU_CALL(k, softmax_cross_entropy, out, __VA_ARGS__)
#define gru_cross_entropy_backward(k, out, ...)                                                    \
    GRU_CALL(k, cross_entropy_backward, out, __VA_ARGS__)
#define gru_draw(k, p, ...) GRU_CALL(k, draw, p, __VA_ARGS__)
#define gru_sum_rows(k, out, ...) GRU_CALL(k, sum_rows, out, __VA_ARGS__)
#define gru_dropout(k, out, ...) GRU_CALL(k, dropout, out, __VA_ARGS__)
#define gru_clip(k, out, ...) GRU_CALL(k, clip, out, __VA_ARGS__)
#define gru_apply(k, out, ...) GRU_CALL(k, apply, out, __VA_ARGS__)
#define gru_sum_squares(k, g, n) GRU_CALL(k, sum_squares, g, n)
#define gru_vexp(k, out, ...) GRU_CALL(k, vexp, out, __VA_ARGS__)
#define gru_vsigmoid(k, out, ...) GRU_CALL(k, vsigmoid, out, __VA_ARGS__)
#define gru_vtanh(k, out, ...) GRU_CALL(k, vtanh, out, __VA_ARGS__)
#define gru_vlog(k, out, ...) GRU_CALL(k, vlog, out, __VA_ARGS__)

/* The kernels of one instruction set, or NULL where it is unknown or this machine lacks it; with
 * name == NULL the best one this machine has. */
const gru_kernels *gru_kernels_select(const char *name);
/* Names of the instruction sets this machine can run, worst first; NULL past the last. */
const char *gru_kernels_available(int i);
/* Instruction sets of this platform's processors that the compiler could not build for, or "". */
const char *gru_kernels_not_built(void);
const char *gru_compiler(void);

#endif
