# SPDX-License-Identifier: MIT
"""The C-level declaration of stream.pyx."""
from libc.stdint cimport int32_t

from gru_ext.core.native cimport real
from gru_ext.core.reading cimport Separator
from gru_ext.core.windows cimport Workspace


cdef class SymbolStream:
    cdef readonly object parameters, vocabulary
    cdef Workspace work         # shared with copies; its lock is held while it is used
    cdef object flat, memory, _separator, _recent, _codes, _one
    cdef const char *flat_data  # the parameters
    cdef char *base             # memory: the state (layers, B, Hp), then Wy h (B, Vp)
    cdef Py_ssize_t itemsize, B, logits_at, n_codes
    cdef bint predicted         # Wy h is that of the state
    cdef bint _started
    cdef Separator separator
    cdef const int32_t *codes   # (n_codes): symbols of the first code points, or -1
    cdef const unsigned char *resets  # (T_max, B), of the workspace
    cdef double *one
    cdef _create(self, parameters, batch_size, separator, vocabulary)
    cdef _share(self, SymbolStream other)
    cdef _state_view(self)
    cdef _feed_one(self, int32_t symbol)
    cdef _read_part(self, symbols, nats, starts, resets)
    cdef _window_states(self, Py_ssize_t layer)
    cdef _read_window(self, Py_ssize_t n, const int32_t *symbols, const unsigned char *starts,
                      const unsigned char *resets)
    cdef void _mark_resets(self, Py_ssize_t n, unsigned char *marks, const unsigned char *starts,
                           const unsigned char *resets) noexcept
    cdef void _compute(self) noexcept
    cdef _predict(self)


cdef void load(SymbolStream s, real *ws) noexcept nogil
cdef void store(SymbolStream s, const real *ws) noexcept nogil
cdef void predict_next(SymbolStream s, const real *p, real *ws) noexcept nogil
