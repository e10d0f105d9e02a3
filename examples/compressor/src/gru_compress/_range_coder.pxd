# SPDX-License-Identifier: MIT
"""A range coder of 56 bits with carries, after G. N. N. Martin, "Range encoding" (1979).

A symbol with the frequencies [begin, begin + width) of total takes this part of the range. The
encoder keeps the range [low, low + range), and the decoder the distance of the code from low.
"""
from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    CODE_BITS = 56       # of low and range
    LEAST_BITS = 48      # the range has more than this before each symbol
    SYMBOL_BYTES = 8     # more than a symbol and what the encoder holds back can take


cdef struct RangeCoder:
    uint64_t low         # encoder: the lower end; decoder: the code minus the lower end
    uint64_t range
    unsigned char *bytes
    Py_ssize_t at, size  # the next byte; the bytes there are (decoder) or there is room for


cdef inline void put_byte(RangeCoder *c) noexcept nogil:
    c.bytes[c.at] = <unsigned char>(c.low >> LEAST_BITS)
    c.at += 1
    c.low = (c.low << 8) & ((<uint64_t>1 << CODE_BITS) - 1)


cdef inline void carry(RangeCoder *c) noexcept nogil:
    # low has reached 2**56: add 1 to the bytes that were written.
    cdef Py_ssize_t i = c.at - 1
    if c.low >> CODE_BITS == 0:
        return
    c.low &= (<uint64_t>1 << CODE_BITS) - 1
    while c.bytes[i] == 255:
        c.bytes[i] = 0
        i -= 1
    c.bytes[i] += 1


cdef inline void encode(RangeCoder *c, uint32_t begin, uint32_t width,
                        uint32_t total) noexcept nogil:
    c.range //= total
    c.low += c.range * begin
    c.range *= width
    carry(c)
    while c.range >> LEAST_BITS == 0:
        put_byte(c)
        c.range <<= 8


cdef inline void finish(RangeCoder *c) noexcept nogil:
    # The number in [low, low + range) with the fewest bytes: the decoder reads zeros behind them.
    cdef uint64_t end = c.low + c.range, rest = (<uint64_t>1 << CODE_BITS) - 1
    while (c.low + rest) & ~rest >= end:
        rest >>= 8
    c.low = (c.low + rest) & ~rest
    carry(c)
    while c.low:
        put_byte(c)


cdef inline uint64_t next_byte(RangeCoder *c) noexcept nogil:
    cdef uint64_t byte = c.bytes[c.at] if c.at < c.size else 0
    c.at += 1
    return byte


cdef inline void start(RangeCoder *c, bint decoding) noexcept nogil:
    cdef int _i
    c.low, c.at, c.range = 0, 0, <uint64_t>1 << CODE_BITS
    if decoding:
        for _i in range(CODE_BITS // 8):
            c.low = c.low << 8 | next_byte(c)


cdef inline uint32_t decode_point(RangeCoder *c, uint32_t total) noexcept nogil:
    # The number below total whose symbol comes next; take_symbol must follow.
    c.range //= total
    cdef uint64_t point = c.low // c.range
    return <uint32_t>point if point < total else total - 1


cdef inline void take_symbol(RangeCoder *c, uint32_t begin, uint32_t width) noexcept nogil:
    c.low -= c.range * begin
    c.range *= width
    while c.range >> LEAST_BITS == 0:
        c.low = c.low << 8 | next_byte(c)
        c.range <<= 8
