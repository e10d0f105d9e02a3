# SPDX-License-Identifier: MIT
"""The C-level declaration of stream_state.pyx."""
from libc.stdint cimport int32_t

from gru_ext.core.native cimport real
from gru_ext.core.reading cimport Separator
from gru_ext.core.windows cimport Workspace


cdef class StreamState:
    cdef readonly object parameters, vocabulary
    cdef Workspace work         # shared with copies; its lock is held while it is used
    cdef object flat, memory, _separator, _recent, _codes
    cdef object _bits, _predictions, _entropies
    cdef const char *flat_data  # the parameters
    cdef char *base             # memory: the state (layers, B, Hp), then Wy h (B, Vp)
    cdef Py_ssize_t itemsize, B, logits_at, n_codes
    cdef bint predicted         # Wy h is that of the state
    cdef bint _started
    cdef Separator separator
    cdef const int32_t *codes   # (n_codes): symbols of the first code points, or -1
    cdef const unsigned char *resets  # (T_max, B), of the workspace
    # what is copied for the caller: (1), (B, V) and (B)
    cdef double *bits
    cdef double *predictions
    cdef double *entropies
    cdef _create(self, parameters, batch_size, separator, vocabulary)
    cdef _share(self, StreamState other)
    cdef _state_view(self)


cdef const char *address(array)
cdef void load(StreamState s, real *ws) noexcept nogil
cdef void store(StreamState s, const real *ws) noexcept nogil
