/* SPDX-License-Identifier: MIT */
/* Run-time detection of the instruction sets, and the choice of the kernels. */
#include <string.h>

#include "isa.h"

#ifdef GRU_X86_TARGETS
#include <cpuid.h>

/* XCR0: the operating system saves xmm and ymm (0x6), and opmask and zmm too (0xe6). */
static uint64_t saved_state(void)
{
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return ((uint64_t)d << 32) | a;
}

static int has_avx2(void)
{
    uint32_t a, b, c, d;
    if ((saved_state() & 0x6) != 0x6) return 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_FMA) || !(c & bit_AVX)) return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2);
}

static int has_avx512(void)
{
#ifdef GRU_EMULATE_AVX512
    return has_avx2();
#endif
    const uint32_t needed = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    uint32_t a, b, c, d;
    if ((saved_state() & 0xe6) != 0xe6 || !has_avx2()) return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & needed) == needed;
}

#ifdef GRU_AVX512_BF16
static int has_avx512_bf16(void)
{
    const uint32_t avx512_bf16 = 1u << 5;
    uint32_t a, b, c, d;
    return has_avx512() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && a >= 1 &&
           __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & avx512_bf16);
}
#endif

#ifdef GRU_VNNI
static int has_vnni(int with_avx512)
{
    const uint32_t avx_vnni = 1u << 4; /* GCC 10 and Clang 11 have no name for it */
    uint32_t a, b, c, d;
    if (with_avx512) return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bit_AVX512VNNI);
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && a >= 1 &&
           __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & avx_vnni);
}
#endif
#endif

const char *gru_kernels_available(int i)
{
    const char *names[4] = {"generic"};
    int n = 1;
#ifdef GRU_X86_TARGETS
    if (has_avx2()) names[n++] = "avx2";
    if (has_avx512()) names[n++] = "avx512";
#endif
    return i >= 0 && i < n ? names[i] : NULL;
}

const gru_kernels *gru_kernels_select(const char *name)
{
    const char *best = NULL, *known, *after = "";
    for (int i = 0; (known = gru_kernels_available(i)) != NULL; i++) {
        best = known;
        if (name && strncmp(name, known, strlen(known)) == 0) {
            after = name + strlen(known);
            if (strcmp(after, "") == 0 || strcmp(after, "-plain") == 0) break;
        }
    }
    if (!best || (name && !known)) return NULL;
#ifdef GRU_VNNI
    const int plain = strcmp(after, "-plain") == 0;
    if (!plain && strcmp(best, "avx512") == 0 && has_vnni(1)) return &gru_kernels_vnni_avx512;
    if (!plain && strcmp(best, "avx2") == 0 && has_vnni(0)) return &gru_kernels_vnni_avx2;
#endif
#ifdef GRU_X86_TARGETS
    if (strcmp(best, "avx512") == 0) return &gru_kernels_plain_avx512;
    if (strcmp(best, "avx2") == 0) return &gru_kernels_plain_avx2;
#endif
    return &gru_kernels_plain_generic;
}

const gru_bfloat16_products *gru_bfloat16_instruction(const gru_kernels *k)
{
#ifdef GRU_AVX512_BF16
    /* not with "-plain"; processors with this instruction have VNNI too */
    if (k == &gru_kernels_vnni_avx512 && has_avx512_bf16()) return &gru_bfloat16_f32_avx512_bf16;
#endif
    (void)k;
    return NULL;
}

const char *gru_kernels_not_built(void)
{
#if defined(GRU_X86_TARGETS)
    return "";
#elif defined(GRU_X86_64)
    return "avx2 avx512";
#elif !defined(GRU_VECTOR_EXTENSIONS) && (defined(__aarch64__) || defined(_M_ARM64))
    return "neon";
#else
    return "";
#endif
}

const char *gru_compiler(void)
{
#if defined(__clang__)
    return "Clang " __clang_version__;
#elif defined(__GNUC__)
    return "GCC " __VERSION__;
#else
    return "MSVC " GRU_TEXT(_MSC_VER);
#endif
}
