# SPDX-License-Identifier: MIT
"""The C-level declaration of sampler.pyx: the sampler, for loops that sample (sampling.pxd)."""
from gru_ext.core.sampling cimport Sampling

cdef class Sampler:
    cdef Sampling sampling
    cdef readonly object dtype
    cdef list _tables, _state, _scratch
    cdef object _lock
    cdef _acquire(self)
    cdef _set_filters(self, temperature, top_k, top_p, min_p, typical_p, surprise, surprise_rate)
    cdef _set_dry(self, dry, dry_base, dry_length, dry_range, dry_breakers)
    cdef _set_automata(self, regex, stop, length)
    cdef _allocate(self)
    cdef _begin(self)
