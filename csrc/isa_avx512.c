/* SPDX-License-Identifier: MIT */
#include "kernel_includes.h"

#ifdef GRU_X86_TARGETS
#include "int8_dots.h"

#define GRU_ISA avx512
#define GRU_VECTOR_BYTES 64
#define GRU_MR 12
#define GRU_HAVE_FMA 1
#ifdef GRU_EMULATE_AVX512
/* the AVX-512 code, compiled to pairs of AVX2 vectors: for tests on machines without AVX-512 */
#define GRU_TARGET "avx2,fma"
#else
#define GRU_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
#define GRU_DOT_SIGNED GRU_DOT_AVX512
#define GRU_FMA_F32 _mm512_fmadd_ps
#define GRU_FMA_F64 _mm512_fmadd_pd
#define GRU_MIN_F32 _mm512_min_ps
#define GRU_MAX_F32 _mm512_max_ps
#define GRU_SELECT_LT_F32(x, y, a, b)                                                              \
    _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, y, _CMP_LT_OQ), b, a)
#define GRU_MIN_F64 _mm512_min_pd
#define GRU_MAX_F64 _mm512_max_pd
#define GRU_SELECT_LT_F64(x, y, a, b)                                                              \
    _mm512_mask_blend_pd(_mm512_cmp_pd_mask(x, y, _CMP_LT_OQ), b, a)
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
