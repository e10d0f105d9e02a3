/* SPDX-License-Identifier: MIT */
/* The baseline of the platform: SSE2 on x86-64, NEON on aarch64, scalars if the compiler has no
 * vector extensions. */
#include "int8_dots.h"
#include "kernel_includes.h"

#define GRU_ISA generic
#ifdef GRU_VECTOR_EXTENSIONS
#define GRU_VECTOR_BYTES 16
#else
#define GRU_VECTOR_BYTES 0
#endif
#define GRU_MR 6
#if defined(__aarch64__)
#define GRU_HAVE_FMA 1
#ifdef GRU_VECTOR_EXTENSIONS
#include <arm_neon.h>
#define GRU_FMA_F32(a, b, c) (VEC) vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b))
#define GRU_FMA_F64(a, b, c) (VEC) vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b))
#endif
#else
#define GRU_HAVE_FMA 0
#endif
#ifdef GRU_DOT_GENERIC
#define GRU_DOT_SIGNED GRU_DOT_GENERIC
#endif

#include "kernels.inc.h"
