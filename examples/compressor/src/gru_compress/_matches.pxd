# SPDX-License-Identifier: MIT
"""Repetitions: where the last bytes of a stream have occurred before, and what came after them.

A network forgets what a file repeats word for word. The byte that followed the last time is
offered first, with a chance that is learned; if it is another one, the network's frequencies are
used without it. All of this is integer arithmetic.

A position is entered after the time step in which its byte was coded, and a match moves on by one
byte in each time step, as all streams do: so the byte that it offers is known to the decoder.
"""
from libc.stdint cimport uint16_t, uint32_t, uint64_t

cdef enum:
    CONTEXT = 4          # bytes that must agree
    LONGEST = 32         # agreeing bytes are counted up to here
    ODDS = 33            # classes of the network's probability of the offered byte
    RATE_BITS = 4        # a chance moves by 2**-4 of its error
    LEAST_CHANCE = 32


cdef struct Match:
    Py_ssize_t at        # of the offered byte; -1: none
    Py_ssize_t count     # bytes before it that agree


cdef struct Matches:
    Py_ssize_t size, length      # of the data and of each stream
    Py_ssize_t *positions        # (mask + 1): of the byte after a context; -1: none
    Py_ssize_t mask
    uint16_t *chances            # (LONGEST + 1, ODDS): in 2**-16


cdef inline Py_ssize_t *slot_of(const Matches *m, const unsigned char *data,
                                Py_ssize_t at) noexcept nogil:
    # NULL where the stream has fewer bytes before.
    cdef uint64_t hash = 0
    cdef Py_ssize_t i
    if at % m.length < CONTEXT:
        return NULL
    for i in range(CONTEXT):
        hash = (hash + data[at - 1 - i] + 1) * <uint64_t>0x9E3779B97F4A7C15
    return m.positions + <Py_ssize_t>((hash >> 32) & <uint64_t>m.mask)


cdef inline void enter(const Matches *m, const unsigned char *data, Py_ssize_t at) noexcept nogil:
    cdef Py_ssize_t *slot = slot_of(m, data, at)
    if slot:
        slot[0] = at


cdef inline void find(const Matches *m, const unsigned char *data, Py_ssize_t at,
                      Match *match) noexcept nogil:
    cdef Py_ssize_t *slot = slot_of(m, data, at)
    cdef Py_ssize_t before = slot[0] if slot else -1, count = 0
    match.at = -1
    if before < 0:
        return
    while (count < LONGEST and count < before % m.length and count < at % m.length
           and data[before - 1 - count] == data[at - 1 - count]):
        count += 1
    if count >= CONTEXT:
        match.at, match.count = before, count


cdef inline void follow(const Matches *m, const unsigned char *data, Py_ssize_t at,
                        Match *match) noexcept nogil:
    # After the byte at `at`: go on in the match, or give it up.
    cdef bint hit = data[match.at] == data[at]
    match.at += 1
    match.count = min(match.count + 1, LONGEST)
    if not hit or match.at == m.size or match.at % m.length == 0:
        match.at = -1


cdef inline uint16_t *chance_of(const Matches *m, const Match *match, uint32_t frequency,
                                uint32_t total) noexcept nogil:
    # By the number of agreeing bytes, and by the logarithm of p or, from 1/2 on, of 1 - p.
    cdef uint32_t p = <uint32_t>((<uint64_t>frequency << 16) // total), rest
    cdef Py_ssize_t odds = 0
    rest = p if p < 32768 else 65536 - p
    while rest:
        rest >>= 1
        odds += 1
    return m.chances + match.count * ODDS + (odds if p < 32768 else ODDS - 1 - odds)


cdef inline void learn_chance(uint16_t *chance, bint hit) noexcept nogil:
    if hit:
        chance[0] += (65536 - LEAST_CHANCE - chance[0]) >> RATE_BITS
    else:
        chance[0] -= (chance[0] - LEAST_CHANCE) >> RATE_BITS
