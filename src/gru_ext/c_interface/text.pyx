# SPDX-License-Identifier: MIT
"""Texts and symbols (declarations: text.pxd)."""
from libc.stdint cimport int32_t, uint32_t

from gru_ext.c_interface.handle cimport Handle, handle_of, is_symbol
from gru_ext.capi cimport (
    GRU_BAD_SIZE,
    GRU_BAD_SYMBOL,
    GRU_BAD_TEXT,
    GRU_NO_VOCABULARY,
    GRU_NULL,
    GRU_OK,
    GRU_TOO_SMALL,
    GRU_UNITS_BYTES,
    gru_model,
)
from gru_ext.core.layout cimport LARGEST_SIZE, MOST_ROWS, MOST_STREAMS
from gru_ext.core.reading cimport Separator, separator_ends

cdef enum:
    REPLACEMENT = 0xFFFD    # what half of a surrogate pair is decoded to


cdef inline Py_ssize_t _utf8_length(unsigned char first) noexcept nogil:
    # Bytes of a character with this first byte; 0 if there is none.
    if first < 0x80:
        return 1
    if 0xC2 <= first < 0xE0:
        return 2
    if 0xE0 <= first < 0xF0:
        return 3
    return 4 if 0xF0 <= first < 0xF5 else 0


cdef inline Py_ssize_t _read_utf8(const unsigned char *at, Py_ssize_t left,
                                  uint32_t *point) noexcept nogil:
    # The code point of a character, and its length; 0 if it is not UTF-8: cut, overlong, half of a
    # surrogate pair, or above U+10FFFF.
    cdef unsigned char first = at[0], c
    cdef Py_ssize_t n = _utf8_length(first), i
    cdef uint32_t value
    if n == 0 or n > left:
        return 0
    value = first if n == 1 else first & (0x7F >> n)
    for i in range(1, n):
        c = at[i]
        if c & 0xC0 != 0x80:
            return 0
        value = value << 6 | (c & 0x3F)
    if (n == 3 and (value < 0x800 or 0xD800 <= value < 0xE000)) or (
            n == 4 and not 0x10000 <= value < 0x110000):
        return 0
    point[0] = value
    return n


cdef int _encode(const Handle *m, const unsigned char *text, Py_ssize_t bytes, int32_t *symbols,
                 Py_ssize_t size, Py_ssize_t *count) noexcept nogil:
    # Without symbols it counts only. Another thread may change the text between two calls: each
    # checks everything.
    cdef Py_ssize_t at = 0, n = 1
    cdef uint32_t code
    cdef int32_t symbol
    count[0] = 0
    while at < bytes:
        if m.units == GRU_UNITS_BYTES:
            code = text[at]
        else:
            n = _read_utf8(text + at, bytes - at, &code)
            if n == 0:
                return GRU_BAD_TEXT
        symbol = m.codes[min(<Py_ssize_t>code, m.n_codes - 1)]
        if symbol < 0:
            return GRU_BAD_SYMBOL
        if symbols is not NULL:
            if count[0] >= size:
                return GRU_TOO_SMALL
            symbols[count[0]] = symbol
        at += n
        count[0] += 1
    return GRU_OK


cdef int encode_text(const gru_model *model, const char *text, Py_ssize_t bytes, int32_t *symbols,
                     Py_ssize_t size, Py_ssize_t *count) noexcept nogil:
    cdef const Handle *m = handle_of(model)
    cdef const unsigned char *read = <const unsigned char *>text
    cdef Py_ssize_t needed = 0
    cdef int status
    if model is NULL or (text is NULL and bytes != 0) or count is NULL:
        return GRU_NULL
    if m.units == 0:
        return GRU_NO_VOCABULARY
    if bytes < 0:
        return GRU_BAD_SIZE
    status = _encode(m, read, bytes, NULL, 0, &needed)
    if status:
        return status
    if symbols is not NULL:
        if size < needed:
            return GRU_TOO_SMALL
        status = _encode(m, read, bytes, symbols, size, &needed)
        if status:
            return status
    count[0] = needed
    return GRU_OK


cdef inline Py_ssize_t _write_utf8(uint32_t point, unsigned char *out) noexcept nogil:
    # The UTF-8 of a code point, and its length.
    if 0xD800 <= point < 0xE000:
        point = REPLACEMENT
    if point < 0x80:
        out[0] = point
        return 1
    if point < 0x800:
        out[0], out[1] = 0xC0 | point >> 6, 0x80 | (point & 0x3F)
        return 2
    if point < 0x10000:
        out[0], out[1] = 0xE0 | point >> 12, 0x80 | (point >> 6 & 0x3F)
        out[2] = 0x80 | (point & 0x3F)
        return 3
    out[0], out[1] = 0xF0 | point >> 18, 0x80 | (point >> 12 & 0x3F)
    out[2], out[3] = 0x80 | (point >> 6 & 0x3F), 0x80 | (point & 0x3F)
    return 4


cdef int _decode(const gru_model *model, const int32_t *symbols, Py_ssize_t n, char *text,
                 Py_ssize_t size, Py_ssize_t *count) noexcept nogil:
    # Without text it counts only.
    cdef const Handle *m = handle_of(model)
    cdef unsigned char character[4]
    cdef int32_t symbol
    cdef Py_ssize_t i, k, length
    count[0] = 0
    for i in range(n):
        symbol = symbols[i]
        if not is_symbol(model, symbol):
            return GRU_BAD_SYMBOL
        character[0], length = <unsigned char>m.points[symbol], 1
        if m.units != GRU_UNITS_BYTES:
            length = _write_utf8(m.points[symbol], character)
        if text is not NULL:
            if length > size - count[0]:
                return GRU_TOO_SMALL
            for k in range(length):
                text[count[0] + k] = <char>character[k]
        count[0] += length
    return GRU_OK


cdef int decode_symbols(const gru_model *model, const int32_t *symbols, Py_ssize_t n, char *text,
                        Py_ssize_t size, Py_ssize_t *count) noexcept nogil:
    cdef Py_ssize_t needed = 0
    cdef int status
    if model is NULL or (symbols is NULL and n != 0) or count is NULL:
        return GRU_NULL
    if handle_of(model).units == 0:
        return GRU_NO_VOCABULARY
    if n < 0:
        return GRU_BAD_SIZE
    status = _decode(model, symbols, n, NULL, 0, &needed)
    if status:
        return status
    if text is not NULL:
        if size < needed:
            return GRU_TOO_SMALL
        status = _decode(model, symbols, n, text, size, &needed)
        if status:
            return status
    count[0] = needed
    return GRU_OK


cdef int mark_resets(const gru_model *model, Py_ssize_t B, Py_ssize_t T, const int32_t *symbols,
                     int32_t *recent, unsigned char *resets) noexcept nogil:
    cdef Separator separator
    cdef Py_ssize_t i
    if model is NULL or symbols is NULL or resets is NULL:
        return GRU_NULL
    separator.symbols = handle_of(model).separator
    separator.length = handle_of(model).separator_size
    separator.recent = recent
    if separator.length and recent is NULL:
        return GRU_NULL
    if not (1 <= B <= MOST_STREAMS and 1 <= T <= LARGEST_SIZE and B * T <= MOST_ROWS):
        return GRU_BAD_SIZE
    for i in range(B * T):
        resets[i] = separator_ends(&separator, i % B, symbols[i])
    return GRU_OK
