# SPDX-License-Identifier: MIT
"""What follows from logits that were made before (declarations: logits.pxd)."""
from libc.math cimport isfinite
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy, memset

from gru_ext.c_interface.handle cimport handle_of, is_symbol
from gru_ext.c_interface.one_stream cimport bits_of, check_stream, drawn, log_softmax
from gru_ext.capi cimport GRU_BAD_NUMBER, GRU_BAD_SYMBOL, GRU_NULL, GRU_OK, gru_model
from gru_ext.core.bptt cimport Window
from gru_ext.core.native cimport (
    gru_flush_subnormals,
    gru_restore_float_state,
    gru_softmax_cross_entropy,
)
from gru_ext.core.temperature cimport inverse_temperature


cdef void _softmax(const Window *w, const real *logits, double inverse, const int32_t *next,
                   double *loss, real *y) noexcept nogil:
    # y (Vp) = softmax(logits * inverse); y (2, Vp): the output biases are zero, logits have them
    cdef uint64_t float_state = gru_flush_subnormals()
    memset(y, 0, 2 * w.p.Vp * sizeof(real))
    memcpy(y, logits, w.p.V * sizeof(real))
    gru_softmax_cross_entropy(w.k, y, loss, next, y + w.p.Vp, inverse, 1, w.p.V, w.p.Vp)
    gru_restore_float_state(float_state)


cdef int log_probabilities_of(const gru_model *model, const real *logits, double temperature,
                              real *out, real *scratch, Py_ssize_t scratch_size) noexcept nogil:
    cdef int status = check_stream(model, logits, scratch, scratch_size)
    if status or out is NULL:
        return status if status else GRU_NULL
    if not (temperature > 0 and isfinite(temperature)):
        return GRU_BAD_NUMBER
    memcpy(scratch, logits, handle_of(model).w.p.V * sizeof(real))
    log_softmax(&handle_of(model).w, temperature, scratch, out)
    return GRU_OK


cdef int cost_of(const gru_model *model, const real *logits, int32_t next, double *bits,
                 real *scratch, Py_ssize_t scratch_size) noexcept nogil:
    cdef int status = check_stream(model, logits, scratch, scratch_size)
    cdef double nats = 0
    if status or bits is NULL:
        return status if status else GRU_NULL
    if not is_symbol(model, next):
        return GRU_BAD_SYMBOL
    _softmax(&handle_of(model).w, logits, 1, &next, &nats, scratch)
    bits[0] = bits_of(nats)
    return GRU_OK


cdef int draw_of(const gru_model *model, const real *logits, double temperature, double uniform,
                 int32_t *symbol, real *scratch, Py_ssize_t scratch_size) noexcept nogil:
    cdef int status = check_stream(model, logits, scratch, scratch_size)
    if status or symbol is NULL:
        return status if status else GRU_NULL
    if not (temperature >= 0 and isfinite(temperature) and 0 <= uniform < 1):
        return GRU_BAD_NUMBER
    _softmax(&handle_of(model).w, logits, inverse_temperature(temperature), NULL, NULL, scratch)
    symbol[0] = drawn(&handle_of(model).w, temperature, uniform, scratch)
    return GRU_OK
