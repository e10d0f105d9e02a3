# SPDX-License-Identifier: MIT
"""DropConnect (Wan et al., 2013) on the recurrent weights Uz, Ur and Uh of all layers.

Each of these weights is zero in a window with probability p, and divided by 1 - p otherwise. The
mask is the same for all streams and time steps of the window (Merity et al., 2018), which reads
a copy of the parameters with these weights dropped. The gradient of a weight is that of its dropped
copy with the same mask. Masks are computed from a key (csrc/dropout.inc.h) and not stored.

Each thread does the part [h0, h1) of the H rows of Uz, Ur and Uh, transposed as in layout.pxd, of
each layer. The rows of Uz and Ur have the numbers from layer * 2 * H on, those of Uh follow.
"""
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from gru_ext.core.layout cimport LayerOffsets, Layout, layer_offsets
from gru_ext.core.native cimport gru_dropout, gru_kernels, real
from gru_ext.core.partition cimport part_begin


cdef inline void mask_recurrent(const gru_kernels *k, const Layout *p, real *out, const real *x,
                                uint64_t key, double dropped, Py_ssize_t part,
                                Py_ssize_t parts) noexcept nogil:
    # One part of Uz, Ur and Uh: out = mask / (1 - dropped) * x. The flat buffers may be the same.
    cdef Py_ssize_t layer, h0 = part_begin(p.H, part, parts), n = part_begin(p.H, part + 1, parts)
    cdef LayerOffsets at
    n -= h0
    for layer in range(p.layers):
        at = layer_offsets(p, layer)
        gru_dropout(k, out + at.uzr + h0 * 2 * p.Hp, x + at.uzr + h0 * 2 * p.Hp, key,
                    2 * layer * p.H + h0, 0, n, 2 * p.Hp, 2 * p.Hp, dropped, False)
        gru_dropout(k, out + at.uh + h0 * p.Hp, x + at.uh + h0 * p.Hp, key,
                    (2 * layer + 1) * p.H + h0, 0, n, p.Hp, p.Hp, dropped, False)


cdef inline void copy_with_dropped(const gru_kernels *k, const Layout *p, real *out,
                                   const real *parameters, uint64_t key, double dropped,
                                   Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    # One part of a copy of the parameters with dropped recurrent weights.
    cdef Py_ssize_t layer, begin = 0, end, first
    for layer in range(p.layers + 1):
        # what lies between the recurrent weights of two layers
        end = p.size if layer == p.layers else layer_offsets(p, layer).uzr
        first = part_begin(end - begin, part, parts)
        memcpy(out + begin + first, parameters + begin + first,
               (part_begin(end - begin, part + 1, parts) - first) * sizeof(real))
        if layer < p.layers:
            begin = layer_offsets(p, layer).end
    mask_recurrent(k, p, out, parameters, key, dropped, part, parts)
