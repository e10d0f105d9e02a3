/* SPDX-License-Identifier: MIT */
/* The kernel tables of each instruction set; dispatch.c chooses one at run time. */
#ifndef GRU_ISA_H
#define GRU_ISA_H

#include "compiler.h"
#include "gru_kernels.h"

#ifdef GRU_X86_TARGETS
extern const gru_kernels gru_kernels_avx2, gru_kernels_avx512;
#endif
extern const gru_kernels gru_kernels_generic;

#endif
