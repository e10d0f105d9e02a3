# SPDX-License-Identifier: MIT
"""B streams in one time step (declarations: batch.pxd)."""
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy

from gru_ext.c_interface.handle cimport flat_of, handle_of, is_symbol, scratch_size_of
from gru_ext.c_interface.one_stream cimport time_step
from gru_ext.capi cimport (
    GRU_BAD_SIZE,
    GRU_BAD_SYMBOL,
    GRU_NULL,
    GRU_OK,
    GRU_TOO_SMALL,
    GRU_WRONG_DTYPE,
    gru_model,
)
from gru_ext.core.bptt cimport Window
from gru_ext.core.layout cimport MOST_STREAMS
from gru_ext.core.native cimport gru_flush_subnormals, gru_restore_float_state, real
from gru_ext.core.products cimport product


cdef Py_ssize_t batch_scratch_size(const gru_model *model, Py_ssize_t B) noexcept nogil:
    if model is NULL:
        return GRU_NULL
    return B * scratch_size_of(handle_of(model)) if 1 <= B <= MOST_STREAMS else GRU_BAD_SIZE


cdef inline int _check_batch(const gru_model *model, Py_ssize_t B, const real *state,
                             const real *result) noexcept nogil:
    if model is NULL or state is NULL or result is NULL:
        return GRU_NULL
    if handle_of(model).itemsize != sizeof(real):
        return GRU_WRONG_DTYPE
    return GRU_OK if 1 <= B <= MOST_STREAMS else GRU_BAD_SIZE


cdef int step_batch(const gru_model *model, Py_ssize_t B, const int32_t *symbols,
                    const real *state, real *next_state, real *scratch,
                    Py_ssize_t scratch_size) noexcept nogil:
    cdef int status = _check_batch(model, B, state, next_state)
    cdef const Window *w
    cdef int32_t *x
    cdef Py_ssize_t b
    if status or symbols is NULL or scratch is NULL:
        return status if status else GRU_NULL
    if scratch_size < batch_scratch_size(model, B):
        return GRU_TOO_SMALL
    # Another thread may write into the caller's symbols: they are copied to behind what time_step
    # uses of the scratch memory.
    w = &handle_of(model).w
    x = <int32_t *>(scratch + B * (scratch_size_of(handle_of(model)) - 2 * w.p.Vp))
    memcpy(x, symbols, B * sizeof(int32_t))
    for b in range(B):
        if not is_symbol(model, x[b]):
            return GRU_BAD_SYMBOL
    time_step(w, flat_of(model, scratch), x, state, next_state, scratch, B)
    return GRU_OK


cdef int logits_batch(const gru_model *model, Py_ssize_t B, const real *state,
                      real *logits) noexcept nogil:
    # logits (B, Vp) = Wy h + by, with padding of zeros
    cdef int status = _check_batch(model, B, state, logits)
    cdef const Window *w
    cdef const real *p
    cdef uint64_t float_state
    cdef Py_ssize_t b, v
    if status:
        return status
    w, p = &handle_of(model).w, flat_of(model, logits)
    float_state = gru_flush_subnormals()
    product(w, False, logits, w.p.Vp, state + (w.p.layers - 1) * B * w.p.Hp, w.p.Hp, p + w.p.wy,
            logits, B, w.p.Vp, w.p.H, <real *>NULL)
    gru_restore_float_state(float_state)
    for b in range(B):
        for v in range(w.p.V):
            logits[b * w.p.Vp + v] += p[w.p.by + v]
    return GRU_OK
