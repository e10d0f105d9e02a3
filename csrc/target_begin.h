/* SPDX-License-Identifier: MIT */
/* Functions from here to target_end.h are compiled for the instruction set GRU_TARGET. */
#define GRU_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define GRU_PUSH(target)                                                                           \
    GRU_PRAGMA(clang attribute push(__attribute__((target(target))), apply_to = function))
GRU_PUSH(GRU_TARGET)
#else
#pragma GCC push_options
#define GRU_PUSH(name) GRU_PRAGMA(GCC target(name))
GRU_PUSH(GRU_TARGET)
#endif
