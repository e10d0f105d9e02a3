# SPDX-License-Identifier: MIT
"""Choosing symbols from logits in a loop, without the GIL (definitions: Sampler in sampler.pyx).

A loop calls, for each time step and each stream that has not ended:

    symbol = choose_symbol(&sampler.sampling, k, stream, y, by, uniform)
    if symbol >= 0:
        ending = observe(&sampler.sampling, stream, symbol)

What a stream read before its sample is passed to `read_symbol`. Nothing here is checked: y and by
have the dtype of the sampler, streams are from 0 to B - 1 and symbols from 0 to V - 1. One thread
at a time may use a sampler: hold `sampler._acquire()`, and release `sampler._lock`.
"""
from libc.math cimport INFINITY, exp2, log2
from libc.stdint cimport int32_t, int64_t

from gru_ext.core.filters cimport (
    Candidate,
    keep_from,
    keep_top_k,
    keep_top_p,
    keep_typical,
    most_likely,
)
from gru_ext.core.native cimport (
    gru_kernels,
    gru_sample,
    gru_softmax_cross_entropy,
    real,
)
from gru_ext.core.repetition cimport Repetition, penalize, remember

# Why a stream ended; the indices of ENDINGS.
cdef enum Ending:
    GOES_ON
    ENDS_STOP      # a stop string is complete
    ENDS_REGEX     # the match is complete
    ENDS_LENGTH    # the sample has the greatest length


cdef struct Automaton:
    const int32_t *next                # (S, V); -1: forbidden. NULL: there is no automaton
    const unsigned char *accepting     # (S)
    const unsigned char *final         # (S): accepting, with no symbol that is allowed next
    const int32_t *to_accept           # (S): fewest symbols to an accepting state
    int32_t farthest                   # the largest of to_accept
    int32_t *state                     # (B)


cdef struct Sampling:
    # Settings
    Py_ssize_t V, Vp, B
    double inverse                     # the factor of the logits, 1 / temperature
    bint cold                          # whether the most likely symbol is chosen
    Py_ssize_t top_k                   # V: all
    double top_p, min_p, typical_p
    double surprise, surprise_rate     # surprise 0: off
    bint edits                         # whether logits are changed before the softmax
    bint filters                       # whether probabilities are changed after it
    int64_t length                     # 0: no limit
    const void *bias                   # (Vp), in the dtype of the logits; or NULL
    Automaton regex, stop
    # State of the streams
    Repetition dry
    double *largest_surprise           # (B): mu
    int64_t *count                     # (B): symbols of the sample
    int32_t *ended                     # (B): an Ending
    # Scratch
    Candidate *heap                    # (V)


cdef inline bint _mask(const Automaton *a, Py_ssize_t V, int32_t state, int64_t after,
                       real *y) noexcept nogil:
    # Sets the logits y (V) of symbols that cannot lead to an accepting state to -inf; `after` more
    # symbols may follow. In an accepting state forbidden symbols stay: they end the match. Returns
    # whether any symbol is left.
    cdef const int32_t *following = a.next + state * V
    cdef bint accepting = a.accepting[state], left = False
    cdef int32_t to
    cdef Py_ssize_t v
    if accepting and after >= a.farthest:
        return True
    for v in range(V):
        to = following[v]
        if (not accepting) if to < 0 else a.to_accept[to] > after:
            y[v] = -INFINITY
        elif y[v] > -INFINITY:
            left = True
    return left


cdef inline bint _edit_logits(Sampling *s, Py_ssize_t stream, real *y) noexcept nogil:
    # Bias, DRY and regex. Returns whether any symbol is left.
    cdef const real *bias = <const real *>s.bias
    cdef Py_ssize_t v
    if bias != NULL:
        for v in range(s.Vp):
            y[v] += bias[v]
    if s.dry.strength > 0:
        penalize(&s.dry, stream, y)
    if s.regex.next != NULL:
        return _mask(&s.regex, s.V, s.regex.state[stream], s.length - s.count[stream] - 1, y)
    return True


cdef inline void _filter(const Sampling *s, Py_ssize_t stream, real *p) noexcept nogil:
    # Sets the probabilities p (V) that the filters remove to zero.
    cdef Py_ssize_t best
    if s.top_k < s.V:
        keep_top_k(p, s.V, s.top_k, s.heap)
    if s.top_p < 1:
        keep_top_p(p, s.V, s.top_p, s.heap)
    if s.min_p > 0:
        best = most_likely(p, s.V)
        keep_from(p, s.V, s.min_p * p[best], best)
    if s.typical_p < 1:
        keep_typical(p, s.V, s.typical_p, s.heap)
    if s.surprise > 0:
        keep_from(p, s.V, exp2(-s.largest_surprise[stream]), most_likely(p, s.V))


cdef inline int32_t choose_symbol(Sampling *s, const gru_kernels *k, Py_ssize_t stream, real *y,
                                  const real *by, double uniform) noexcept nogil:
    # The next symbol of a stream. y (Vp) is Wy h without the output bias, and is overwritten; by
    # (Vp) is the output bias, with padding of zeros; uniform is a random number in [0, 1). Returns
    # -1 if the sample ends without another symbol, because the match is complete (ENDS_REGEX).
    cdef int32_t symbol
    if s.edits and not _edit_logits(s, stream, y):
        s.ended[stream] = ENDS_REGEX
        return -1
    gru_softmax_cross_entropy(k, y, NULL, NULL, by, s.inverse, 1, s.V, s.Vp)
    if s.cold:
        symbol = <int32_t>most_likely(y, s.V)
    else:
        if s.filters:
            _filter(s, stream, y)
        symbol = gru_sample(k, y, uniform, s.V)
        if s.surprise > 0 and y[symbol] > 0:
            s.largest_surprise[stream] -= s.surprise_rate * (-log2(y[symbol]) - s.surprise)
    if s.regex.next != NULL and s.regex.next[s.regex.state[stream] * s.V + symbol] < 0:
        s.ended[stream] = ENDS_REGEX
        return -1
    return symbol


cdef inline int observe(Sampling *s, Py_ssize_t stream, int32_t symbol) noexcept nogil:
    # Appends a symbol to the sample of a stream. Returns an Ending: GOES_ON, or why it ends.
    cdef int ending = GOES_ON
    cdef int32_t to
    if s.dry.strength > 0:
        remember(&s.dry, stream, symbol)
    s.count[stream] += 1
    if s.length > 0 and s.count[stream] >= s.length:
        ending = ENDS_LENGTH
    if s.regex.next != NULL:
        to = s.regex.next[s.regex.state[stream] * s.V + symbol]
        if to >= 0:
            s.regex.state[stream] = to
        if to < 0 or s.regex.final[to]:
            ending = ENDS_REGEX
    if s.stop.next != NULL:
        to = s.stop.next[s.stop.state[stream] * s.V + symbol]
        s.stop.state[stream] = to
        if s.stop.accepting[to]:
            ending = ENDS_STOP
    s.ended[stream] = ending
    return ending


cdef inline void read_symbol(Sampling *s, Py_ssize_t stream, int32_t symbol) noexcept nogil:
    # The stream reads a symbol that is not part of its sample.
    if s.dry.strength > 0:
        remember(&s.dry, stream, symbol)
