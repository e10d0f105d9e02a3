/* SPDX-License-Identifier: MIT */
#include "kernel_includes.h"

#ifdef GRU_X86_TARGETS
#include "int8_dots.h"

#define GRU_ISA avx2
#define GRU_TARGET "avx2,fma"
#define GRU_VECTOR_BYTES 32
#define GRU_MR 6
#define GRU_HAVE_FMA 1
#define GRU_FMA_F32 _mm256_fmadd_ps
#define GRU_FMA_F64 _mm256_fmadd_pd
#define GRU_MIN_F32 _mm256_min_ps
#define GRU_MAX_F32 _mm256_max_ps
#define GRU_SELECT_LT_F32(x, y, a, b) _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, y, _CMP_LT_OQ))
#define GRU_MIN_F64 _mm256_min_pd
#define GRU_MAX_F64 _mm256_max_pd
#define GRU_SELECT_LT_F64(x, y, a, b) _mm256_blendv_pd(b, a, _mm256_cmp_pd(x, y, _CMP_LT_OQ))
#define GRU_DOT_SIGNED GRU_DOT_AVX2
#include "target_begin.h"

#include "kernels.inc.h"

#include "target_end.h"

#ifdef GRU_VNNI
#undef GRU_TARGET
#define GRU_TARGET "avx2,fma,avxvnni"
#include "target_begin.h"

#define GRU_INT8 vnni
#define GRU_DOT_UNSIGNED GRU_DOT_VNNI_AVX2
#include "int8.inc.h"

#include "target_end.h"
#endif
#endif
