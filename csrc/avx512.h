/* SPDX-License-Identifier: MIT */
/* What kernels.inc.h needs of the including file, for AVX-512. */
#ifndef GRU_AVX512_H
#define GRU_AVX512_H

#include <immintrin.h>

#define GRU_VECTOR_BYTES 64
#define GRU_MR 12
#define GRU_HAVE_FMA 1
#ifndef GRU_EMULATE_AVX512
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

#endif
