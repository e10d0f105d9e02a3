/* SPDX-License-Identifier: MIT */
/* The peak of a processor: fused multiply-adds of vectors in registers, for each instruction set
 * and dtype. Compiled and called by bench/implementations/fma.py, with -ffp-contract=fast, so that
 * a multiplication and an addition become one instruction where there is one. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>
#include <time.h>

#ifndef __GNUC__
#error "the loops are written with the vector extensions of GCC and Clang"
#endif

static double now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct {
    const char *isa, *dtype;
    double flops; /* of one step */
    void (*steps)(Py_ssize_t n);
} loop;

static volatile double factor = 0.5, term = 1, result;

/* SUMS vectors, sum[j] = factor * sum[j] + term in each step. They do not depend on each other, so
 * that no instruction waits for the one before it, and fit in the registers with the two constants:
 * 16 with SSE2 and AVX2, 32 with AVX-512 and NEON. */
#define LOOP(name, target, REAL, bytes, SUMS)                                                      \
    typedef REAL name##_vector __attribute__((vector_size(bytes)));                                \
    target static void name(Py_ssize_t n)                                                          \
    {                                                                                              \
        const name##_vector a = (REAL)factor - (name##_vector){0};                                 \
        const name##_vector b = (REAL)term - (name##_vector){0};                                   \
        name##_vector sum[SUMS], total = {0};                                                      \
        for (int j = 0; j < SUMS; j++) sum[j] = (REAL)j - (name##_vector){0};                      \
        for (Py_ssize_t i = 0; i < n; i++) {                                                       \
            _Pragma("GCC unroll 32") for (int j = 0; j < SUMS; j++) sum[j] = a * sum[j] + b;       \
        }                                                                                          \
        for (int j = 0; j < SUMS; j++) total += sum[j];                                            \
        result = total[0];                                                                         \
    }
#define FLOPS(REAL, bytes, SUMS) (2.0 * (SUMS) * (bytes) / sizeof(REAL))
#define LOOPS(isa, target, bytes, SUMS)                                                            \
    LOOP(isa##_f32, target, float, bytes, SUMS)                                                    \
    LOOP(isa##_f64, target, double, bytes, SUMS)
#define ROWS(isa, bytes, SUMS)                                                                     \
    {#isa, "float32", FLOPS(float, bytes, SUMS), isa##_f32},                                       \
    {                                                                                              \
        #isa, "float64", FLOPS(double, bytes, SUMS), isa##_f64                                     \
    }

#ifdef __x86_64__
LOOPS(generic, , 16, 12)
LOOPS(avx2, __attribute__((target("avx2,fma"))), 32, 12)
LOOPS(avx512, __attribute__((target("avx512f"))), 64, 24)
static const loop loops[] = {ROWS(generic, 16, 12), ROWS(avx2, 32, 12), ROWS(avx512, 64, 24)};
#else
LOOPS(generic, , 16, 24)
static const loop loops[] = {ROWS(generic, 16, 24)};
#endif

/* time_steps(isa, dtype, n): seconds of n steps, and their floating-point operations */
static PyObject *time_steps(PyObject *self, PyObject *args)
{
    const char *isa, *dtype;
    Py_ssize_t n;
    (void)self;
    if (!PyArg_ParseTuple(args, "ssn", &isa, &dtype, &n)) return NULL;
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        if (strcmp(loops[i].isa, isa) || strcmp(loops[i].dtype, dtype)) continue;
        double seconds;
        Py_BEGIN_ALLOW_THREADS seconds = -now();
        loops[i].steps(n);
        seconds += now();
        Py_END_ALLOW_THREADS return Py_BuildValue("dd", seconds, (double)n * loops[i].flops);
    }
    return PyErr_Format(PyExc_ValueError, "there is no loop of %s with %s", dtype, isa);
}

static PyMethodDef methods[] = {{"time_steps", time_steps, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "fma_peak", NULL, 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_fma_peak(void) { return PyModuleDef_Init(&module); }
