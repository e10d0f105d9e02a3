# SPDX-License-Identifier: MIT
"""One window of truncated BPTT, forward and backward (declarations and equations: bptt.pxd)."""
from libc.string cimport memcpy, memset

from gru_ext.core.layout cimport layer_offsets
from gru_ext.core.native cimport (
    gru_candidate_backward,
    gru_candidate_forward,
    gru_cross_entropy_backward,
    gru_dropout,
    gru_gates_backward,
    gru_gates_forward,
    gru_softmax_cross_entropy,
    real,
)
from gru_ext.core.partition cimport part_begin
from gru_ext.core.products cimport (
    choose_packing,
    pack_weights,
    product,
    product_columns,
    product_t,
    thread_scratch,
)
from gru_ext.core.team cimport Share, outputs_together, wait_for_group, whole_share


cdef void load_state(const Window *w, real *ws, Py_ssize_t s0, Py_ssize_t s1) noexcept nogil:
    # state -> h[0]
    cdef Py_ssize_t layer
    for layer in range(w.p.layers):
        memcpy(layer_workspace(w, ws, layer) + w.o.h + s0 * w.p.Hp,
               ws + w.o.state + (layer * w.B + s0) * w.p.Hp, (s1 - s0) * w.p.Hp * sizeof(real))


cdef void store_state(const Window *w, real *ws, Py_ssize_t s0, Py_ssize_t s1) noexcept nogil:
    # h[T] -> state
    cdef Py_ssize_t layer
    for layer in range(w.p.layers):
        memcpy(ws + w.o.state + (layer * w.B + s0) * w.p.Hp,
               layer_workspace(w, ws, layer) + w.o.h + (w.T * w.B + s0) * w.p.Hp,
               (s1 - s0) * w.p.Hp * sizeof(real))


cdef int cell_forward(const Window *w, const LayerOffsets *at, const real *p,
                      const real *layer_ws, real *gates, real *rh, const real *h_prev, real *h,
                      const int32_t *x, const real *projected, const Share *share) noexcept nogil:
    # One time step of the n streams of a share; pointers are to its first stream. x (n) are
    # symbols; if it is NULL, projected (n, 3, Hp) is W x.
    cdef Py_ssize_t Hp = w.p.Hp, n = share.s1 - share.s0, u0 = share.u0, u1 = share.u1
    cdef const real *wx = (p + at.w if x != NULL else projected) + u0
    cdef const real *uzr = layer_ws + w.o.uzr_packed
    cdef real *scratch = <real *>share.scratch
    # z = sigmoid(.. + Uz h'), r = sigmoid(.. + Ur h')
    if share.members == 1:
        product(w, w.packed, gates, 3 * Hp, h_prev, Hp, p + at.uzr, uzr, n, 2 * Hp, w.p.H, scratch)
    else:
        product_columns(w, w.packed, gates, 3 * Hp, h_prev, Hp, p + at.uzr, uzr, n, 2 * Hp, u0, u1,
                        w.p.H, scratch)
        product_columns(w, w.packed, gates, 3 * Hp, h_prev, Hp, p + at.uzr, uzr, n, 2 * Hp,
                        Hp + u0, Hp + u1, w.p.H, scratch)
    gru_gates_forward(w.k, gates + u0, rh + u0, h_prev + u0, x, wx, p + at.b + u0, n, u1 - u0, Hp)
    if wait_for_group(share) != 0:  # the product with Uh reads r * h' of all units
        return 1
    # h_hat = tanh(.. + Uh (r * h')), h = z * h' + (1 - z) * h_hat
    product_columns(w, w.packed, gates + 2 * Hp, 3 * Hp, rh, Hp, p + at.uh,
                    layer_ws + w.o.uh_packed, n, Hp, u0, u1, w.p.H, scratch)
    gru_candidate_forward(w.k, gates + u0, h + u0, h_prev + u0, x, wx, p + at.b + u0, n, u1 - u0,
                          Hp)
    return 0


cdef inline void apply_dropout(const Window *w, real *y, const real *x, Py_ssize_t layer,
                               Py_ssize_t row, const Share *share,
                               bint accumulate) noexcept nogil:
    # y (n, Hp) = [y +] dropout(x (n, Hp)), the units of a share, for the rows of the window from
    # `row` on.
    gru_dropout(w.k, y + share.u0, x + share.u0, w.dropout_key, layer * w.T * w.B + row, share.u0,
                share.s1 - share.s0, share.u1 - share.u0, w.p.Hp, w.dropout, accumulate)


cdef int cell_step(const Window *w, const LayerOffsets *at, const real *p, real *ws,
                   Py_ssize_t layer, Py_ssize_t t, const Share *share) noexcept nogil:
    # Time step t of one layer, one share: h[t] -> h[t+1], with resets and dropout.
    cdef Py_ssize_t Hp = w.p.Hp, row = t * w.B + share.s0, u0 = share.u0, i
    cdef Py_ssize_t size = (share.u1 - u0) * sizeof(real)
    cdef real *layer_ws = layer_workspace(w, ws, layer)
    cdef real *h = layer_ws + w.o.h + row * Hp
    cdef real *h_prev = previous_states(w, layer_ws) + row * Hp
    if w.resets != NULL:
        for i in range(share.s1 - share.s0):
            if w.resets[row + i]:
                memset(h_prev + i * Hp + u0, 0, size)
            else:
                memcpy(h_prev + i * Hp + u0, h + i * Hp + u0, size)
        if wait_for_group(share) != 0:
            return 1
    if cell_forward(w, at, p, layer_ws, layer_ws + w.o.gates + row * 3 * Hp,
                    layer_ws + w.o.rh + row * Hp, h_prev, h + w.B * Hp,
                    w.inputs + row if layer == 0 else NULL, ws + w.o.wx + row * 3 * Hp,
                    share) != 0:
        return 1
    if w.dropout > 0:
        apply_dropout(w, layer_ws + w.o.dropped + row * Hp, h + w.B * Hp, layer, row, share, False)
    return wait_for_group(share)


cdef inline void output_forward(const Window *w, const real *p, real *ws, Py_ssize_t row,
                                Py_ssize_t n, real *scratch) noexcept nogil:
    # p = softmax(Wy x + by) of the rows [row, row + n), and their losses if there are targets.
    cdef Py_ssize_t Vp = w.p.Vp
    cdef real *y = ws + w.o.y + row * Vp
    cdef real *x = layer_outputs(w, layer_workspace(w, ws, w.p.layers - 1)) + row * w.p.Hp
    product(w, w.packed, y, Vp, x, w.p.Hp, p + w.p.wy, ws + w.o.wy_packed, n, Vp, w.p.H,
            scratch)
    gru_softmax_cross_entropy(w.k, y, w.losses + row if w.targets != NULL else NULL,
                              w.targets + row if w.targets != NULL else NULL,
                              p + w.p.by, 1.0, n, w.p.V, Vp)


cdef inline void output_backward(const Window *w, const real *p, real *ws, double scale,
                                 real *dx, Py_ssize_t row, Py_ssize_t n,
                                 real *scratch) noexcept nogil:
    # loss = -log softmax(Wy x + by)[target]: p -> dy of the rows [row, row + n), and
    # dx (n, Hp) = Wy^T dy.
    cdef Py_ssize_t Vp = w.p.Vp
    cdef real *dy = ws + w.o.y + row * Vp
    gru_cross_entropy_backward(w.k, dy, w.targets + row, scale, n, Vp)
    product_t(w, dx, dy, Vp, p + w.p.wy, ws + w.o.wy_packed_t, n, 0, w.p.Hp, Vp, False, scratch)


cdef inline void outputs(const Window *w, const real *p, real *ws, bint forward, double scale,
                         const Share *share) noexcept nogil:
    # The output layer of a whole window, forward or backward: each member of a group computes some
    # of the time steps.
    cdef Py_ssize_t t0 = part_begin(w.T, share.member, share.members)
    cdef Py_ssize_t t1 = part_begin(w.T, share.member + 1, share.members)
    cdef Py_ssize_t n = share.s1 - share.s0, steps = max(t1 - t0, 1) if n == w.B else 1, i, row
    cdef real *scratch = <real *>share.scratch
    for i in range((t1 - t0) // steps):
        row = (t0 + i * steps) * w.B + share.s0
        if forward:
            output_forward(w, p, ws, row, steps * n, scratch)
        else:
            output_backward(w, p, ws, scale, ws + w.o.dx + row * w.p.Hp, row, steps * n, scratch)


cdef void project_inputs(const Window *w, const real *p, real *ws, Py_ssize_t layer, Py_ssize_t r0,
                         Py_ssize_t r1, real *scratch) noexcept nogil:
    # W x of a layer above the first, rows [r0, r1).
    cdef Py_ssize_t Hp = w.p.Hp
    cdef real *x = layer_outputs(w, layer_workspace(w, ws, layer - 1)) + r0 * Hp
    if r1 > r0:
        product(w, w.inputs_packed, ws + w.o.wx + r0 * 3 * Hp, 3 * Hp, x, Hp,
                p + layer_offsets(&w.p, layer).w, layer_workspace(w, ws, layer) + w.o.w_packed,
                r1 - r0, 3 * Hp, w.p.H, scratch)


cdef void project_units(const Window *w, const real *p, real *ws, Py_ssize_t layer,
                        const Share *share) noexcept nogil:
    # W x of a layer above the first, all rows of the window: the units of a share.
    cdef Py_ssize_t Hp = w.p.Hp, rows = w.T * w.B, gate
    cdef real *x
    if share.members == 1:
        project_inputs(w, p, ws, layer, 0, rows, <real *>share.scratch)
        return
    x = layer_outputs(w, layer_workspace(w, ws, layer - 1))
    for gate in range(3):
        product_columns(w, w.inputs_packed, ws + w.o.wx, 3 * Hp, x, Hp,
                        p + layer_offsets(&w.p, layer).w,
                        layer_workspace(w, ws, layer) + w.o.w_packed, rows, 3 * Hp,
                        gate * Hp + share.u0, gate * Hp + share.u1, w.p.H, <real *>share.scratch)


cdef int forward_layer(const Window *w, const real *p, real *ws, Py_ssize_t layer,
                       const Share *share) noexcept nogil:
    # One layer forward through the window, one share; the top layer also computes the outputs.
    cdef Py_ssize_t t
    cdef bint top = layer == w.p.layers - 1, together = outputs_together(share)
    cdef LayerOffsets at = layer_offsets(&w.p, layer)
    for t in range(w.T):
        if cell_step(w, &at, p, ws, layer, t, share) != 0:
            return 1
        if top and not together:
            output_forward(w, p, ws, t * w.B + share.s0, share.s1 - share.s0,
                           <real *>share.scratch)
    if top and together:
        outputs(w, p, ws, True, 0, share)
    return 0


cdef double forward_pass(Window *w, const real *p, real *ws) noexcept nogil:
    # A whole window on one thread. Returns the sum of the losses; 0 without targets.
    cdef double total = 0
    cdef Py_ssize_t i, layer
    cdef Share share = whole_share(&w.p, w.B)
    share.scratch = thread_scratch(w, ws, 0)
    choose_packing(w, w.T)
    pack_weights(w, p, ws, 0, 1)
    load_state(w, ws, 0, w.B)
    for layer in range(w.p.layers):
        if layer > 0:
            project_inputs(w, p, ws, layer, 0, w.T * w.B, <real *>share.scratch)
        forward_layer(w, p, ws, layer, &share)
    store_state(w, ws, 0, w.B)
    if w.targets != NULL:
        for i in range(w.T * w.B):
            total += w.losses[i]
    return total


cdef int backward_layer(const Window *w, const real *p, real *ws, Py_ssize_t layer, double scale,
                        const Share *share) noexcept nogil:
    # One layer backward through the window, one share. Replaces its gates by the gradients of their
    # pre-activations, in the top layer also p by dy. w.o.dx holds dx, the gradient of the layer's
    # dropped-out outputs; in the top layer it is computed here, for one step or for all.
    cdef Py_ssize_t Hp = w.p.Hp, n = share.s1 - share.s0, u0 = share.u0, u1 = share.u1, t, row, i
    cdef bint top = layer == w.p.layers - 1, together = outputs_together(share)
    cdef LayerOffsets at = layer_offsets(&w.p, layer)
    cdef real *layer_ws = layer_workspace(w, ws, layer)
    cdef real *dh = ws + w.o.dh + share.s0 * Hp
    cdef real *drh = ws + w.o.drh + share.s0 * Hp
    cdef real *scratch = <real *>share.scratch
    cdef real *gates
    cdef real *h_prev
    cdef real *dx
    for i in range(n):
        memset(dh + i * Hp + u0, 0, (u1 - u0) * sizeof(real))
    if top and together:
        outputs(w, p, ws, False, scale, share)
        if wait_for_group(share) != 0:
            return 1
    for t in range(w.T - 1, -1, -1):
        row = t * w.B + share.s0
        gates = layer_ws + w.o.gates + row * 3 * Hp
        h_prev = previous_states(w, layer_ws) + row * Hp
        dx = ws + w.o.dx + row * Hp
        if top and not together:
            dx = drh
            output_backward(w, p, ws, scale, dx, row, n, scratch)
        # x = dropout(h)
        apply_dropout(w, dh, dx, layer, row, share, True)
        # h = z * h' + (1 - z) * h_hat
        gru_candidate_backward(w.k, gates + u0, dh + u0, h_prev + u0, n, u1 - u0, Hp)
        if wait_for_group(share) != 0:
            return 1
        # h_hat = tanh(.. + Uh (r * h'))
        product_t(w, drh, gates + 2 * Hp, 3 * Hp, p + at.uh, layer_ws + w.o.uh_packed_t, n, u0, u1,
                  Hp, False, scratch)
        # r * h'
        gru_gates_backward(w.k, gates + u0, dh + u0, drh + u0, h_prev + u0, n, u1 - u0, Hp)
        if wait_for_group(share) != 0:
            return 1
        # z = sigmoid(.. + Uz h'), r = sigmoid(.. + Ur h')
        product_t(w, dh, gates, 3 * Hp, p + at.uzr, layer_ws + w.o.uzr_packed_t, n, u0, u1, 2 * Hp,
                  True, scratch)
        if w.resets != NULL:
            for i in range(n):
                if w.resets[row + i]:
                    memset(dh + i * Hp + u0, 0, (u1 - u0) * sizeof(real))
    return 0


cdef void backward_inputs(const Window *w, const real *p, real *ws, Py_ssize_t layer, Py_ssize_t r0,
                          Py_ssize_t r1, real *scratch) noexcept nogil:
    # dx = W^T (dz_l, dr_l, dh_hat_l) of a layer above the first, rows [r0, r1).
    cdef Py_ssize_t Hp = w.p.Hp
    cdef real *layer_ws = layer_workspace(w, ws, layer)
    if r1 > r0:
        product_t(w, ws + w.o.dx + r0 * Hp, layer_ws + w.o.gates + r0 * 3 * Hp, 3 * Hp,
                  p + layer_offsets(&w.p, layer).w, layer_ws + w.o.w_packed_t, r1 - r0, 0, Hp,
                  3 * Hp, False, scratch)


cdef void backward_pass(const Window *w, const real *p, real *ws, double scale) noexcept nogil:
    # A whole window on one thread.
    cdef Py_ssize_t layer
    cdef Share share = whole_share(&w.p, w.B)
    share.scratch = thread_scratch(w, ws, 0)
    for layer in range(w.p.layers - 1, -1, -1):
        if layer < w.p.layers - 1:
            backward_inputs(w, p, ws, layer + 1, 0, w.T * w.B, <real *>share.scratch)
        backward_layer(w, p, ws, layer, scale, &share)
