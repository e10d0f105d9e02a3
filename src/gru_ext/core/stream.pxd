# SPDX-License-Identifier: MIT
"""The C-level declaration of stream.pyx."""
from libc.stdint cimport int32_t

from gru_ext.core.stream_reader cimport StreamReader


cdef class SymbolStream(StreamReader):
    cdef _feed_one(self, int32_t symbol)
    cdef _fill_predictions(self, double temperature, bint log)
    cdef _predict(self)
    cdef void _compute_logits(self) noexcept
