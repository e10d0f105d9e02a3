# SPDX-License-Identifier: MIT
"""The weights' gradients of one window (declarations: _gradients.pxd)."""
from libc.stdint cimport int32_t
from libc.string cimport memset

from gru_ext.core.blas cimport blas_product
from gru_ext.core.bptt cimport Window, outputs_of, own_buffers, states_before
from gru_ext.core.layout cimport Cell, cell_of, share
from gru_ext.core.native cimport (
    GRU_LINE_BYTES,
    gru_kernels,
    gru_matmul_t,
    gru_sum_rows,
    gru_update,
    panel_of,
    real,
)
from gru_ext.core.updates cimport moved, moves_without_gradient, update_row


cdef struct Columns:
    Py_ssize_t begin
    Py_ssize_t end


cdef inline Columns columns_of(const gru_kernels *k, real *unused, Py_ssize_t n, Py_ssize_t part,
                               Py_ssize_t parts) noexcept nogil:
    # A part's share of n padded columns, in whole panels and whole cache lines.
    cdef Py_ssize_t unit = max(panel_of(k, unused), <Py_ssize_t>(GRU_LINE_BYTES // sizeof(real)))
    cdef Py_ssize_t units = (n + unit - 1) // unit
    cdef Columns c
    c.begin = min(share(units, part, parts) * unit, n)
    c.end = min(share(units, part + 1, parts) * unit, n)
    return c


cdef inline void product_gradient(const Window *w, real *ws, real *g, bint accumulate,
                                  const gru_update *update, Py_ssize_t offset, const real *a,
                                  const real *d, Py_ssize_t ldd, Py_ssize_t n, Py_ssize_t part,
                                  Py_ssize_t parts) noexcept nogil:
    # g (H, n) at `offset` = [g +] a^T d over T*B rows, a (T*B, H), d (T*B, n); a part owns a share
    # of the columns.
    cdef Columns c = columns_of(w.k, g, n, part, parts)
    cdef gru_update there
    cdef Py_ssize_t row
    if c.end <= c.begin:
        return
    offset += c.begin
    if w.blas != NULL:
        blas_product(w.blas, g + offset, n, a, w.p.Hp, True, d + c.begin, ldd, False, w.p.H,
                     c.end - c.begin, w.T * w.B, accumulate)
        if update != NULL:
            for row in range(w.p.H):
                update_row(w.k, g, update, offset + row * n, c.end - c.begin, True)
        return
    if update != NULL:
        there = moved(update, offset, True, g)
    gru_matmul_t(w.k, g + offset, n, a, w.p.Hp, d + c.begin, ldd, w.p.H, c.end - c.begin,
                 w.T * w.B, accumulate, &there if update != NULL else NULL,
                 ws + w.o.scratch + part * w.o.scratch_share)


cdef inline void bias_gradient(const Window *w, real *g, bint accumulate, const gru_update *update,
                               Py_ssize_t offset, real *dw, const real *d, const int32_t *x,
                               Py_ssize_t n, Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    # g (n) at `offset` = [g +] the sum of the rows of d (T*B, n), and dw (., n)[x] += theirs
    cdef Columns c = columns_of(w.k, g, n, part, parts)
    if c.end <= c.begin:
        return
    gru_sum_rows(w.k, g + offset + c.begin, dw + c.begin if dw != NULL else NULL, d + c.begin, x,
                 w.T * w.B, c.end - c.begin, n, accumulate)
    if update != NULL:
        update_row(w.k, g, update, offset + c.begin, c.end - c.begin, False)


cdef void weight_gradients(const Window *w, real *ws, real *g, bint accumulate,
                           const gru_update *update, Py_ssize_t part,
                           Py_ssize_t parts) noexcept nogil:
    # Gradients of a part's share of the columns, and, where update is not NULL, the update with
    # them. A symbol that the window did not read has a zero gradient: where that changes neither
    # weights nor memory, its row is left out.
    cdef Py_ssize_t Hp = w.p.Hp, Vp = w.p.Vp, layer, v
    cdef real *dy = ws + w.o.y
    cdef real *x = NULL
    cdef real *own
    cdef real *d
    cdef Cell at
    cdef Columns c = columns_of(w.k, g, 3 * Hp, part, parts)
    cdef bint every = update == NULL or moves_without_gradient(update)
    for layer in range(w.p.layers):
        at, own = cell_of(&w.p, layer), own_buffers(w, ws, layer)
        d = own + w.o.gates
        product_gradient(w, ws, g, accumulate, update, at.uzr, states_before(w, own), d, 3 * Hp,
                         2 * Hp, part, parts)
        product_gradient(w, ws, g, accumulate, update, at.uh, own + w.o.rh, d + 2 * Hp, 3 * Hp, Hp,
                         part, parts)
        if layer > 0:
            product_gradient(w, ws, g, accumulate, update, at.w, x, d, 3 * Hp, 3 * Hp, part, parts)
            bias_gradient(w, g, accumulate, update, at.b, <real *>NULL, d, NULL, 3 * Hp, part,
                          parts)
        x = outputs_of(w, own)
    product_gradient(w, ws, g, accumulate, update, w.p.wy, x, dy, Vp, Vp, part, parts)
    bias_gradient(w, g, accumulate, update, w.p.by, <real *>NULL, dy, NULL, Vp, part, parts)
    if c.end <= c.begin:
        return
    if not accumulate:
        for v in range(w.p.V):
            if every or w.touched[v]:
                memset(g + w.p.w + v * 3 * Hp + c.begin, 0, (c.end - c.begin) * sizeof(real))
    bias_gradient(w, g, accumulate, update, w.p.b, g + w.p.w, ws + w.o.gates, w.inputs, 3 * Hp,
                  part, parts)
    if update != NULL:
        for v in range(w.p.V):
            if every or w.touched[v]:
                update_row(w.k, g, update, w.p.w + v * 3 * Hp + c.begin, c.end - c.begin, True)
