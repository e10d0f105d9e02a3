# SPDX-License-Identifier: MIT
"""One stream in the caller's memory (declarations: one_stream.pxd)."""
from libc.math cimport isfinite
from libc.stdint cimport int32_t, uint64_t

from gru_ext.c_interface.handle cimport flat_of, handle_of, is_symbol, scratch_size_of
from gru_ext.capi cimport (
    GRU_BAD_NUMBER,
    GRU_BAD_SYMBOL,
    GRU_NULL,
    GRU_OK,
    GRU_TOO_SMALL,
    GRU_WRONG_DTYPE,
    gru_model,
)
from gru_ext.core.bptt cimport Window, cell_forward
from gru_ext.core.filters cimport most_likely
from gru_ext.core.layout cimport LayerOffsets, layer_offsets
from gru_ext.core.native cimport (
    gru_flush_subnormals,
    gru_restore_float_state,
    gru_sample,
    gru_softmax_cross_entropy,
    gru_vexp,
    gru_vlog,
    real,
)
from gru_ext.core.products cimport product
from gru_ext.core.team cimport Share, whole_share
from gru_ext.core.temperature cimport inverse_temperature, is_cold


cdef int check_stream(const gru_model *model, const real *state, const real *scratch,
                      Py_ssize_t scratch_size) noexcept nogil:
    if model is NULL or state is NULL or scratch is NULL:
        return GRU_NULL
    if handle_of(model).itemsize != sizeof(real):
        return GRU_WRONG_DTYPE
    if scratch_size < scratch_size_of(handle_of(model)):
        return GRU_TOO_SMALL
    return GRU_OK


cdef int step_stream(const gru_model *model, int32_t symbol, real *state, real *scratch,
                     Py_ssize_t scratch_size) noexcept nogil:
    cdef int status = check_stream(model, state, scratch, scratch_size)
    if status:
        return status
    if not is_symbol(model, symbol):
        return GRU_BAD_SYMBOL
    time_step(&handle_of(model).w, flat_of(model, state), &symbol, state, state, scratch, 1)
    return GRU_OK


cdef void time_step(const Window *w, const real *p, const int32_t *symbols, const real *state,
                    real *next_state, real *scratch, Py_ssize_t B) noexcept nogil:
    # One time step of all layers, states (layers, B, Hp); scratch is gates (B, 3, Hp), rh (B, Hp)
    # and W x (B, 3, Hp). The weights are read unpacked.
    cdef Py_ssize_t size = B * w.p.Hp, layer
    cdef real *wx = scratch + 4 * size
    cdef LayerOffsets at
    cdef Share share = whole_share(&w.p, B)
    cdef uint64_t float_state = gru_flush_subnormals()
    for layer in range(w.p.layers):
        at = layer_offsets(&w.p, layer)
        if layer > 0:
            product(w, False, wx, 3 * w.p.Hp, next_state + (layer - 1) * size, w.p.Hp, p + at.w,
                    wx, B, 3 * w.p.Hp, w.p.H, <real *>NULL)
        cell_forward(w, &at, p, scratch, scratch, scratch + 3 * size, state + layer * size,
                     next_state + layer * size, symbols if layer == 0 else NULL, wx, &share)
    gru_restore_float_state(float_state)


cdef inline const real *_top(const Window *w, const real *state) noexcept nogil:
    # The hidden state of the top layer, from the state of one stream (layers, Hp).
    return state + (w.p.layers - 1) * w.p.Hp


cdef void _softmax(const gru_model *model, const real *state, double inverse, const int32_t *next,
                   double *loss, real *y) noexcept nogil:
    # y (Vp) = softmax((Wy h + by) * inverse)
    cdef const Window *w = &handle_of(model).w
    cdef real *p = flat_of(model, y)
    cdef uint64_t float_state = gru_flush_subnormals()
    product(w, w.packed, y, w.p.Vp, _top(w, state), w.p.Hp, p + w.p.wy, y, 1, w.p.Vp, w.p.H,
            <real *>NULL)
    gru_softmax_cross_entropy(w.k, y, loss, next, p + w.p.by, inverse, 1, w.p.V, w.p.Vp)
    gru_restore_float_state(float_state)


cdef int stream_logits(const gru_model *model, const real *state, real *logits, real *scratch,
                       Py_ssize_t scratch_size) noexcept nogil:
    cdef int status = check_stream(model, state, scratch, scratch_size)
    cdef const Window *w
    cdef real *by
    cdef uint64_t float_state
    cdef Py_ssize_t v
    if status or logits is NULL:
        return status if status else GRU_NULL
    w = &handle_of(model).w
    by = flat_of(model, logits) + w.p.by
    float_state = gru_flush_subnormals()
    product(w, w.packed, scratch, w.p.Vp, _top(w, state), w.p.Hp,
            flat_of(model, logits) + w.p.wy, scratch, 1, w.p.Vp, w.p.H, <real *>NULL)
    gru_restore_float_state(float_state)
    for v in range(w.p.V):
        logits[v] = scratch[v] + by[v]
    return GRU_OK


cdef int stream_log_probabilities(const gru_model *model, const real *state, double temperature,
                                  real *out, real *scratch, Py_ssize_t scratch_size) noexcept nogil:
    cdef int status = check_stream(model, state, scratch, scratch_size)
    if status or out is NULL:
        return status if status else GRU_NULL
    if not (temperature > 0 and isfinite(temperature)):
        return GRU_BAD_NUMBER
    stream_logits(model, state, scratch, scratch + handle_of(model).w.p.Vp, scratch_size)
    log_softmax(&handle_of(model).w, temperature, scratch, out)
    return GRU_OK


cdef void log_softmax(const Window *w, double temperature, real *y, real *out) noexcept nogil:
    # out (V) = y - max y - log sum exp(y - max y) with y divided by the temperature. y (2, Vp): the
    # logits, and scratch.
    cdef real *e = y + w.p.Vp
    cdef real inverse = <real>inverse_temperature(temperature)
    cdef real largest, total = 0, log_total
    cdef Py_ssize_t v
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


cdef int stream_cost(const gru_model *model, const real *state, int32_t next, double *bits,
                     real *scratch, Py_ssize_t scratch_size) noexcept nogil:
    cdef int status = check_stream(model, state, scratch, scratch_size)
    cdef double nats = 0
    if status or bits is NULL:
        return status if status else GRU_NULL
    if not is_symbol(model, next):
        return GRU_BAD_SYMBOL
    _softmax(model, state, 1, &next, &nats, scratch)
    bits[0] = bits_of(nats)
    return GRU_OK


cdef int sample_next(const gru_model *model, const real *state, double temperature, double uniform,
                     int32_t *symbol, real *scratch, Py_ssize_t scratch_size) noexcept nogil:
    cdef int status = check_stream(model, state, scratch, scratch_size)
    if status or symbol is NULL:
        return status if status else GRU_NULL
    if not (temperature >= 0 and isfinite(temperature) and 0 <= uniform < 1):
        return GRU_BAD_NUMBER
    _softmax(model, state, inverse_temperature(temperature), NULL, NULL, scratch)
    symbol[0] = drawn(&handle_of(model).w, temperature, uniform, scratch)
    return GRU_OK


cdef int32_t drawn(const Window *w, double temperature, double uniform, real *p) noexcept nogil:
    # A symbol from the probabilities p (V).
    if is_cold(temperature):
        return <int32_t>most_likely(p, w.p.V)
    return gru_sample(w.k, p, uniform, w.p.V)
