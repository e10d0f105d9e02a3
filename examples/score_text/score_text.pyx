# SPDX-License-Identifier: MIT
"""The cost of a text with a model that `gru-ext train` wrote, computed without the GIL."""
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from gru_ext.capi cimport (
    GRU_NULL,
    GRU_SCRATCH_SIZE,
    GRU_SEPARATOR_SIZE,
    GRU_STATE_SIZE,
    gru_cost_f32,
    gru_encode,
    gru_mark_resets,
    gru_model,
    gru_model_free,
    gru_model_get,
    gru_model_open,
    gru_status_name,
    gru_step_f32,
)


cdef int score(const gru_model *model, const char *text, Py_ssize_t size,
               double *bits) noexcept nogil:
    # *bits = the sum of -log2 p of all characters but the first
    cdef Py_ssize_t n = gru_model_get(model, GRU_SCRATCH_SIZE), count = 0, i
    cdef Py_ssize_t state_size = gru_model_get(model, GRU_STATE_SIZE)
    cdef Py_ssize_t separator_size = gru_model_get(model, GRU_SEPARATOR_SIZE)
    cdef float *state = <float *>calloc(state_size, sizeof(float))
    cdef float *scratch = <float *>calloc(n, sizeof(float))
    cdef int32_t *symbols = <int32_t *>calloc(size + 1, sizeof(int32_t))
    cdef int32_t *recent = <int32_t *>calloc(separator_size + 1, sizeof(int32_t))
    cdef unsigned char *resets = <unsigned char *>calloc(size + 1, 1)
    cdef double cost = 0
    cdef int status = GRU_NULL
    bits[0] = 0
    if state and scratch and symbols and recent and resets:
        status = gru_encode(model, text, size, symbols, size, &count)
    if status == 0 and count > 0:
        memset(recent, 0xFF, separator_size * sizeof(int32_t))    # -1: nothing was read
        status = gru_mark_resets(model, 1, count, symbols, recent, resets)
    for i in range(count - 1):
        if status == 0 and resets[i]:    # a document begins here
            memset(state, 0, state_size * sizeof(float))
        if status == 0:
            status = gru_step_f32(model, symbols[i], state, scratch, n)
        if status == 0:
            status = gru_cost_f32(model, state, symbols[i + 1], &cost, scratch, n)
            bits[0] += cost
    free(state)
    free(scratch)
    free(symbols)
    free(recent)
    free(resets)
    return status


def bits_of(path, bytes text):
    """Return the cost of a UTF-8 text in bits, with the float32 model in a file."""
    cdef gru_model *model = gru_model_open(path)    # the only call that needs the GIL
    cdef const char *data = text
    cdef Py_ssize_t size = len(text)
    cdef double bits = 0
    cdef int status
    with nogil:
        status = score(model, data, size, &bits)
        gru_model_free(model)
    if status:
        raise ValueError(f"gru_ext: {gru_status_name(status).decode()}")
    return bits
