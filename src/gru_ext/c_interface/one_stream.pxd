# SPDX-License-Identifier: MIT
"""One stream in the caller's memory: a step, and what comes next. Each checks its arguments."""
from libc.stdint cimport int32_t

from gru_ext.capi cimport gru_model
from gru_ext.core.native cimport real

cdef int take_step(const gru_model *model, int32_t symbol, real *state, real *scratch,
                   Py_ssize_t scratch_size) noexcept nogil
cdef int logits_of(const gru_model *model, const real *state, real *logits, real *scratch,
                   Py_ssize_t scratch_size) noexcept nogil
cdef int log_probabilities_of(const gru_model *model, const real *state, double temperature,
                              real *out, real *scratch, Py_ssize_t scratch_size) noexcept nogil
cdef int cost_of(const gru_model *model, const real *state, int32_t next, double *bits,
                 real *scratch, Py_ssize_t scratch_size) noexcept nogil
cdef int draw_next(const gru_model *model, const real *state, double temperature, double uniform,
                   int32_t *symbol, real *scratch, Py_ssize_t scratch_size) noexcept nogil
