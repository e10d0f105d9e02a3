/* SPDX-License-Identifier: MIT */
/* Flush subnormals to zero in this thread, and restore the caller's floating-point state.
 * Subnormals slow the training of recurrent networks by an order of magnitude. */
#ifndef GRU_FLOAT_STATE_H
#define GRU_FLOAT_STATE_H

#include <stdint.h>

#include "compiler.h"

#ifdef GRU_X86_64
#include <xmmintrin.h>
#endif

/* Sets MXCSR bits 15 (flush to zero) and 6 (denormals are zero) on x86-64, FPCR bit 24 on aarch64.
 * Returns the state before. */
static inline uint64_t gru_flush_subnormals(void)
{
#ifdef GRU_X86_64
    uint32_t state = _mm_getcsr();
    _mm_setcsr(state | 0x8040);
    return state;
#elif defined(GRU_GNU_C) && defined(__aarch64__)
    uint64_t state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    __asm__ volatile("msr fpcr, %0" : : "r"(state | (1ull << 24)));
    return state;
#else
    return 0;
#endif
}

static inline void gru_restore_float_state(uint64_t state)
{
#ifdef GRU_X86_64
    _mm_setcsr((uint32_t)state);
#elif defined(GRU_GNU_C) && defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(state));
#else
    (void)state;
#endif
}

#endif
