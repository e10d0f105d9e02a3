# SPDX-License-Identifier: MIT
"""The C-level declaration of sampler.pyx: choosing symbols in a loop that samples, without the GIL.

A loop calls, for each time step and each stream that has not ended:

    symbol = choose_symbol(&sampler.sampling, k, stream, y, by, uniform)
    if symbol >= 0:
        ending = observe(&sampler.sampling, stream, symbol)

What the stream read before is passed to `read_symbol`. Nothing here is checked: y and by have the
dtype of the sampler, streams are from 0 to B - 1 and symbols from 0 to V - 1. One thread at a time
may use a sampler: hold `_acquire()`, and release `_lock`.
"""
from libc.stdint cimport int32_t, int64_t

from gru_ext.core.filters cimport Candidate
from gru_ext.core.native cimport gru_kernels, real
from gru_ext.core.repetition cimport Repetition

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
    double temperature, inverse        # inverse: the factor of the logits
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


cdef class Sampler:
    cdef Sampling sampling
    cdef readonly object dtype
    cdef object _tables, _state, _scratch, _lock
    cdef _acquire(self)
    cdef size_t _keep(self, array) except? 0
    cdef _set_filters(self, temperature, top_k, top_p, min_p, typical_p, surprise, surprise_rate)
    cdef _set_bias(self, bias)
    cdef _set_dry(self, dry, dry_base, dry_length, dry_range, dry_breakers)
    cdef _set_automata(self, regex, stop, length)
    cdef _allocate(self)


# Chooses the next symbol of a stream. y (Vp) is Wy h without the output bias, and is overwritten;
# by (Vp) is the output bias, with padding of zeros; uniform is a random number in [0, 1). Returns
# -1 if the sample ends without another symbol, because the match is complete (ENDS_REGEX).
cdef int32_t choose_symbol(Sampling *s, const gru_kernels *k, Py_ssize_t stream, real *y,
                           const real *by, double uniform) noexcept nogil

# Appends a symbol to the sample of a stream. Returns an Ending: GOES_ON or why the sample ends.
cdef int observe(Sampling *s, Py_ssize_t stream, int32_t symbol) noexcept nogil

# Tells the sampler a symbol that a stream read before its sample.
cdef void read_symbol(Sampling *s, Py_ssize_t stream, int32_t symbol) noexcept nogil
