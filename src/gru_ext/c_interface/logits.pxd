# SPDX-License-Identifier: MIT
"""What follows from logits (V) that were made before: they are read, not changed.

Each function checks its arguments and returns a status of capi.pxd.
"""
from libc.stdint cimport int32_t

from gru_ext.capi cimport gru_model
from gru_ext.core.native cimport real

cdef int log_probabilities_of(const gru_model *model, const real *logits, double temperature,
                              real *out, real *scratch, Py_ssize_t scratch_size) noexcept nogil
cdef int cost_of(const gru_model *model, const real *logits, int32_t next, double *bits,
                 real *scratch, Py_ssize_t scratch_size) noexcept nogil
cdef int draw_of(const gru_model *model, const real *logits, double temperature, double uniform,
                 int32_t *symbol, real *scratch, Py_ssize_t scratch_size) noexcept nogil
