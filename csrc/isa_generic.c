/* SPDX-License-Identifier: MIT */
/* The baseline of the platform: SSE2 on x86-64, NEON on aarch64, scalars if the compiler has no
 * vector extensions. */
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
#else
#define GRU_HAVE_FMA 0
#endif
#include "kernels.inc.h"
