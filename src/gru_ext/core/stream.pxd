# SPDX-License-Identifier: MIT
"""The C-level declaration of stream.pyx."""
from libc.stdint cimport int32_t

from gru_ext.core.stream_group cimport StreamGroup
from gru_ext.core.stream_state cimport StreamState


cdef class SymbolStream(StreamState):
    cdef double _window      # the estimated nanoseconds of a whole window on one thread
    cdef object _contention  # whether other threads help
    cdef _feed_one(self, int32_t symbol)
    cdef Py_ssize_t _read_together(self, threads, windows, arrays, Py_ssize_t begin) except -1
    cdef Py_ssize_t _read_windows(self, arrays, Py_ssize_t begin, Py_ssize_t end,
                                  StreamGroup group) except -1
    cdef _read_part(self, symbols, nats, starts, resets, StreamGroup group)
    cdef _window_states(self, Py_ssize_t layer)
    cdef _read_window(self, Py_ssize_t n, const int32_t *symbols, const unsigned char *starts,
                      const unsigned char *resets, StreamGroup group)
    cdef void _mark_resets(self, Py_ssize_t n, unsigned char *marks, const unsigned char *starts,
                           const unsigned char *resets) noexcept
    cdef void _compute(self, StreamGroup group) noexcept
    cdef _fill_predictions(self, double temperature, bint log)
    cdef _predict(self)
    cdef void _compute_logits(self) noexcept
