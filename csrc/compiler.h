/* SPDX-License-Identifier: MIT */
/* What the compiler offers. */
#ifndef GRU_COMPILER_H
#define GRU_COMPILER_H

#define GRU_TEXT_(a) #a
#define GRU_TEXT(a) GRU_TEXT_(a)

/* GNU C. clang-cl speaks it too, but does not define __GNUC__. */
#if defined(__GNUC__) || defined(__clang__)
#define GRU_GNU_C 1
#endif

#if defined(GRU_GNU_C) && !defined(GRU_NO_VECTOR_EXTENSIONS)
#define GRU_VECTOR_EXTENSIONS 1
#endif

#if defined(__x86_64__) || defined(_M_X64)
#define GRU_X86_64 1
#endif

/* Regions compiled for an instruction set of their own.
 * GCC for Windows aligns the stack to 16 bytes, whatever the vectors on it need. */
#if defined(GRU_X86_64) && defined(GRU_VECTOR_EXTENSIONS) &&                                       \
    (!defined(__MINGW32__) || defined(__clang__))
#define GRU_X86_TARGETS 1
#endif

#endif
