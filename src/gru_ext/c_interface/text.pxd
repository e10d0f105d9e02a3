# SPDX-License-Identifier: MIT
"""Texts and symbols: encoding, decoding and document separators, with the vocabulary of a handle.

Each function checks its arguments and returns a status of capi.pxd.
"""
from libc.stdint cimport int32_t

from gru_ext.capi cimport gru_model

cdef int encode_text(const gru_model *model, const char *text, Py_ssize_t bytes, int32_t *symbols,
                     Py_ssize_t size, Py_ssize_t *count) noexcept nogil
cdef int decode_symbols(const gru_model *model, const int32_t *symbols, Py_ssize_t n, char *text,
                        Py_ssize_t size, Py_ssize_t *count) noexcept nogil
cdef int mark_resets(const gru_model *model, Py_ssize_t B, Py_ssize_t T, const int32_t *symbols,
                     int32_t *recent, unsigned char *resets) noexcept nogil
