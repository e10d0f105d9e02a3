# SPDX-License-Identifier: MIT
"""B streams in one time step, with states (layers, B, Hp) of the caller.

Each function checks its arguments and returns a status of capi.pxd.
"""
from libc.stdint cimport int32_t

from gru_ext.capi cimport gru_model
from gru_ext.core.native cimport real

cdef Py_ssize_t batch_scratch_size(const gru_model *model, Py_ssize_t B) noexcept nogil
cdef int step_batch(const gru_model *model, Py_ssize_t B, const int32_t *symbols,
                    const real *state, real *next_state, real *scratch,
                    Py_ssize_t scratch_size) noexcept nogil
cdef int logits_batch(const gru_model *model, Py_ssize_t B, const real *state,
                      real *logits) noexcept nogil
