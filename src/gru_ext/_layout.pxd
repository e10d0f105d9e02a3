# SPDX-License-Identifier: MIT
"""Where each parameter lies in the flat buffer: the one place that knows.

Rows are padded with zeros to whole cache lines (Hp, Vp). In elements:

    w   (V, 3, Hp)   a row per symbol: Wz, Wr, Wh transposed
    b   (3, Hp)      bz, br, bh
    uzr (H, 2, Hp)   Uz and Ur transposed, side by side
    uh  (H, Hp)      Uh transposed
    wy  (H, Vp)      Wy transposed
    by  (Vp)
"""
from gru_ext._native cimport GRU_LINE_BYTES

# Past these the sums and products of sizes below would overflow: V, H and T; B; T * B.
cdef enum:
    LARGEST_SIZE = 1 << 24
    MOST_STREAMS = 1 << 20
    MOST_ROWS = 0x7FFFFFFF


cdef struct Layout:
    Py_ssize_t V
    Py_ssize_t H
    Py_ssize_t Vp
    Py_ssize_t Hp
    Py_ssize_t w
    Py_ssize_t b
    Py_ssize_t uzr
    Py_ssize_t uh
    Py_ssize_t wy
    Py_ssize_t by
    Py_ssize_t size


cdef inline Py_ssize_t padded(Py_ssize_t n, Py_ssize_t itemsize) noexcept nogil:
    cdef Py_ssize_t line = GRU_LINE_BYTES // itemsize
    return (n + line - 1) // line * line


cdef inline Layout layout_of(Py_ssize_t V, Py_ssize_t H, Py_ssize_t itemsize) noexcept nogil:
    cdef Layout p
    p.V, p.H = V, H
    p.Vp, p.Hp = padded(V, itemsize), padded(H, itemsize)
    p.w = 0
    p.b = p.w + V * 3 * p.Hp
    p.uzr = p.b + 3 * p.Hp
    p.uh = p.uzr + H * 2 * p.Hp
    p.wy = p.uh + H * p.Hp
    p.by = p.wy + H * p.Vp
    p.size = p.by + p.Vp
    return p
