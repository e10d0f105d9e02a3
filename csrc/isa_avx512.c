/* SPDX-License-Identifier: MIT */
#include "kernel_includes.h"

#ifdef GRU_X86_TARGETS
#define GRU_ISA avx512
#define GRU_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
#define GRU_VECTOR_BYTES 64
#define GRU_MR 12
#define GRU_HAVE_FMA 1
#include "target_begin.h"

#include "kernels.inc.h"

#include "target_end.h"
#endif
