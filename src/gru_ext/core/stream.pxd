# SPDX-License-Identifier: MIT
"""The C-level declaration of stream.pyx."""
from libc.stdint cimport int32_t

from gru_ext.core.stream_state cimport StreamState


cdef class SymbolStream(StreamState):
    cdef _feed_one(self, int32_t symbol)
    cdef _read_part(self, symbols, nats, starts, resets)
    cdef _window_states(self, Py_ssize_t layer)
    cdef _read_window(self, Py_ssize_t n, const int32_t *symbols, const unsigned char *starts,
                      const unsigned char *resets)
    cdef void _mark_resets(self, Py_ssize_t n, unsigned char *marks, const unsigned char *starts,
                           const unsigned char *resets) noexcept
    cdef void _compute(self) noexcept
    cdef _fill_predictions(self, double temperature, bint log)
    cdef _predict(self)
    cdef void _compute_logits(self) noexcept
