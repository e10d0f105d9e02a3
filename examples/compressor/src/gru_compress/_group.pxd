# SPDX-License-Identifier: MIT
from libc.stdint cimport int32_t, uint16_t, uint32_t

from gru_compress._matches cimport Match, Matches
from gru_compress._network cimport Network
from gru_compress._range_coder cimport RangeCoder


cdef class Group:
    cdef Network network
    cdef Py_ssize_t first, B, T, Vp
    cdef Py_ssize_t size, length      # bytes of the data, and of each stream
    cdef bint encoding
    cdef const unsigned char[::1] points    # (V): the byte of each symbol
    cdef const int32_t[::1] codes     # (256): the symbol of each byte; -1: none
    cdef float[::1] states            # (layers, B, Hp)
    cdef float[::1] logits            # (B, Vp)
    cdef float[::1] scratch
    cdef float[::1] gradients
    cdef uint32_t[::1] frequencies    # (V)
    cdef int32_t[::1] symbols         # (T + 1, B): what is read; the targets are the last T rows
    cdef unsigned char[::1] workspace
    cdef unsigned char[::1] code
    cdef RangeCoder coder
    cdef Matches matches
    cdef Py_ssize_t[::1] positions    # the memory of matches
    cdef uint16_t[::1] chances
    cdef Py_ssize_t[:, ::1] found     # (B, 2): a Match of each stream

    cdef void _point_coder(self)
    cdef int _code(self, unsigned char[::1] data, Py_ssize_t begin,
                   Py_ssize_t steps) noexcept nogil
    cdef int32_t _code_byte(self, const float *logits, unsigned char *data, Py_ssize_t at,
                            Match *match) noexcept nogil
    cdef bint _code_match(self, unsigned char *data, Py_ssize_t at, const Match *match,
                          uint32_t *total) noexcept nogil
    cdef int _learn(self) noexcept nogil
