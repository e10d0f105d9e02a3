# SPDX-License-Identifier: MIT
"""The streams of a text, and the windows of inputs and targets along them.

A text of n symbols is cut into B streams of equal length, which are read in parallel: window by
window, each with its own hidden state.
"""
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
    bint restart            # this window is the first one: it starts from a zero state
    long bad_symbol         # set if a symbol is not from 0 to V - 1
    Py_ssize_t bad_at       # its place in the text
    int32_t bad_value


cdef inline int32_t _symbol(const Streams *streams, Py_ssize_t i) noexcept nogil:
    if streams.symbol_bytes == 1:
        return (<const uint8_t *>streams.symbols)[i]
    if streams.symbol_bytes == 2:
        return (<const uint16_t *>streams.symbols)[i]
    return (<const int32_t *>streams.symbols)[i]


cdef inline bint _document_starts(const Streams *streams, Py_ssize_t i) noexcept nogil:
    # Whether symbol i is the last one of a separator. The state is reset before it is read, so that
    # the separator's end is the first input of the document after it.
    cdef Py_ssize_t k, n = streams.separator_length
    if i + 1 < n:
        return False
    for k in range(n):
        if _symbol(streams, i - k) != streams.separator[n - 1 - k]:
            return False
    return True


cdef inline void load_window(Window *w, Streams *streams) noexcept nogil:
    # Copies the next window's inputs, targets and resets into the workspace; sets bad_symbol and
    # returns early if a symbol is out of range. Each symbol is read once, then checked and stored:
    # another thread may write into the caller's text at any time.
    cdef Py_ssize_t t, s, at
    cdef int32_t x, target
    cdef int32_t *inputs = <int32_t *>w.inputs
    cdef int32_t *targets = <int32_t *>w.targets
    cdef unsigned char *touched = <unsigned char *>w.touched
    cdef unsigned char *resets = <unsigned char *>w.resets
    streams.restart = streams.position + w.T + 1 >= streams.stream_length or streams.position == 0
    if streams.restart:
        streams.position = 0
    memset(touched, 0, w.p.V)
    for s in range(w.B):
        at = s * (streams.stream_length - 1) + streams.position
        x = _symbol(streams, at)
        for t in range(w.T):
            target = _symbol(streams, at + t + 1)
            if x < 0 or x >= w.p.V or target < 0 or target >= w.p.V:
                streams.bad_symbol = 1
                streams.bad_at = at + t + (0 <= x < w.p.V)
                streams.bad_value = target if 0 <= x < w.p.V else x
                return
            inputs[t * w.B + s] = x
            targets[t * w.B + s] = target
            touched[x] = 1
            if resets != NULL:
                resets[t * w.B + s] = _document_starts(streams, at + t)
            x = target
