# SPDX-License-Identifier: MIT
"""One stream in the caller's memory: a time step, and the distribution of the next symbol.

Each function checks its arguments and returns a status of capi.pxd.
"""
from libc.stdint cimport int32_t

from gru_ext.capi cimport gru_model
from gru_ext.core.bptt cimport Window
from gru_ext.core.native cimport real

# 1 / log 2
cdef inline double bits_of(double nats) noexcept nogil:
    return nats * 1.4426950408889634


cdef int check_stream(const gru_model *model, const real *state, const real *scratch,
                      Py_ssize_t scratch_size) noexcept nogil
cdef int step_stream(const gru_model *model, int32_t symbol, real *state, real *scratch,
                     Py_ssize_t scratch_size) noexcept nogil
cdef void time_step(const Window *w, const real *p, const int32_t *symbols, const real *state,
                    real *next_state, real *scratch, Py_ssize_t B) noexcept nogil
cdef int stream_logits(const gru_model *model, const real *state, real *logits, real *scratch,
                       Py_ssize_t scratch_size) noexcept nogil
cdef int stream_log_probabilities(const gru_model *model, const real *state, double temperature,
                                  real *out, real *scratch, Py_ssize_t scratch_size) noexcept nogil
cdef int stream_cost(const gru_model *model, const real *state, int32_t next, double *bits,
                     real *scratch, Py_ssize_t scratch_size) noexcept nogil
cdef int sample_next(const gru_model *model, const real *state, double temperature, double uniform,
                     int32_t *symbol, real *scratch, Py_ssize_t scratch_size) noexcept nogil
cdef void log_softmax(const Window *w, double temperature, real *y, real *out) noexcept nogil
cdef int32_t drawn(const Window *w, double temperature, double uniform, real *p) noexcept nogil
