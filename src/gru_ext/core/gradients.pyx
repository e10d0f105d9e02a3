# SPDX-License-Identifier: MIT
"""The gradients of the weights of one window (declarations: gradients.pxd)."""
from libc.stdint cimport int32_t
from libc.string cimport memset

from gru_ext.core.blas cimport blas_product
from gru_ext.core.bptt cimport Window, layer_outputs, layer_workspace, previous_states
from gru_ext.core.layout cimport LayerOffsets, layer_offsets
from gru_ext.core.native cimport (
    GRU_LINE_BYTES,
    gru_kernels,
    gru_sum_rows,
    gru_update,
    panel_of,
    real,
)
from gru_ext.core.partition cimport part_begin
from gru_ext.core.products cimport product_gradient, thread_scratch
from gru_ext.core.updates cimport update_at_offset, update_range, updates_without_gradient


cdef struct ColumnRange:
    Py_ssize_t begin
    Py_ssize_t end


cdef inline ColumnRange part_columns(const gru_kernels *k, real *unused, Py_ssize_t n,
                                     Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    # The columns of one part, of n padded columns: whole panels and whole cache lines.
    cdef Py_ssize_t unit = max(panel_of(k, unused), <Py_ssize_t>(GRU_LINE_BYTES // sizeof(real)))
    cdef Py_ssize_t units = (n + unit - 1) // unit
    cdef ColumnRange c
    c.begin = min(part_begin(units, part, parts) * unit, n)
    c.end = min(part_begin(units, part + 1, parts) * unit, n)
    return c


cdef inline void gradient_part(const Window *w, real *ws, real *g, bint accumulate,
                               const gru_update *update, Py_ssize_t offset, const real *a,
                               const real *d, Py_ssize_t ldd, Py_ssize_t n, Py_ssize_t part,
                               Py_ssize_t parts) noexcept nogil:
    # g (H, n) at `offset` = [g +] a^T d, a (T*B, H), d (T*B, n); only the columns of one part.
    cdef ColumnRange c = part_columns(w.k, g, n, part, parts)
    cdef gru_update part_update
    cdef Py_ssize_t row
    if c.end <= c.begin:
        return
    offset += c.begin
    if w.blas != NULL:
        blas_product(w.blas, g + offset, n, a, w.p.Hp, True, d + c.begin, ldd, False, w.p.H,
                     c.end - c.begin, w.T * w.B, accumulate)
        if update != NULL:
            for row in range(w.p.H):
                update_range(w.k, g, update, offset + row * n, c.end - c.begin, True)
        return
    if update != NULL:
        part_update = update_at_offset(update, offset, True, g)
    product_gradient(w, g + offset, n, a, d + c.begin, ldd, c.end - c.begin, accumulate,
                     &part_update if update != NULL else NULL, thread_scratch(w, ws, part))


cdef inline void bias_gradient(const Window *w, real *g, bint accumulate, const gru_update *update,
                               Py_ssize_t offset, real *dw, const real *d, const int32_t *x,
                               Py_ssize_t n, Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    # g (n) at `offset` = [g +] the sum of the rows of d (T*B, n), and dw (V, n)[x[r]] += d[r]; only
    # the columns of one part. dw may be NULL.
    cdef ColumnRange c = part_columns(w.k, g, n, part, parts)
    if c.end <= c.begin:
        return
    gru_sum_rows(w.k, g + offset + c.begin, dw + c.begin if dw != NULL else NULL, d + c.begin, x,
                 w.T * w.B, c.end - c.begin, n, accumulate)
    if update != NULL:
        update_range(w.k, g, update, offset + c.begin, c.end - c.begin, False)


cdef void weight_gradients(const Window *w, real *ws, real *g, bint accumulate,
                           const gru_update *update, Py_ssize_t part,
                           Py_ssize_t parts) noexcept nogil:
    # The gradients of all parameters, the columns of one part, and, if update is not NULL, the
    # update. A symbol that is not an input of the window has a zero gradient: if that changes
    # neither weights nor optimiser state, its row of W is skipped.
    cdef Py_ssize_t Hp = w.p.Hp, Vp = w.p.Vp, layer, v
    cdef real *dy = ws + w.o.y
    cdef real *x = NULL
    cdef real *layer_ws
    cdef real *d
    cdef LayerOffsets at
    cdef ColumnRange c = part_columns(w.k, g, 3 * Hp, part, parts)
    cdef bint all_symbols = update == NULL or updates_without_gradient(update)
    for layer in range(w.p.layers):
        at, layer_ws = layer_offsets(&w.p, layer), layer_workspace(w, ws, layer)
        d = layer_ws + w.o.gates
        gradient_part(w, ws, g, accumulate, update, at.uzr, previous_states(w, layer_ws), d,
                      3 * Hp, 2 * Hp, part, parts)
        gradient_part(w, ws, g, accumulate, update, at.uh, layer_ws + w.o.rh, d + 2 * Hp,
                      3 * Hp, Hp, part, parts)
        if layer > 0:
            gradient_part(w, ws, g, accumulate, update, at.w, x, d, 3 * Hp, 3 * Hp, part, parts)
            bias_gradient(w, g, accumulate, update, at.b, <real *>NULL, d, NULL, 3 * Hp, part,
                          parts)
        x = layer_outputs(w, layer_ws)
    gradient_part(w, ws, g, accumulate, update, w.p.wy, x, dy, Vp, Vp, part, parts)
    bias_gradient(w, g, accumulate, update, w.p.by, <real *>NULL, dy, NULL, Vp, part, parts)
    if c.end <= c.begin:
        return
    if not accumulate:
        for v in range(w.p.V):
            if all_symbols or w.touched[v]:
                memset(g + w.p.w + v * 3 * Hp + c.begin, 0, (c.end - c.begin) * sizeof(real))
    bias_gradient(w, g, accumulate, update, w.p.b, g + w.p.w, ws + w.o.gates, w.inputs, 3 * Hp,
                  part, parts)
    if update != NULL:
        for v in range(w.p.V):
            if all_symbols or w.touched[v]:
                update_range(w.k, g, update, w.p.w + v * 3 * Hp + c.begin, c.end - c.begin, True)
