# SPDX-License-Identifier: MIT
"""The penalty of repetitions: DRY, "don't repeat yourself" (equations: Sampler in sampler.pyx).

For a distance d let run[d] be how many of the newest symbols equal those d places before them. The
symbol after that earlier occurrence is the one d - 1 places before the newest. When a symbol is
read, run[d] is one more if it equals the symbol d places before it, and 0 otherwise.
"""
from libc.math cimport fmin, pow
from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

from gru_ext.core.native cimport real


cdef struct Repetition:
    double strength                # 0: no penalty, and no history
    double base
    Py_ssize_t length              # the shortest repetition with a penalty
    Py_ssize_t range               # R, the longest history
    const unsigned char *breaks    # (V): symbols that end a repetition
    # for each stream
    int32_t *past                  # (B, 2 * R): the history from `newest` on, newest symbol first
    int32_t *run                   # (B, R)
    int32_t *longest_run           # (B)
    Py_ssize_t *newest             # (B)
    Py_ssize_t *count              # (B): length of the history, at most R
    int32_t *longest               # (V): zero between two calls


cdef inline void remember(Repetition *r, Py_ssize_t stream, int32_t symbol) noexcept nogil:
    # The stream reads a symbol, from 0 to V - 1.
    cdef int32_t *past = r.past + stream * 2 * r.range
    cdef int32_t *run = r.run + stream * r.range
    cdef int32_t most = <int32_t>r.range, longest = 0, length
    cdef Py_ssize_t at = r.newest[stream], n = min(r.count[stream], r.range - 1), d
    if at == 0:
        at = 2 * r.range - n
        memcpy(past + at, past, n * sizeof(int32_t))
    at -= 1
    past[at] = symbol
    r.newest[stream], r.count[stream] = at, n + 1
    if r.breaks[symbol]:
        memset(run, 0, r.range * sizeof(int32_t))
    else:
        for d in range(1, n + 1):
            length = run[d] + 1 if run[d] < most else most
            length = length if past[at + d] == symbol else 0
            run[d] = length
            longest = length if length > longest else longest
    r.longest_run[stream] = longest


cdef inline Py_ssize_t _repeated(const Repetition *r, Py_ssize_t stream,
                                 Py_ssize_t d) noexcept nogil:
    # The length of the repetition at distance d, as far as it is within the history.
    return min(<Py_ssize_t>r.run[stream * r.range + d], r.count[stream] - d)


cdef inline void penalize(Repetition *r, Py_ssize_t stream, real *y) noexcept nogil:
    # Lowers the logits y (V) of the symbols that would continue a repetition, by at most 1e30: a
    # finite number of float32 even when it is divided by the lowest temperature.
    cdef const int32_t *past = r.past + stream * 2 * r.range + r.newest[stream]
    cdef int32_t symbol
    cdef Py_ssize_t d, length
    if r.longest_run[stream] < r.length:
        return
    for d in range(1, r.count[stream]):
        length = _repeated(r, stream, d)
        symbol = past[d - 1]
        if length >= r.length and length > r.longest[symbol]:
            r.longest[symbol] = <int32_t>length
    for d in range(1, r.count[stream]):
        symbol = past[d - 1]
        if r.longest[symbol] > 0:
            if not r.breaks[symbol]:
                y[symbol] -= <real>fmin(
                    r.strength * pow(r.base, r.longest[symbol] - r.length), 1e30)
            r.longest[symbol] = 0
