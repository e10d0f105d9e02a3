# SPDX-License-Identifier: MIT
"""The layout of the flat parameter buffer: sizes, and the offset of each parameter.

Rows are padded with zeros to whole cache lines (Hp, Vp). In elements:

    w   (V, 3, Hp)   a row per symbol: Wz, Wr, Wh transposed
    b   (3, Hp)      bz, br, bh
    uzr (H, 2, Hp)   Uz and Ur transposed, side by side
    uh  (H, Hp)      Uh transposed
    wy  (H, Vp)      Wy transposed
    by  (Vp)

Then, for each layer above the first, whose input is the hidden state of the layer below:

    w   (H, 3, Hp)   a row per unit of the layer below: Wz, Wr, Wh transposed
    b, uzr, uh       as above

With narrow weights the matrices with H rows are packed (csrc/narrow.inc.h): two weights of bfloat16
or four of int8 are an element, and those of int8 have two elements beside for each column.
"""
from gru_ext.core.native cimport GRU_LINE_BYTES

# The largest sizes for which no offset and no size computed from them overflows.
cdef enum:
    LARGEST_SIZE = 1 << 24     # of V, H and T
    MOST_STREAMS = 1 << 20     # of B
    MOST_ROWS = 0x7FFFFFFF     # of T * B
    MOST_LAYERS = 16
    MOST_INT8 = 1 << 16        # of H with int8: so many products of two bytes fit in 32 bits

# How weights are stored.
cdef enum Weights:
    FULL       # in the dtype of the parameters
    BFLOAT16
    INT8


cdef inline int weights_of(Py_ssize_t weight_bytes) noexcept nogil:
    return INT8 if weight_bytes == 1 else BFLOAT16 if weight_bytes == 2 else FULL


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
    Py_ssize_t above       # offset of the second layer
    Py_ssize_t layer_size  # of each layer above the first
    int weights            # a Weights


cdef struct LayerOffsets:
    # Offsets of the parameters of one layer; `end` is past its last one.
    Py_ssize_t w
    Py_ssize_t b
    Py_ssize_t uzr
    Py_ssize_t uh
    Py_ssize_t end


cdef inline Py_ssize_t padded(Py_ssize_t n, Py_ssize_t itemsize) noexcept nogil:
    cdef Py_ssize_t line = GRU_LINE_BYTES // itemsize
    return (n + line - 1) // line * line


cdef inline Py_ssize_t stored_rows(Py_ssize_t H, int weights) noexcept nogil:
    # The rows of elements that a matrix of H rows takes.
    if weights == INT8:
        return 2 + (H + 3) // 4
    return (H + 1) // 2 if weights == BFLOAT16 else H


cdef inline LayerOffsets _layer_at(Py_ssize_t begin, Py_ssize_t rows, Py_ssize_t H,
                                   Py_ssize_t Hp) noexcept nogil:
    # `rows` of w and H of the other matrices, as they are stored.
    cdef LayerOffsets at
    at.w = begin
    at.b = at.w + rows * 3 * Hp
    at.uzr = at.b + 3 * Hp
    at.uh = at.uzr + H * 2 * Hp
    at.end = at.uh + H * Hp
    return at


cdef inline LayerOffsets layer_offsets(const Layout *p, Py_ssize_t layer) noexcept nogil:
    cdef Py_ssize_t H = stored_rows(p.H, p.weights)
    if layer == 0:
        return _layer_at(0, p.V, H, p.Hp)
    return _layer_at(p.above + (layer - 1) * p.layer_size, H, H, p.Hp)


cdef inline Layout layout_with(Py_ssize_t V, Py_ssize_t H, Py_ssize_t itemsize, Py_ssize_t layers,
                               int weights) noexcept nogil:
    cdef Layout p
    cdef LayerOffsets first
    cdef Py_ssize_t rows = stored_rows(H, weights)
    p.V, p.H, p.layers, p.weights = V, H, layers, weights
    p.Vp, p.Hp = padded(V, itemsize), padded(H, itemsize)
    first = _layer_at(0, V, rows, p.Hp)
    p.w, p.b, p.uzr, p.uh = first.w, first.b, first.uzr, first.uh
    p.wy = first.end
    p.by = p.wy + rows * p.Vp
    p.above = p.by + p.Vp
    p.layer_size = _layer_at(0, rows, rows, p.Hp).end
    p.size = p.above + (layers - 1) * p.layer_size
    return p


cdef inline Layout layout_of(Py_ssize_t V, Py_ssize_t H, Py_ssize_t itemsize,
                             Py_ssize_t layers) noexcept nogil:
    return layout_with(V, H, itemsize, layers, FULL)
