/* SPDX-License-Identifier: MIT */
#include "kernel_includes.h"

#ifdef GRU_X86_TARGETS
#define GRU_ISA avx2
#define GRU_TARGET "avx2,fma"
#define GRU_VECTOR_BYTES 32
#define GRU_MR 6
#define GRU_HAVE_FMA 1
#include "target_begin.h"

#include "kernels.inc.h"

#include "target_end.h"
#endif
