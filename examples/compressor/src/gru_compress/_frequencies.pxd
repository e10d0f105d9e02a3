# SPDX-License-Identifier: MIT
"""From logits to integer frequencies, by a rule in which nothing depends on the machine.

frequency[v] = 1 + floor(2**22 * 2**((logit[v] - largest) / log 2)), with the exponent in steps of
2**-10. The difference and the product are single operations of float32, which IEEE 754 defines to
the last bit; the rest is integer arithmetic.
"""
from libc.stdint cimport int32_t, uint32_t

cdef enum:
    FREQUENCY_BITS = 22
    STEP_BITS = 10       # steps of the exponent per octave


cdef inline uint32_t to_frequencies(const float *logits, Py_ssize_t V, const uint32_t *powers,
                                    uint32_t *frequencies) noexcept nogil:
    # Fills frequencies (V) and returns their sum. powers (2**STEP_BITS): 2**22 * 2**(-i / 2**10).
    # A NaN gets the frequency 1.
    cdef float steps_per_nat = 1477.3197, largest = logits[0], x    # 2**10 / log 2
    cdef float smallest = -(FREQUENCY_BITS << STEP_BITS)
    cdef uint32_t total = 0
    cdef int32_t i
    cdef Py_ssize_t v
    for v in range(V):
        if logits[v] > largest:
            largest = logits[v]
    for v in range(V):
        x = logits[v] - largest
        x = x * steps_per_nat
        i = <int32_t>x if smallest < x <= 0 else FREQUENCY_BITS << STEP_BITS
        i = -i if i < 0 else i
        frequencies[v] = 1 + (powers[i & ((1 << STEP_BITS) - 1)] >> (i >> STEP_BITS))
        total += frequencies[v]
    return total
