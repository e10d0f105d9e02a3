# SPDX-License-Identifier: MIT
"""A symbol from logits (V), with a mask and filters (definitions: Sampler in core/sampler.pyx).

The function checks its arguments and returns a status of capi.pxd.
"""
from libc.stdint cimport int32_t

from gru_ext.c_interface.handle cimport Handle
from gru_ext.capi cimport gru_model, gru_sampling
from gru_ext.core.filters cimport Candidate
from gru_ext.core.native cimport real


cdef inline Py_ssize_t sample_scratch_size_of(const Handle *m) noexcept nogil:
    # Logits, biases, and a heap of candidates, which begins at a multiple of 8 bytes.
    return 2 * m.w.p.Vp + (m.w.p.V * <Py_ssize_t>sizeof(Candidate) + 8) // m.itemsize


cdef int sample_symbol(const gru_model *model, const real *logits, const gru_sampling *sampling,
                       double uniform, int32_t *symbol, real *scratch,
                       Py_ssize_t scratch_size) noexcept nogil
