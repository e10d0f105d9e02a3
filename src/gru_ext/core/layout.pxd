# SPDX-License-Identifier: MIT
"""Where each parameter lies in the flat buffer: the one place that knows.

Rows are padded with zeros to whole cache lines (Hp, Vp). In elements:

    w   (V, 3, Hp)   a row per symbol: Wz, Wr, Wh transposed
    b   (3, Hp)      bz, br, bh
    uzr (H, 2, Hp)   Uz and Ur transposed, side by side
    uh  (H, Hp)      Uh transposed
    wy  (H, Vp)      Wy transposed
    by  (Vp)

Then, for each layer above the first, which reads the hidden states of the one below:

    w   (H, 3, Hp)   a row per unit below: Wz, Wr, Wh transposed
    b, uzr, uh       as above
"""
from gru_ext.core.native cimport GRU_LINE_BYTES

# Past these the sums and products of sizes below would overflow: V, H and T; B; T * B.
cdef enum:
    LARGEST_SIZE = 1 << 24
    MOST_STREAMS = 1 << 20
    MOST_ROWS = 0x7FFFFFFF
    MOST_LAYERS = 16


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
    Py_ssize_t layers
    Py_ssize_t above       # where the second layer begins
    Py_ssize_t layer_size  # of each above the first


cdef struct Cell:
    # Where the parameters of one layer lie, up to `end`.
    Py_ssize_t w
    Py_ssize_t b
    Py_ssize_t uzr
    Py_ssize_t uh
    Py_ssize_t end


cdef inline Py_ssize_t padded(Py_ssize_t n, Py_ssize_t itemsize) noexcept nogil:
    cdef Py_ssize_t line = GRU_LINE_BYTES // itemsize
    return (n + line - 1) // line * line


cdef inline Cell _cell_at(Py_ssize_t begin, Py_ssize_t rows, Py_ssize_t H,
                          Py_ssize_t Hp) noexcept nogil:
    cdef Cell at
    at.w = begin
    at.b = at.w + rows * 3 * Hp
    at.uzr = at.b + 3 * Hp
    at.uh = at.uzr + H * 2 * Hp
    at.end = at.uh + H * Hp
    return at


cdef inline Cell cell_of(const Layout *p, Py_ssize_t layer) noexcept nogil:
    if layer == 0:
        return _cell_at(0, p.V, p.H, p.Hp)
    return _cell_at(p.above + (layer - 1) * p.layer_size, p.H, p.H, p.Hp)


cdef inline Py_ssize_t share(Py_ssize_t n, Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    # The first of n that belongs to `part`; parts take n in order and as evenly as can be.
    return n * part // parts


cdef inline Layout layout_of(Py_ssize_t V, Py_ssize_t H, Py_ssize_t itemsize,
                             Py_ssize_t layers) noexcept nogil:
    cdef Layout p
    cdef Cell first
    p.V, p.H, p.layers = V, H, layers
    p.Vp, p.Hp = padded(V, itemsize), padded(H, itemsize)
    first = _cell_at(0, V, H, p.Hp)
    p.w, p.b, p.uzr, p.uh = first.w, first.b, first.uzr, first.uh
    p.wy = first.end
    p.by = p.wy + H * p.Vp
    p.above = p.by + p.Vp
    p.layer_size = _cell_at(0, H, H, p.Hp).end
    p.size = p.above + (layers - 1) * p.layer_size
    return p
