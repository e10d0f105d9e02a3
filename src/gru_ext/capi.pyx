# SPDX-License-Identifier: MIT
"""The C-level functions of capi.pxd, over the same window functions as the rest of the package."""
from cpython.pycapsule cimport PyCapsule_New
from libc.float cimport DBL_MIN, FLT_MIN
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from gru_ext cimport kernels
from gru_ext._bptt cimport (
    Window,
    backward_pass,
    buffers_of,
    cell,
    draw_symbol,
    forward_pass,
    inverse_temperature,
    product,
)
from gru_ext._gradients cimport weight_gradients
from gru_ext._layout cimport LARGEST_SIZE, MOST_ROWS, MOST_STREAMS, Cell, cell_of, layout_of
from gru_ext._native cimport (
    GRU_LINE_BYTES,
    gru_apply,
    gru_float_state_enter,
    gru_float_state_leave,
    gru_softmax_cross_entropy,
    gru_update,
    gru_vexp,
    gru_vlog,
    real,
)
from gru_ext._update cimport adagrad_of

import numpy as np

from gru_ext.kernels import layout
from gru_ext.parameters import Parameters

cdef const double BITS_PER_NAT = 1.4426950408889634


# -- Handles

cdef struct Handle:
    Window w              # of one stream, for the calls that take a step
    Py_ssize_t itemsize
    void *flat
    bint writable


cdef inline const Handle *handle_of(const gru_model *model) noexcept nogil:
    return <const Handle *>model


cdef inline real *flat_of(const gru_model *model, real *unused) noexcept nogil:
    return <real *>handle_of(model).flat


cdef gru_model *_wrap(void *flat, Py_ssize_t V, Py_ssize_t H, Py_ssize_t itemsize) noexcept nogil:
    cdef Handle *made
    if flat is NULL or not (1 <= V <= LARGEST_SIZE and 1 <= H <= LARGEST_SIZE):
        return NULL
    made = <Handle *>calloc(1, sizeof(Handle))
    if made is not NULL:
        made.w.k = kernels.active()
        made.w.B = made.w.T = made.w.T_max = made.w.parts_max = 1
        made.w.p = layout_of(V, H, itemsize, 1)
        made.itemsize = itemsize
        made.flat = flat
        made.writable = True
    return <gru_model *>made


cdef gru_model *gru_model_wrap_f32(float *flat, Py_ssize_t V, Py_ssize_t H) noexcept nogil:
    return _wrap(flat, V, H, sizeof(float))


cdef gru_model *gru_model_wrap_f64(double *flat, Py_ssize_t V, Py_ssize_t H) noexcept nogil:
    return _wrap(flat, V, H, sizeof(double))


cdef gru_model *gru_model_borrow(object model) except NULL:
    # Of a gru_ext.Model or Parameters, which has to stay alive as long as the handle.
    parameters = getattr(model, "parameters", model)
    if not isinstance(parameters, Parameters):
        raise TypeError(f"model must be a gru_ext.Model or Parameters, not {type(model).__name__}")
    if parameters.layers > 1:
        raise ValueError(f"model must have one layer, not {parameters.layers}: the C interface "
                         f"takes no more")
    flat, V, H = parameters.flat, parameters.vocabulary_size, parameters.hidden_size
    if flat.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"the parameters must be float32 or float64, not {flat.dtype}")
    size = layout(V, H, flat.itemsize)["size"]
    if flat.shape != (size,) or not flat.flags.c_contiguous:
        raise ValueError(f"the parameters' flat buffer must be contiguous with {size} elements")
    cdef gru_model *made = _wrap(<void *><size_t>flat.ctypes.data, V, H, flat.itemsize)
    if made is NULL:
        raise MemoryError()
    (<Handle *>made).writable = flat.flags.writeable
    return made


cdef void gru_model_free(gru_model *model) noexcept nogil:
    free(model)


cdef Py_ssize_t _scratch_size(const Handle *m) noexcept nogil:
    return 4 * m.w.p.Hp + 2 * m.w.p.Vp


cdef Py_ssize_t gru_model_get(const gru_model *model, int what) noexcept nogil:
    cdef const Handle *m = handle_of(model)
    cdef Py_ssize_t known[13]
    if m is NULL:
        return GRU_NULL
    known[GRU_VOCABULARY_SIZE], known[GRU_HIDDEN_SIZE] = m.w.p.V, m.w.p.H
    known[GRU_ITEMSIZE], known[GRU_STATE_SIZE] = m.itemsize, m.w.p.Hp
    known[GRU_LOGITS_SIZE], known[GRU_FLAT_SIZE] = m.w.p.Vp, m.w.p.size
    known[GRU_SCRATCH_SIZE] = _scratch_size(m)
    known[GRU_OFFSET_W], known[GRU_OFFSET_B] = m.w.p.w, m.w.p.b
    known[GRU_OFFSET_UZR], known[GRU_OFFSET_UH] = m.w.p.uzr, m.w.p.uh
    known[GRU_OFFSET_WY], known[GRU_OFFSET_BY] = m.w.p.wy, m.w.p.by
    return known[what] if 0 <= what < 13 else GRU_BAD_NUMBER


cdef const char *gru_model_isa(const gru_model *model) noexcept nogil:
    if model is NULL:
        return NULL
    return handle_of(model).w.k.isa


cdef int gru_api_version() noexcept nogil:
    return GRU_API_VERSION


# -- One stream

cdef inline int _refuse(const gru_model *model, const real *state, const real *scratch,
                        Py_ssize_t scratch_size) noexcept nogil:
    if model is NULL or state is NULL or scratch is NULL:
        return GRU_NULL
    if handle_of(model).itemsize != sizeof(real):
        return GRU_WRONG_DTYPE
    if scratch_size < _scratch_size(handle_of(model)):
        return GRU_TOO_SMALL
    return GRU_OK


cdef inline bint _known(const gru_model *model, int32_t symbol) noexcept nogil:
    return 0 <= symbol < handle_of(model).w.p.V


cdef int _step(const gru_model *model, int32_t symbol, real *state, real *scratch,
               Py_ssize_t scratch_size) noexcept nogil:
    cdef int refused = _refuse(model, state, scratch, scratch_size)
    cdef const Window *w
    cdef Cell at
    cdef uint64_t float_state
    if refused:
        return refused
    if not _known(model, symbol):
        return GRU_BAD_SYMBOL
    w = &handle_of(model).w
    at = cell_of(&w.p, 0)
    float_state = gru_float_state_enter()
    cell(w, &at, flat_of(model, state), scratch, scratch, scratch + 3 * w.p.Hp, state, state,
         &symbol, <real *>NULL, 1)
    gru_float_state_leave(float_state)
    return GRU_OK


cdef void _softmax(const gru_model *model, const real *state, double inverse, const int32_t *next,
                   double *loss, real *y) noexcept nogil:
    # y (Vp) = softmax((Wy h + by) * inverse)
    cdef const Window *w = &handle_of(model).w
    cdef real *p = flat_of(model, y)
    cdef uint64_t float_state = gru_float_state_enter()
    product(w, y, w.p.Vp, state, w.p.Hp, p + w.p.wy, y, 1, w.p.Vp, w.p.H)
    gru_softmax_cross_entropy(w.k, y, loss, next, p + w.p.by, inverse, 1, w.p.V, w.p.Vp)
    gru_float_state_leave(float_state)


cdef int _logits(const gru_model *model, const real *state, real *logits, real *scratch,
                 Py_ssize_t scratch_size) noexcept nogil:
    cdef int refused = _refuse(model, state, scratch, scratch_size)
    cdef const Window *w
    cdef real *by
    cdef uint64_t float_state
    cdef Py_ssize_t v
    if refused or logits is NULL:
        return refused if refused else GRU_NULL
    w = &handle_of(model).w
    by = flat_of(model, logits) + w.p.by
    float_state = gru_float_state_enter()
    product(w, scratch, w.p.Vp, state, w.p.Hp, flat_of(model, logits) + w.p.wy, scratch, 1, w.p.Vp,
            w.p.H)
    gru_float_state_leave(float_state)
    for v in range(w.p.V):
        logits[v] = scratch[v] + by[v]
    return GRU_OK


cdef int _log_probabilities(const gru_model *model, const real *state, double temperature,
                            real *out, real *scratch, Py_ssize_t scratch_size) noexcept nogil:
    # y - max y - log sum exp(y - max y), y = logits / temperature
    cdef int refused = _refuse(model, state, scratch, scratch_size)
    cdef const Window *w
    cdef real *y = scratch
    cdef real *e
    cdef real inverse = <real>inverse_temperature(temperature)
    cdef real largest, total = 0, log_total
    cdef Py_ssize_t v
    if refused or out is NULL:
        return refused if refused else GRU_NULL
    if not (temperature > 0 and isfinite(temperature)):
        return GRU_BAD_NUMBER
    w = &handle_of(model).w
    e = scratch + w.p.Vp
    _logits(model, state, y, e, scratch_size)
    for v in range(w.p.V):
        y[v] *= inverse
    largest = y[0]
    for v in range(w.p.V):
        largest = max(largest, y[v])
    for v in range(w.p.V):
        y[v] -= largest
    gru_vexp(w.k, e, y, w.p.V)
    for v in range(w.p.V):
        total += e[v]
    gru_vlog(w.k, &log_total, &total, 1)
    for v in range(w.p.V):
        out[v] = y[v] - log_total
    return GRU_OK


cdef int _cost(const gru_model *model, const real *state, int32_t next, double *bits,
               real *scratch, Py_ssize_t scratch_size) noexcept nogil:
    cdef int refused = _refuse(model, state, scratch, scratch_size)
    cdef double nats = 0
    if refused or bits is NULL:
        return refused if refused else GRU_NULL
    if not _known(model, next):
        return GRU_BAD_SYMBOL
    _softmax(model, state, 1, &next, &nats, scratch)
    bits[0] = nats * BITS_PER_NAT
    return GRU_OK


cdef int _draw(const gru_model *model, const real *state, double temperature, double uniform,
               int32_t *symbol, real *scratch, Py_ssize_t scratch_size) noexcept nogil:
    cdef int refused = _refuse(model, state, scratch, scratch_size)
    if refused or symbol is NULL:
        return refused if refused else GRU_NULL
    if not (temperature >= 0 and isfinite(temperature) and 0 <= uniform < 1):
        return GRU_BAD_NUMBER
    _softmax(model, state, inverse_temperature(temperature), NULL, NULL, scratch)
    symbol[0] = draw_symbol(&handle_of(model).w, scratch, temperature, uniform)
    return GRU_OK


include "capi_windows.pxi"
include "capi_typed.pxi"


# -- The table for C, in the order of include/gru_ext.h

cdef enum:
    FUNCTIONS = 27

cdef struct Table:
    int64_t version
    int64_t count
    void *functions[FUNCTIONS]

cdef Table _table
_table.version, _table.count = GRU_API_VERSION, FUNCTIONS
_table.functions[0] = <void *>gru_model_borrow
_table.functions[1] = <void *>gru_model_wrap_f32
_table.functions[2] = <void *>gru_model_wrap_f64
_table.functions[3] = <void *>gru_model_free
_table.functions[4] = <void *>gru_model_get
_table.functions[5] = <void *>gru_model_isa
_table.functions[6] = <void *>gru_step_f32
_table.functions[7] = <void *>gru_step_f64
_table.functions[8] = <void *>gru_logits_f32
_table.functions[9] = <void *>gru_logits_f64
_table.functions[10] = <void *>gru_log_probabilities_f32
_table.functions[11] = <void *>gru_log_probabilities_f64
_table.functions[12] = <void *>gru_cost_f32
_table.functions[13] = <void *>gru_cost_f64
_table.functions[14] = <void *>gru_draw_f32
_table.functions[15] = <void *>gru_draw_f64
_table.functions[16] = <void *>gru_workspace_bytes
_table.functions[17] = <void *>gru_workspace_init
_table.functions[18] = <void *>gru_workspace_state
_table.functions[19] = <void *>gru_forward_f32
_table.functions[20] = <void *>gru_forward_f64
_table.functions[21] = <void *>gru_backward_f32
_table.functions[22] = <void *>gru_backward_f64
_table.functions[23] = <void *>gru_adagrad_f32
_table.functions[24] = <void *>gru_adagrad_f64
_table.functions[25] = <void *>gru_train_step_f32
_table.functions[26] = <void *>gru_train_step_f64

_API = PyCapsule_New(&_table, "gru_ext.capi._API", NULL)
