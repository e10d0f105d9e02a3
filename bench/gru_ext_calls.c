/* SPDX-License-Identifier: MIT */
/* Time of calls of gru_ext's C interface in a loop without the GIL. Compiled and called by
 * bench/c_interface_calls.py. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <time.h>

#include <gru_ext.h>

static const gru_api *gru;

static double now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* time_calls(model, n): seconds of n calls of step_f32, cost_f32 and draw_f32 */
static PyObject *time_calls(PyObject *self, PyObject *args)
{
    PyObject *model;
    Py_ssize_t n, size;
    gru_model *m;
    float *state, *scratch;
    double bits, start, times[3];
    int32_t symbol = 0;
    int status = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "On", &model, &n)) return NULL;
    m = gru->model_borrow(model);
    if (!m) return NULL;
    size = gru->model_get(m, GRU_SCRATCH_SIZE);
    state = calloc((size_t)gru->model_get(m, GRU_STATE_SIZE), sizeof(float));
    scratch = calloc((size_t)size, sizeof(float));
    if (!state || !scratch) status = GRU_NULL;
    Py_BEGIN_ALLOW_THREADS start = now();
    for (Py_ssize_t i = 0; i < n && !status; i++)
        status = gru->step_f32(m, (int32_t)(i % 7), state, scratch, size);
    times[0] = now() - start;
    start = now();
    for (Py_ssize_t i = 0; i < n && !status; i++)
        status = gru->cost_f32(m, state, (int32_t)(i % 7), &bits, scratch, size);
    times[1] = now() - start;
    start = now();
    for (Py_ssize_t i = 0; i < n && !status; i++)
        status = gru->draw_f32(m, state, 1, (double)(i % 97) / 97, &symbol, scratch, size);
    times[2] = now() - start;
    Py_END_ALLOW_THREADS free(state);
    free(scratch);
    gru->model_free(m);
    if (status) return PyErr_Format(PyExc_RuntimeError, "gru_ext: status %d", status);
    return Py_BuildValue("ddd", times[0], times[1], times[2]);
}

static PyMethodDef methods[] = {{"time_calls", time_calls, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "gru_ext_calls", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_gru_ext_calls(void)
{
    gru = gru_import();
    return gru ? PyModule_Create(&module) : NULL;
}
