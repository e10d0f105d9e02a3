/* SPDX-License-Identifier: MIT */
/* A C extension that calls gru_ext through its capsule. text_bits(model, symbols) returns the sum
 * of -log2 p of all symbols (an array of int32) after the first. It runs without the GIL. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include <gru_ext.h>

static const gru_api *gru;

static int sum_bits(gru_model *model, const int32_t *symbols, Py_ssize_t n, double *total)
{
    Py_ssize_t scratch_size = gru->model_get(model, GRU_SCRATCH_SIZE);
    float *state = calloc((size_t)gru->model_get(model, GRU_STATE_SIZE), sizeof(float));
    float *scratch = calloc((size_t)scratch_size, sizeof(float));
    int status = state && scratch ? GRU_OK : GRU_NULL;
    for (Py_ssize_t i = 0; i + 1 < n && status == GRU_OK; i++) {
        double bits = 0;
        status = gru->step_f32(model, symbols[i], state, scratch, scratch_size);
        if (status == GRU_OK)
            status = gru->cost_f32(model, state, symbols[i + 1], &bits, scratch, scratch_size);
        *total += bits;
    }
    free(state);
    free(scratch);
    return status;
}

/* Whether the elements are int32: "i", or "l" where a long has 4 bytes. */
static int is_int32(const Py_buffer *view)
{
    const char *format = view->format ? view->format : "B";
    return view->ndim == 1 && view->itemsize == sizeof(int32_t) &&
           (strcmp(format, "i") == 0 || strcmp(format, "l") == 0);
}

static PyObject *text_bits(PyObject *self, PyObject *args)
{
    PyObject *model, *array;
    Py_buffer symbols;
    double total = 0;
    int status;
    gru_model *handle;
    (void)self;
    if (!PyArg_ParseTuple(args, "OO", &model, &array)) return NULL;
    if (PyObject_GetBuffer(array, &symbols, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0) return NULL;
    if (!is_int32(&symbols)) {
        PyErr_Format(
            PyExc_TypeError,
            "symbols must be a 1-D array of int32, not %d-D with elements of %zd bytes and "
            "format '%s'",
            symbols.ndim, symbols.itemsize, symbols.format ? symbols.format : "B");
        PyBuffer_Release(&symbols);
        return NULL;
    }
    if ((uintptr_t)symbols.buf % sizeof(int32_t) != 0) {
        PyErr_SetString(PyExc_ValueError, "symbols must be aligned to 4 bytes");
        PyBuffer_Release(&symbols);
        return NULL;
    }
    handle = gru->model_borrow(model);
    if (!handle) {
        PyBuffer_Release(&symbols);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS status = sum_bits(handle, (const int32_t *)symbols.buf,
                                             symbols.len / (Py_ssize_t)sizeof(int32_t), &total);
    Py_END_ALLOW_THREADS gru->model_free(handle);
    PyBuffer_Release(&symbols);
    if (status != GRU_OK)
        return PyErr_Format(PyExc_ValueError, "gru_ext: %s", gru->status_name(status));
    return PyFloat_FromDouble(total);
}

static PyMethodDef methods[] = {
    {"text_bits", text_bits, METH_VARARGS, "text_bits(model, symbols): the sum of -log2 p."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "text_bits", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_text_bits(void)
{
    gru = gru_import();
    return gru ? PyModule_Create(&module) : NULL;
}
