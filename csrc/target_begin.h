/* SPDX-License-Identifier: MIT */
/* Compile the functions from here to target_end.h for the instruction set GRU_TARGET. */
#define GRU_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define GRU_PUSH(isa)                                                                              \
    GRU_PRAGMA(clang attribute push(__attribute__((target(isa))), apply_to = function))
#else
#define GRU_PUSH(isa) GRU_PRAGMA(GCC target(isa))
#pragma GCC push_options
#endif
GRU_PUSH(GRU_TARGET)
