# SPDX-License-Identifier: MIT
"""One window of truncated BPTT, forward and backward (declarations and equations: bptt.pxd)."""
from libc.string cimport memcpy, memset

from gru_ext.core.blas cimport blas_product
from gru_ext.core.layout cimport FULL, layer_offsets, padded
from gru_ext.core.narrow cimport narrow_product
from gru_ext.core.native cimport (
    GRU_CHUNK_ROWS,
    GRU_LINE_BYTES,
    GRU_PACK_STREAMS,
    GRU_PANEL_GROUP,
    gru_candidate_backward,
    gru_candidate_forward,
    gru_cross_entropy_backward,
    gru_dropout,
    gru_gates_backward,
    gru_gates_forward,
    gru_kernels,
    gru_matmul_packed,
    gru_matmul_rows,
    gru_pack,
    gru_softmax_cross_entropy,
    panel_of,
    real,
)
from gru_ext.core.partition cimport part_begin
from gru_ext.core.team cimport Share, outputs_together, wait_for_group, whole_share


cdef enum:
    PACK_STEPS = 16       # time steps from which packing pays off, with few streams


cdef inline bint packs_itself(const Window *w) noexcept nogil:
    return w.blas == NULL and w.p.weights == FULL


cdef inline bint may_pack(const Window *w) noexcept nogil:
    return packs_itself(w) and (w.B >= GRU_PACK_STREAMS or not w.training)


cdef void choose_packing(Window *w, Py_ssize_t steps) noexcept nogil:
    # With few streams packed weights are only a little faster: pack if many time steps follow.
    w.packed = may_pack(w) and (w.B >= GRU_PACK_STREAMS or steps >= PACK_STEPS)
    w.inputs_packed = packs_itself(w) and w.p.layers > 1 and w.B * steps >= GRU_PACK_STREAMS


cdef BufferOffsets buffer_offsets(const Window *w, Py_ssize_t itemsize) noexcept nogil:
    cdef BufferOffsets o
    cdef Py_ssize_t Hp = w.p.Hp, Vp = w.p.Vp, H = w.p.H, rows = w.T_max * w.B
    cdef bint packs = may_pack(w), packs_t = w.blas == NULL and w.training
    cdef bint packs_inputs = packs_itself(w) and w.p.layers > 1
    o.h = 0
    o.gates = o.h + (rows + w.B) * Hp
    o.rh = o.gates + rows * 3 * Hp
    o.h_prev = o.rh + rows * Hp
    o.dropped = o.h_prev + (rows * Hp if w.resetting else 0)
    o.uzr_packed = o.dropped + (rows * Hp if w.dropping else 0)
    o.uh_packed = o.uzr_packed + (H * 2 * Hp if packs else 0)
    o.uzr_packed_t = o.uh_packed + (H * Hp if packs else 0)
    o.uh_packed_t = o.uzr_packed_t + (2 * Hp * Hp if packs_t else 0)
    o.w_packed = o.uh_packed_t + (Hp * Hp if packs_t else 0)
    o.w_packed_t = o.w_packed + (H * 3 * Hp if packs_inputs else 0)
    o.layer = o.w_packed_t + (3 * Hp * Hp if packs_inputs and w.training else 0)
    o.y = w.p.layers * o.layer
    o.wx = o.y + rows * Vp
    o.dx = o.wx + (rows * 3 * Hp if w.p.layers > 1 else 0)
    o.state = o.dx + (rows * Hp if w.training else 0)
    o.wy_packed = o.state + w.p.layers * w.B * Hp
    o.wy_packed_t = o.wy_packed + (H * Vp if packs else 0)
    o.dh = o.wy_packed_t + (Vp * Hp if packs_t else 0)
    o.drh = o.dh + (w.B * Hp if w.training else 0)
    o.scratch = o.drh + (w.B * Hp if w.training else 0)
    o.scratch_per_part = 0
    if w.training and rows > GRU_CHUNK_ROWS // 4:
        # a chunk of rows of the left factor, and of a group of panels of the right one; a panel is
        # two vectors, and a vector at most a cache line
        o.scratch_per_part = GRU_CHUNK_ROWS * (
            padded(H, itemsize) + GRU_PANEL_GROUP * 2 * GRU_LINE_BYTES // itemsize)
    o.size = o.scratch + w.parts_max * o.scratch_per_part
    return o


cdef inline void pack_part(const gru_kernels *k, real *packed, const real *b,
                           Py_ssize_t stride_k, Py_ssize_t stride_n, Py_ssize_t K,
                           Py_ssize_t n_valid, Py_ssize_t N, Py_ssize_t part,
                           Py_ssize_t parts) noexcept nogil:
    cdef Py_ssize_t panels = (N + panel_of(k, packed) - 1) // panel_of(k, packed)
    gru_pack(k, packed, b, stride_k, stride_n, K, n_valid, N, part_begin(panels, part, parts),
             part_begin(panels, part + 1, parts))


cdef void pack_weights(const Window *w, const real *p, real *ws, Py_ssize_t part,
                       Py_ssize_t parts) noexcept nogil:
    cdef Py_ssize_t H = w.p.H, Hp = w.p.Hp, Vp = w.p.Vp, layer
    cdef bint packs_t = w.blas == NULL and w.training
    cdef LayerOffsets at
    cdef real *layer_ws
    for layer in range(w.p.layers):
        at, layer_ws = layer_offsets(&w.p, layer), layer_workspace(w, ws, layer)
        if layer > 0 and w.inputs_packed:
            pack_part(w.k, layer_ws + w.o.w_packed, p + at.w, 3 * Hp, 1, H, 3 * Hp, 3 * Hp, part,
                      parts)
        if w.packed:
            pack_part(w.k, layer_ws + w.o.uzr_packed, p + at.uzr, 2 * Hp, 1, H, 2 * Hp, 2 * Hp,
                      part, parts)
            pack_part(w.k, layer_ws + w.o.uh_packed, p + at.uh, Hp, 1, H, Hp, Hp, part, parts)
        if packs_t:
            if layer > 0:
                pack_part(w.k, layer_ws + w.o.w_packed_t, p + at.w, 1, 3 * Hp, 3 * Hp, H, Hp, part,
                          parts)
            pack_part(w.k, layer_ws + w.o.uzr_packed_t, p + at.uzr, 1, 2 * Hp, 2 * Hp, H, Hp, part,
                      parts)
            pack_part(w.k, layer_ws + w.o.uh_packed_t, p + at.uh, 1, Hp, Hp, H, Hp, part, parts)
    if w.packed:
        pack_part(w.k, ws + w.o.wy_packed, p + w.p.wy, Vp, 1, H, Vp, Vp, part, parts)
    if packs_t:
        pack_part(w.k, ws + w.o.wy_packed_t, p + w.p.wy, 1, Vp, Vp, H, Hp, part, parts)


cdef inline void product_columns(const Window *w, bint use_packed, real *c, Py_ssize_t ldc,
                                 const real *a, Py_ssize_t lda, const real *b,
                                 const real *packed, Py_ssize_t M, Py_ssize_t N, Py_ssize_t n0,
                                 Py_ssize_t n1, Py_ssize_t K) noexcept nogil:
    # The columns [n0, n1) of c (M, N) = a (M, K) b (K, N). n0 is a multiple of a panel, or of 16
    # with narrow weights.
    if w.p.weights != FULL:
        narrow_product(w.k, w.p.weights, w.scratch, c, ldc, a, lda, b, M, N, n0, n1, K)
    elif w.blas != NULL:
        blas_product(w.blas, c + n0, ldc, a, lda, False, b + n0, N, False, M, n1 - n0, K, False)
    elif use_packed:
        gru_matmul_packed(w.k, c + n0, ldc, a, lda, packed + n0 * K, M, n1 - n0, K, False)
    else:
        gru_matmul_rows(w.k, c + n0, ldc, a, lda, b + n0, N, M, n1 - n0, K)


cdef void product(const Window *w, bint use_packed, real *c, Py_ssize_t ldc, const real *a,
                  Py_ssize_t lda, const real *b, const real *packed, Py_ssize_t M, Py_ssize_t N,
                  Py_ssize_t K) noexcept nogil:
    # c (M, N) = a (M, K) b (K, N)
    product_columns(w, use_packed, c, ldc, a, lda, b, packed, M, N, 0, N, K)


cdef inline void product_t(const Window *w, real *c, const real *a, Py_ssize_t lda, const real *b,
                           const real *packed, Py_ssize_t M, Py_ssize_t u0, Py_ssize_t u1,
                           Py_ssize_t K, bint accumulate) noexcept nogil:
    # The units [u0, u1) of c (M, Hp) = [c +] a (M, K) b^T, b (H, K). u0 is a multiple of a panel.
    if w.blas != NULL:
        blas_product(w.blas, c + u0, w.p.Hp, a, lda, False, b + u0 * K, K, True, M,
                     min(u1, w.p.H) - u0, K, accumulate)
    else:
        gru_matmul_packed(w.k, c + u0, w.p.Hp, a, lda, packed + u0 * K, M, u1 - u0, K, accumulate)


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
    # z = sigmoid(.. + Uz h'), r = sigmoid(.. + Ur h')
    if share.members == 1:
        product(w, w.packed, gates, 3 * Hp, h_prev, Hp, p + at.uzr, uzr, n, 2 * Hp, w.p.H)
    else:
        product_columns(w, w.packed, gates, 3 * Hp, h_prev, Hp, p + at.uzr, uzr, n, 2 * Hp, u0, u1,
                        w.p.H)
        product_columns(w, w.packed, gates, 3 * Hp, h_prev, Hp, p + at.uzr, uzr, n, 2 * Hp,
                        Hp + u0, Hp + u1, w.p.H)
    gru_gates_forward(w.k, gates + u0, rh + u0, h_prev + u0, x, wx, p + at.b + u0, n, u1 - u0, Hp)
    if wait_for_group(share) != 0:  # the product with Uh reads r * h' of all units
        return 1
    # h_hat = tanh(.. + Uh (r * h')), h = z * h' + (1 - z) * h_hat
    product_columns(w, w.packed, gates + 2 * Hp, 3 * Hp, rh, Hp, p + at.uh,
                    layer_ws + w.o.uh_packed, n, Hp, u0, u1, w.p.H)
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
                                Py_ssize_t n) noexcept nogil:
    # p = softmax(Wy x + by) of the rows [row, row + n), and their losses if there are targets.
    cdef Py_ssize_t Vp = w.p.Vp
    cdef real *y = ws + w.o.y + row * Vp
    cdef real *x = layer_outputs(w, layer_workspace(w, ws, w.p.layers - 1)) + row * w.p.Hp
    product(w, w.packed, y, Vp, x, w.p.Hp, p + w.p.wy, ws + w.o.wy_packed, n, Vp, w.p.H)
    gru_softmax_cross_entropy(w.k, y, w.losses + row if w.targets != NULL else NULL,
                              w.targets + row if w.targets != NULL else NULL,
                              p + w.p.by, 1.0, n, w.p.V, Vp)


cdef inline void output_backward(const Window *w, const real *p, real *ws, double scale,
                                 real *dx, Py_ssize_t row, Py_ssize_t n) noexcept nogil:
    # loss = -log softmax(Wy x + by)[target]: p -> dy of the rows [row, row + n), and
    # dx (n, Hp) = Wy^T dy.
    cdef Py_ssize_t Vp = w.p.Vp
    cdef real *dy = ws + w.o.y + row * Vp
    gru_cross_entropy_backward(w.k, dy, w.targets + row, scale, n, Vp)
    product_t(w, dx, dy, Vp, p + w.p.wy, ws + w.o.wy_packed_t, n, 0, w.p.Hp, Vp, False)


cdef inline void outputs(const Window *w, const real *p, real *ws, bint forward, double scale,
                         const Share *share) noexcept nogil:
    # The output layer of a whole window, forward or backward: each member of a group computes some
    # of the time steps.
    cdef Py_ssize_t t0 = part_begin(w.T, share.member, share.members)
    cdef Py_ssize_t t1 = part_begin(w.T, share.member + 1, share.members)
    cdef Py_ssize_t n = share.s1 - share.s0, steps = max(t1 - t0, 1) if n == w.B else 1, i, row
    for i in range((t1 - t0) // steps):
        row = (t0 + i * steps) * w.B + share.s0
        if forward:
            output_forward(w, p, ws, row, steps * n)
        else:
            output_backward(w, p, ws, scale, ws + w.o.dx + row * w.p.Hp, row, steps * n)


cdef void project_inputs(const Window *w, const real *p, real *ws, Py_ssize_t layer, Py_ssize_t r0,
                         Py_ssize_t r1) noexcept nogil:
    # W x of a layer above the first, rows [r0, r1).
    cdef Py_ssize_t Hp = w.p.Hp
    cdef real *x = layer_outputs(w, layer_workspace(w, ws, layer - 1)) + r0 * Hp
    if r1 > r0:
        product(w, w.inputs_packed, ws + w.o.wx + r0 * 3 * Hp, 3 * Hp, x, Hp,
                p + layer_offsets(&w.p, layer).w, layer_workspace(w, ws, layer) + w.o.w_packed,
                r1 - r0, 3 * Hp, w.p.H)


cdef void project_units(const Window *w, const real *p, real *ws, Py_ssize_t layer,
                        const Share *share) noexcept nogil:
    # W x of a layer above the first, all rows of the window: the units of a share.
    cdef Py_ssize_t Hp = w.p.Hp, rows = w.T * w.B, gate
    cdef real *x
    if share.members == 1:
        project_inputs(w, p, ws, layer, 0, rows)
        return
    x = layer_outputs(w, layer_workspace(w, ws, layer - 1))
    for gate in range(3):
        product_columns(w, w.inputs_packed, ws + w.o.wx, 3 * Hp, x, Hp,
                        p + layer_offsets(&w.p, layer).w,
                        layer_workspace(w, ws, layer) + w.o.w_packed, rows, 3 * Hp,
                        gate * Hp + share.u0, gate * Hp + share.u1, w.p.H)


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
            output_forward(w, p, ws, t * w.B + share.s0, share.s1 - share.s0)
    if top and together:
        outputs(w, p, ws, True, 0, share)
    return 0


cdef double forward_pass(Window *w, const real *p, real *ws) noexcept nogil:
    # A whole window on one thread. Returns the sum of the losses; 0 without targets.
    cdef double total = 0
    cdef Py_ssize_t i, layer
    cdef Share share = whole_share(&w.p, w.B)
    choose_packing(w, w.T)
    pack_weights(w, p, ws, 0, 1)
    load_state(w, ws, 0, w.B)
    for layer in range(w.p.layers):
        if layer > 0:
            project_inputs(w, p, ws, layer, 0, w.T * w.B)
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
            output_backward(w, p, ws, scale, dx, row, n)
        # x = dropout(h)
        apply_dropout(w, dh, dx, layer, row, share, True)
        # h = z * h' + (1 - z) * h_hat
        gru_candidate_backward(w.k, gates + u0, dh + u0, h_prev + u0, n, u1 - u0, Hp)
        if wait_for_group(share) != 0:
            return 1
        # h_hat = tanh(.. + Uh (r * h'))
        product_t(w, drh, gates + 2 * Hp, 3 * Hp, p + at.uh, layer_ws + w.o.uh_packed_t, n, u0, u1,
                  Hp, False)
        # r * h'
        gru_gates_backward(w.k, gates + u0, dh + u0, drh + u0, h_prev + u0, n, u1 - u0, Hp)
        if wait_for_group(share) != 0:
            return 1
        # z = sigmoid(.. + Uz h'), r = sigmoid(.. + Ur h')
        product_t(w, dh, gates, 3 * Hp, p + at.uzr, layer_ws + w.o.uzr_packed_t, n, u0, u1, 2 * Hp,
                  True)
        if w.resets != NULL:
            for i in range(n):
                if w.resets[row + i]:
                    memset(dh + i * Hp + u0, 0, (u1 - u0) * sizeof(real))
    return 0


cdef void backward_inputs(const Window *w, const real *p, real *ws, Py_ssize_t layer, Py_ssize_t r0,
                          Py_ssize_t r1) noexcept nogil:
    # dx = W^T (dz_l, dr_l, dh_hat_l) of a layer above the first, rows [r0, r1).
    cdef Py_ssize_t Hp = w.p.Hp
    cdef real *layer_ws = layer_workspace(w, ws, layer)
    if r1 > r0:
        product_t(w, ws + w.o.dx + r0 * Hp, layer_ws + w.o.gates + r0 * 3 * Hp, 3 * Hp,
                  p + layer_offsets(&w.p, layer).w, layer_ws + w.o.w_packed_t, r1 - r0, 0, Hp,
                  3 * Hp, False)


cdef void backward_pass(const Window *w, const real *p, real *ws, double scale) noexcept nogil:
    # A whole window on one thread.
    cdef Py_ssize_t layer
    cdef Share share = whole_share(&w.p, w.B)
    for layer in range(w.p.layers - 1, -1, -1):
        if layer < w.p.layers - 1:
            backward_inputs(w, p, ws, layer + 1, 0, w.T * w.B)
        backward_layer(w, p, ws, layer, scale, &share)
