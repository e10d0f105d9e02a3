/* SPDX-License-Identifier: MIT */
/* The products of pairs of bfloat16 with the instruction that AVX512_BF16 adds to AVX-512. */
#include "kernel_includes.h"

#ifdef GRU_AVX512_BF16
#include "avx512.h"
#define GRU_ISA avx512_bf16
#define GRU_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,avx512bf16"
#define GRU_DOT_NAME "vdpbf16ps"
#define GRU_DOT_PAIRS(a, b, sum) _mm512_dpbf16_ps((__m512)(sum), (__m512bh)(b), (__m512bh)(a))
#include "target_begin.h"

#include "float32.inc.h"

#define PANEL (2 * VL)
#include "vec.inc.h"

#include "rule.inc.h"

#include "block.inc.h"

#include "pack.inc.h"

#include "bfloat16.inc.h"

#include "target_end.h"
#endif
