/* SPDX-License-Identifier: MIT */
/* Features of the compiler and of the target platform. */
#ifndef GRU_COMPILER_H
#define GRU_COMPILER_H

/* The kernels' errors are stated for exact rounding, and they compute with NaN and infinity. */
#if defined(__FAST_MATH__) || defined(_M_FP_FAST)
#error "gru_ext must not be compiled with -ffast-math, -Ofast or /fp:fast"
#elif defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error "gru_ext must not be compiled with -ffinite-math-only"
#endif

#define GRU_TEXT_(a) #a
#define GRU_TEXT(a) GRU_TEXT_(a)

/* GNU C extensions. clang-cl has them too, but does not define __GNUC__. */
#if defined(__GNUC__) || defined(__clang__)
#define GRU_GNU_C 1
#endif

#if defined(GRU_GNU_C) && !defined(GRU_NO_VECTOR_EXTENSIONS)
#define GRU_VECTOR_EXTENSIONS 1
#endif

#if defined(__x86_64__) || defined(_M_X64)
#define GRU_X86_64 1
#endif

/* Whether parts of a file can be compiled for another instruction set (target_begin.h). Not with
 * GCC on Windows: it aligns the stack to 16 bytes only, too little for AVX vectors. */
#if defined(GRU_X86_64) && defined(GRU_VECTOR_EXTENSIONS) &&                                       \
    (!defined(__MINGW32__) || defined(__clang__))
#define GRU_X86_TARGETS 1
#endif

/* Whether the compiler knows VNNI's 8-bit products for AVX2 and AVX-512. */
#if defined(GRU_X86_TARGETS) && defined(__has_include) && !defined(GRU_EMULATE_AVX512)
#if __has_include(<avxvnniintrin.h>)
#define GRU_VNNI 1
#endif
#endif

/* Whether the compiler knows AVX-512's products of pairs of bfloat16. */
#if defined(GRU_VNNI) && __has_include(<avx512bf16intrin.h>)
#define GRU_AVX512_BF16 1
#endif

#endif
