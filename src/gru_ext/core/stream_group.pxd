# SPDX-License-Identifier: MIT
"""The threads that share the units of a stream's time steps, in one call.

Member 0 is the thread of the caller, which says what is read next: it sets the workspace's window,
meets the others, and computes its own share. Each meeting is a barrier.
"""
from gru_ext.core.native cimport real
from gru_ext.core.stream_state cimport StreamState
from gru_ext.core.team cimport Grid, Share, gru_team


cdef class StreamGroup:
    cdef StreamState stream
    cdef gru_team team
    cdef Grid grid
    cdef bint windows       # windows with their losses are read, not one symbol after another
    cdef bint ended         # there is nothing more to read
    cdef bint contended     # its members wait too long for each other
    cdef double waited      # the fraction of their time
    cdef double began
    cdef Grid _grid(self, Py_ssize_t B, Py_ssize_t threads, double *nanoseconds) noexcept nogil
    cdef Py_ssize_t useful(self, Py_ssize_t threads) noexcept nogil
    cdef double step_nanoseconds(self) noexcept nogil
    cdef void begin(self, Py_ssize_t threads) noexcept nogil
    cdef Share share(self, Py_ssize_t member) noexcept nogil
    cdef int meet(self) noexcept nogil
    cdef void end(self) noexcept nogil
    cdef bint looks_contended(self) noexcept nogil
