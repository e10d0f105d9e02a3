/* SPDX-License-Identifier: MIT */
/* The module gru_ext.core.baseline: for which processors the modules were compiled, outside the
 * kernels that are chosen at run time. It is loaded before all others. With -march=native in CFLAGS
 * they may have instructions that another processor lacks; this module has none of them. */
#include "compiler.h"

#if defined(GRU_X86_64) && defined(GRU_GNU_C) && !defined(_WIN32)
#define GRU_CHECKED 1
/* f(the compiler's name, the name for people), for each instruction set beyond SSE2 that the
 * compiler may use anywhere. */
#ifdef __SSE3__
#define WITH_SSE3(f) f("sse3", "SSE3")
#else
#define WITH_SSE3(f)
#endif
#ifdef __SSE4_2__
#define WITH_SSE4_2(f) f("sse4.2", "SSE4.2")
#else
#define WITH_SSE4_2(f)
#endif
#ifdef __POPCNT__
#define WITH_POPCNT(f) f("popcnt", "POPCNT")
#else
#define WITH_POPCNT(f)
#endif
#ifdef __BMI2__
#define WITH_BMI2(f) f("bmi2", "BMI2")
#else
#define WITH_BMI2(f)
#endif
#ifdef __AVX__
#define WITH_AVX(f) f("avx", "AVX")
#else
#define WITH_AVX(f)
#endif
#ifdef __AVX2__
#define WITH_AVX2(f) f("avx2", "AVX2")
#else
#define WITH_AVX2(f)
#endif
#ifdef __FMA__
#define WITH_FMA(f) f("fma", "FMA")
#else
#define WITH_FMA(f)
#endif
#ifdef __AVX512F__
#define WITH_AVX512(f) f("avx512f", "AVX-512")
#else
#define WITH_AVX512(f)
#endif
#define EACH(f)                                                                                    \
    WITH_SSE3(f)                                                                                   \
    WITH_SSE4_2(f) WITH_POPCNT(f) WITH_BMI2(f) WITH_AVX(f) WITH_AVX2(f) WITH_FMA(f) WITH_AVX512(f)

/* From here on without them. no-sse3 includes all that build on it, up to AVX-512. */
#define GRU_TARGET "no-sse3,no-popcnt,no-bmi,no-bmi2,no-lzcnt,no-movbe,no-adx"
#include "target_begin.h"
#else
#define EACH(f)
#endif

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if defined(GRU_X86_64)
#define PLATFORM "x86-64"
#elif defined(__aarch64__) || defined(_M_ARM64)
#define PLATFORM "aarch64"
#else
#define PLATFORM "this platform"
#endif

#define BUILT(feature, name) " " name
#define LACKING(feature, name)                                                                     \
    if (!__builtin_cpu_supports(feature)) lacking = lacking ? lacking : name;

static PyObject *built_for(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyUnicode_FromString(PLATFORM EACH(BUILT));
}

static PyObject *missing(PyObject *module, PyObject *unused)
{
    const char *lacking = NULL;
    (void)module, (void)unused;
#ifdef GRU_CHECKED
    __builtin_cpu_init();
#endif
    EACH(LACKING)
    return PyUnicode_FromString(lacking ? lacking : "");
}

static PyMethodDef functions[] = {
    {"built_for", built_for, METH_NOARGS,
     "Return the platform and the instruction sets beyond its own that all modules may use."},
    {"missing", missing, METH_NOARGS,
     "Return the first of these instruction sets that this processor lacks, or an empty str."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#if defined(Py_mod_gil) || defined(Py_GIL_DISABLED)
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "gru_ext.core.baseline",
    "For which processors the compiled modules were built.",
    0,
    functions,
    slots,
    NULL,
    NULL,
    NULL,
};

PyMODINIT_FUNC PyInit_baseline(void) { return PyModuleDef_Init(&definition); }

#ifdef GRU_CHECKED
#include "target_end.h"
#endif
