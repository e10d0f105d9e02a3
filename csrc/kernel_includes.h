/* SPDX-License-Identifier: MIT */
/* Headers and macros that kernels.inc.h needs. Included before target_begin.h, so that functions of
 * system headers are not compiled for another instruction set. */
#ifndef GRU_KERNEL_INCLUDES_H
#define GRU_KERNEL_INCLUDES_H

#include <string.h>

#include "isa.h"

#define GRU_JOIN_(a, b, c) a##b##c
#define GRU_JOIN(a, b, c) GRU_JOIN_(a, b, c)

#ifdef GRU_GNU_C
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
#define GRU_PREFETCH(p) __builtin_prefetch(p, 1)
#define GRU_PREFETCH_READ(p) __builtin_prefetch(p)
#define GRU_INFINITY __builtin_inff()
#define GRU_SQRTF __builtin_sqrtf
#define GRU_SQRTD __builtin_sqrt
#define GRU_FMAF __builtin_fmaf
#define GRU_FMAD __builtin_fma
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif
#else
#include <math.h>
#define INLINE static __forceinline
#define NOINLINE static __declspec(noinline)
#define GRU_PREFETCH(p) ((void)0)
#define GRU_PREFETCH_READ(p) ((void)0)
#define GRU_INFINITY INFINITY
#define GRU_SQRTF sqrtf
#define GRU_SQRTD sqrt
#define GRU_FMAF fmaf
#define GRU_FMAD fma
#define UNROLL
#endif

#endif
