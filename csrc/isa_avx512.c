/* SPDX-License-Identifier: MIT */
#include "kernel_includes.h"

#ifdef GRU_X86_TARGETS
#include "int8_dots.h"

#include "avx512.h"
#define GRU_ISA avx512
#ifdef GRU_EMULATE_AVX512
/* the AVX-512 code, compiled to pairs of AVX2 vectors: for tests on machines without AVX-512 */
#define GRU_TARGET "avx2,fma"
#else
#define GRU_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
#define GRU_DOT_SIGNED GRU_DOT_AVX512
#endif
#include "target_begin.h"

#include "kernels.inc.h"

#include "target_end.h"

#ifdef GRU_VNNI
#undef GRU_TARGET
#define GRU_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,avx512vnni"
#include "target_begin.h"

#define GRU_INT8 vnni
#define GRU_DOT_UNSIGNED GRU_DOT_VNNI_AVX512
#include "int8.inc.h"

#include "target_end.h"
#endif
#endif
