# SPDX-License-Identifier: MIT
"""Weight tying: Wy = Wh^T, with Wh of the first layer.

The flat buffer holds both, so that all matrix products stay the same. Before the update the
gradient of Wy is added to that of Wh and set to zero, so that the optimiser state of Wy stays zero.
After the update Wh is copied to Wy. Each thread does so for its symbols [v0, v1).
"""
from gru_ext.core.layout cimport Layout
from gru_ext.core.native cimport real

cdef enum:
    TIED_BLOCK = 16       # symbols of a block of the transpose: its rows of Wh stay in the cache


cdef inline void tie_gradients(const Layout *p, real *g, Py_ssize_t v0,
                               Py_ssize_t v1) noexcept nogil:
    cdef Py_ssize_t block, begin, h, v
    cdef real *wh = g + p.w + 2 * p.Hp      # (V, 3 Hp)
    cdef real *wy = g + p.wy                # (H, Vp)
    for block in range((v1 - v0 + TIED_BLOCK - 1) // TIED_BLOCK):
        begin = v0 + block * TIED_BLOCK
        for h in range(p.H):
            for v in range(begin, min(begin + TIED_BLOCK, v1)):
                wh[v * 3 * p.Hp + h] += wy[h * p.Vp + v]
                wy[h * p.Vp + v] = 0


cdef inline void copy_tied(const Layout *p, real *parameters, Py_ssize_t v0,
                           Py_ssize_t v1) noexcept nogil:
    cdef Py_ssize_t block, begin, h, v
    cdef real *wh = parameters + p.w + 2 * p.Hp
    cdef real *wy = parameters + p.wy
    for block in range((v1 - v0 + TIED_BLOCK - 1) // TIED_BLOCK):
        begin = v0 + block * TIED_BLOCK
        for h in range(p.H):
            for v in range(begin, min(begin + TIED_BLOCK, v1)):
                wy[h * p.Vp + v] = wh[v * 3 * p.Hp + h]
