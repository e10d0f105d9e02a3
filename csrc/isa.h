/* SPDX-License-Identifier: MIT */
/* The kernel tables of each instruction set, with its kinds of int8 products (int8.inc.h);
 * dispatch.c chooses one at run time. */
#ifndef GRU_ISA_H
#define GRU_ISA_H

#include "compiler.h"
#include "gru_kernels.h"

#ifdef GRU_X86_TARGETS
extern const gru_kernels gru_kernels_plain_avx2, gru_kernels_plain_avx512;
#ifdef GRU_VNNI
extern const gru_kernels gru_kernels_vnni_avx2, gru_kernels_vnni_avx512;
#endif
#ifdef GRU_AVX512_BF16
extern const gru_bfloat16_products gru_bfloat16_f32_avx512_bf16;
#endif
#endif
extern const gru_kernels gru_kernels_plain_generic;

#endif
