# SPDX-License-Identifier: MIT
"""A symbol from logits, with a mask and filters (declarations: sampling.pxd)."""
from libc.math cimport INFINITY, isfinite
from libc.stdint cimport int32_t, uint64_t, uintptr_t
from libc.string cimport memcpy, memset

from gru_ext.c_interface.handle cimport handle_of
from gru_ext.capi cimport (
    GRU_BAD_NUMBER,
    GRU_BAD_SIZE,
    GRU_BAD_SYMBOL,
    GRU_NULL,
    GRU_OK,
    GRU_TOO_SMALL,
    GRU_WRONG_DTYPE,
    gru_model,
    gru_sampling,
)
from gru_ext.core.bptt cimport Window
from gru_ext.core.native cimport gru_flush_subnormals, gru_restore_float_state
from gru_ext.core.sampling cimport Sampling, choose_symbol
from gru_ext.core.temperature cimport inverse_temperature, is_cold

cdef enum:
    FIRST_SAMPLING_SIZE = 52    # of gru_sampling in its first version, where a pointer has 4 bytes


cdef inline double _share(double asked) noexcept nogil:
    # top_p and typical_p, where 0 is the same as 1
    return asked if asked != 0 else 1


cdef int _settings_of(const gru_sampling *asked, const Window *w, Sampling *s,
                      const unsigned char **mask) noexcept nogil:
    # The sampler of one stream without history, and the mask.
    cdef gru_sampling a
    memset(&a, 0, sizeof(a))
    if not FIRST_SAMPLING_SIZE <= asked.size <= <Py_ssize_t>sizeof(gru_sampling):
        return GRU_BAD_SIZE
    memcpy(&a, asked, asked.size)
    if not (a.temperature >= 0 and isfinite(a.temperature) and a.top_k >= 0 and 0 <= a.top_p <= 1
            and 0 <= a.min_p <= 1 and 0 <= a.typical_p <= 1):
        return GRU_BAD_NUMBER
    memset(s, 0, sizeof(Sampling))
    s.V, s.Vp, s.B = w.p.V, w.p.Vp, 1
    s.inverse, s.cold = inverse_temperature(a.temperature), is_cold(a.temperature)
    s.top_k = a.top_k if 0 < a.top_k < w.p.V else w.p.V
    s.top_p, s.min_p, s.typical_p = _share(a.top_p), a.min_p, _share(a.typical_p)
    s.filters = s.top_k < s.V or s.top_p < 1 or s.min_p > 0 or s.typical_p < 1
    mask[0] = a.mask
    return GRU_OK


cdef int sample_symbol(const gru_model *model, const real *logits, const gru_sampling *sampling,
                       double uniform, int32_t *symbol, real *scratch,
                       Py_ssize_t scratch_size) noexcept nogil:
    cdef const Window *w
    cdef const unsigned char *mask = NULL
    cdef Sampling s
    cdef uint64_t float_state
    cdef Py_ssize_t v, left = 0
    cdef int status
    if (model is NULL or logits is NULL or sampling is NULL or symbol is NULL
            or scratch is NULL):
        return GRU_NULL
    if handle_of(model).itemsize != sizeof(real):
        return GRU_WRONG_DTYPE
    if scratch_size < sample_scratch_size_of(handle_of(model)):
        return GRU_TOO_SMALL
    w = &handle_of(model).w
    status = _settings_of(sampling, w, &s, &mask)
    if status or not 0 <= uniform < 1:
        return status if status else GRU_BAD_NUMBER
    s.heap = <Candidate *>((<uintptr_t>(scratch + 2 * w.p.Vp) + 7) // 8 * 8)
    memset(scratch, 0, 2 * w.p.Vp * sizeof(real))    # logits, and biases of zero
    memcpy(scratch, logits, w.p.V * sizeof(real))
    if mask is not NULL:
        for v in range(w.p.V):
            if mask[v]:
                left += 1
            else:
                scratch[v] = -INFINITY
        if left == 0:
            return GRU_BAD_SYMBOL
    float_state = gru_flush_subnormals()
    symbol[0] = choose_symbol(&s, w.k, 0, scratch, scratch + w.p.Vp, uniform)
    gru_restore_float_state(float_state)
    return GRU_OK
