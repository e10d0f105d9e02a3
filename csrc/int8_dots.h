/* SPDX-License-Identifier: MIT */
/* The instructions of int8 products (int8.inc.h): sum + the four products of bytes in each lane. */
#ifndef GRU_INT8_DOTS_H
#define GRU_INT8_DOTS_H

#include "compiler.h"

#ifdef GRU_X86_TARGETS
#include <immintrin.h>

/* |a| times w with the sign of a: at most 2 * 127 * 127 in the sum of a pair, which fits in 16
 * bits; the unsigned bytes of a + 128 would not */
#define GRU_DOT_AVX2(sum, a, w)                                                                    \
    ((sum) + (ivec_f32_avx2)_mm256_madd_epi16(                                                     \
                 _mm256_maddubs_epi16(_mm256_abs_epi8((__m256i)(a)),                               \
                                      _mm256_sign_epi8((__m256i)(w), (__m256i)(a))),               \
                 _mm256_set1_epi16(1)))
#define GRU_DOT_AVX512(sum, a, w)                                                                  \
    ((sum) + (ivec_f32_avx512)_mm512_madd_epi16(                                                   \
                 _mm512_maddubs_epi16(_mm512_abs_epi8((__m512i)(a)),                               \
                                      _mm512_mask_sub_epi8((__m512i)(w),                           \
                                                           _mm512_movepi8_mask((__m512i)(a)),      \
                                                           _mm512_setzero_si512(), (__m512i)(w))), \
                 _mm512_set1_epi16(1)))
#define GRU_DOT_VNNI_AVX2(sum, a, w)                                                               \
    ((ivec_f32_avx2)_mm256_dpbusd_avx_epi32((__m256i)(sum), (__m256i)(a), (__m256i)(w)))
#define GRU_DOT_VNNI_AVX512(sum, a, w)                                                             \
    ((ivec_f32_avx512)_mm512_dpbusd_epi32((__m512i)(sum), (__m512i)(a), (__m512i)(w)))
#endif

#if defined(GRU_X86_64) && defined(GRU_VECTOR_EXTENSIONS)
#include <emmintrin.h>
#define GRU_DOT_GENERIC(sum, a, w)                                                                 \
    ((ivec_f32_generic)gru_dot_sse2((__m128i)(sum), (__m128i)(a), (__m128i)(w)))

static inline __m128i gru_dot_sse2(__m128i sum, __m128i a, __m128i w)
{
    /* bytes become words, and pairs of products are added */
    const __m128i a16 = _mm_srai_epi16(_mm_unpacklo_epi8(a, a), 8);
    const __m128i low = _mm_madd_epi16(_mm_srai_epi16(_mm_unpacklo_epi8(w, w), 8), a16);
    const __m128i high = _mm_madd_epi16(_mm_srai_epi16(_mm_unpackhi_epi8(w, w), 8), a16);
    const __m128 l = _mm_castsi128_ps(low), h = _mm_castsi128_ps(high);
    const __m128i even = _mm_castps_si128(_mm_shuffle_ps(l, h, 0x88));
    const __m128i odd = _mm_castps_si128(_mm_shuffle_ps(l, h, 0xdd));
    return _mm_add_epi32(sum, _mm_add_epi32(even, odd));
}
#elif defined(__aarch64__) && defined(GRU_VECTOR_EXTENSIONS)
#include <arm_neon.h>
#define GRU_DOT_GENERIC(sum, a, w)                                                                 \
    ((ivec_f32_generic)gru_dot_neon((int32x4_t)(sum), (int8x16_t)(a), (int8x16_t)(w)))

static inline int32x4_t gru_dot_neon(int32x4_t sum, int8x16_t a, int8x16_t w)
{
    const int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(a)), high = vmull_high_s8(w, a);
    return vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
}
#endif

#endif
