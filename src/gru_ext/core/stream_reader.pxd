# SPDX-License-Identifier: MIT
"""The C-level declaration of stream_reader.pyx."""
from libc.stdint cimport int32_t

from gru_ext.core.stream_group cimport StreamGroup
from gru_ext.core.stream_state cimport StreamState


cdef class StreamReader(StreamState):
    cdef double _window      # the estimated nanoseconds of a whole window on one thread
    cdef object _contention  # whether other threads help to read windows,
    cdef object _step_contention  # and to sample
    cdef Py_ssize_t _read_together(self, threads, windows, arrays, Py_ssize_t begin) except -1
    cdef Py_ssize_t _read_windows(self, arrays, Py_ssize_t begin, Py_ssize_t end,
                                  StreamGroup group) except -1
    cdef bint _read_part(self, symbols, nats, starts, resets, StreamGroup group) except -1
    cdef _window_states(self, Py_ssize_t layer)
    cdef bint _read_window(self, Py_ssize_t n, const int32_t *symbols, const unsigned char *starts,
                           const unsigned char *resets, StreamGroup group) except -1
    cdef void _mark_resets(self, Py_ssize_t n, unsigned char *marks, const unsigned char *starts,
                           const unsigned char *resets) noexcept
    cdef bint _compute(self, StreamGroup group) noexcept
