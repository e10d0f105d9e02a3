# SPDX-License-Identifier: MIT
"""The streams that a text is cut into, and the windows along them."""
from libc.stdint cimport int32_t, uint8_t, uint16_t
from libc.string cimport memset

from gru_ext.core.bptt cimport Window


cdef struct Streams:
    const void *symbols
    int symbol_bytes
    const int32_t *separator  # (separator_length)
    Py_ssize_t separator_length
    Py_ssize_t stream_length
    Py_ssize_t position
    bint fresh              # this window starts from a zero state
    long refused            # a symbol that is none


cdef inline int32_t _symbol(const Streams *streams, Py_ssize_t i) noexcept nogil:
    if streams.symbol_bytes == 1:
        return (<const uint8_t *>streams.symbols)[i]
    if streams.symbol_bytes == 2:
        return (<const uint16_t *>streams.symbols)[i]
    return (<const int32_t *>streams.symbols)[i]


cdef inline bint _document_starts(const Streams *streams, Py_ssize_t i) noexcept nogil:
    # The first that a document's state reads is the last symbol of the separator before it.
    cdef Py_ssize_t k, n = streams.separator_length
    if i + 1 < n:
        return False
    for k in range(n):
        if _symbol(streams, i - k) != streams.separator[n - 1 - k]:
            return False
    return True


cdef inline void gather(Window *w, Streams *streams) noexcept nogil:
    # The next window's inputs and targets; a symbol that is none ends the streams.
    cdef Py_ssize_t t, s, at
    cdef int32_t x, target
    cdef int32_t *inputs = <int32_t *>w.inputs
    cdef int32_t *targets = <int32_t *>w.targets
    cdef unsigned char *touched = <unsigned char *>w.touched
    cdef unsigned char *resets = <unsigned char *>w.resets
    streams.fresh = streams.position + w.T + 1 >= streams.stream_length or streams.position == 0
    if streams.fresh:
        streams.position = 0
    memset(touched, 0, w.p.V)
    for s in range(w.B):
        at = s * (streams.stream_length - 1) + streams.position
        x = _symbol(streams, at)
        for t in range(w.T):
            target = _symbol(streams, at + t + 1)
            if x < 0 or x >= w.p.V or target < 0 or target >= w.p.V:
                streams.refused = 1
                return
            inputs[t * w.B + s] = x
            targets[t * w.B + s] = target
            touched[x] = 1
            if resets != NULL:
                resets[t * w.B + s] = _document_starts(streams, at + t)
            x = target
