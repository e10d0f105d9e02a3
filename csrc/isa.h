/* SPDX-License-Identifier: MIT */
/* The instruction sets the kernels are compiled for; dispatch.c picks one at run time. */
#ifndef GRU_ISA_H
#define GRU_ISA_H

#include "gru_kernels.h"

#if defined(__GNUC__) && defined(__x86_64__) && !defined(GRU_NO_VECTOR_EXTENSIONS)
#define GRU_X86_TARGETS 1
extern const gru_kernels gru_kernels_avx2, gru_kernels_avx512;
#endif
extern const gru_kernels gru_kernels_generic;

#endif
