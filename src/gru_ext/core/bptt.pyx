# SPDX-License-Identifier: MIT
"""One window of truncated BPTT, forward and backward (declarations and equations: bptt.pxd)."""
from libc.string cimport memcpy, memset

from gru_ext.core.blas cimport blas_product
from gru_ext.core.layout cimport layer_offsets, padded
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
    gru_matmul_rows_t,
    gru_pack,
    gru_softmax_cross_entropy,
    panel_of,
    real,
)
from gru_ext.core.partition cimport part_begin


cdef enum:
    OUTPUT_STEPS = 32     # time steps whose outputs are computed together, with few streams
    PACK_STEPS = 16       # time steps from which packing pays off, with few streams


cdef inline bint may_pack(const Window *w) noexcept nogil:
    return w.blas == NULL and (w.B >= GRU_PACK_STREAMS or not w.training)


cdef void choose_packing(Window *w, Py_ssize_t steps) noexcept nogil:
    # With few streams packed weights are only a little faster: pack if many time steps follow.
    w.packed = may_pack(w) and (w.B >= GRU_PACK_STREAMS or steps >= PACK_STEPS)
    w.inputs_packed = w.blas == NULL and w.p.layers > 1 and w.B * steps >= GRU_PACK_STREAMS


cdef BufferOffsets buffer_offsets(const Window *w, Py_ssize_t itemsize) noexcept nogil:
    cdef BufferOffsets o
    cdef Py_ssize_t Hp = w.p.Hp, Vp = w.p.Vp, H = w.p.H, rows = w.T_max * w.B
    cdef bint packs = may_pack(w), packs_t = packs and w.training
    cdef bint packs_inputs = w.blas == NULL and w.p.layers > 1
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
    o.state = o.wx + (rows * 3 * Hp if w.p.layers > 1 else 0)
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
    cdef LayerOffsets at
    cdef real *layer_ws
    for layer in range(w.p.layers):
        at, layer_ws = layer_offsets(&w.p, layer), layer_workspace(w, ws, layer)
        if layer > 0 and w.inputs_packed:
            pack_part(w.k, layer_ws + w.o.w_packed, p + at.w, 3 * Hp, 1, H, 3 * Hp, 3 * Hp, part,
                      parts)
            if w.training:
                pack_part(w.k, layer_ws + w.o.w_packed_t, p + at.w, 1, 3 * Hp, 3 * Hp, H, Hp, part,
                          parts)
        if not w.packed:
            continue
        pack_part(w.k, layer_ws + w.o.uzr_packed, p + at.uzr, 2 * Hp, 1, H, 2 * Hp, 2 * Hp, part,
                  parts)
        pack_part(w.k, layer_ws + w.o.uh_packed, p + at.uh, Hp, 1, H, Hp, Hp, part, parts)
        if w.training:
            pack_part(w.k, layer_ws + w.o.uzr_packed_t, p + at.uzr, 1, 2 * Hp, 2 * Hp, H, Hp, part,
                      parts)
            pack_part(w.k, layer_ws + w.o.uh_packed_t, p + at.uh, 1, Hp, Hp, H, Hp, part, parts)
    if not w.packed:
        return
    pack_part(w.k, ws + w.o.wy_packed, p + w.p.wy, Vp, 1, H, Vp, Vp, part, parts)
    if w.training:
        pack_part(w.k, ws + w.o.wy_packed_t, p + w.p.wy, 1, Vp, Vp, H, Hp, part, parts)


cdef void product(const Window *w, bint use_packed, real *c, Py_ssize_t ldc, const real *a,
                  Py_ssize_t lda, const real *b, const real *packed, Py_ssize_t M, Py_ssize_t N,
                  Py_ssize_t K) noexcept nogil:
    # c (M, N) = a (M, K) b (K, N)
    if w.blas != NULL:
        blas_product(w.blas, c, ldc, a, lda, False, b, N, False, M, N, K, False)
    elif use_packed:
        gru_matmul_packed(w.k, c, ldc, a, lda, packed, M, N, K, False)
    else:
        gru_matmul_rows(w.k, c, ldc, a, lda, b, N, M, N, K, False)


cdef inline void product_t(const Window *w, bint use_packed, real *c, const real *a,
                           Py_ssize_t lda, const real *b, const real *packed, Py_ssize_t M,
                           Py_ssize_t K, bint accumulate) noexcept nogil:
    # c (M, H) = [c +] a (M, K) b^T, b (H, K)
    if w.blas != NULL:
        blas_product(w.blas, c, w.p.Hp, a, lda, False, b, K, True, M, w.p.H, K, accumulate)
    elif use_packed:
        gru_matmul_packed(w.k, c, w.p.Hp, a, lda, packed, M, w.p.Hp, K, accumulate)
    else:
        gru_matmul_rows_t(w.k, c, w.p.Hp, a, lda, b, K, M, w.p.H, K, accumulate)


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


cdef void cell_forward(const Window *w, const LayerOffsets *at, const real *p,
                       const real *layer_ws, real *gates, real *rh, const real *h_prev, real *h,
                       const int32_t *x, const real *projected, Py_ssize_t n) noexcept nogil:
    # One time step of n streams. x (n) are symbols; if it is NULL, projected (n, 3, Hp) is W x.
    cdef Py_ssize_t Hp = w.p.Hp
    cdef const real *wx = p + at.w if x != NULL else projected
    # z = sigmoid(.. + Uz h'), r = sigmoid(.. + Ur h')
    product(w, w.packed, gates, 3 * Hp, h_prev, Hp, p + at.uzr, layer_ws + w.o.uzr_packed, n,
            2 * Hp, w.p.H)
    gru_gates_forward(w.k, gates, rh, h_prev, x, wx, p + at.b, n, Hp)
    # h_hat = tanh(.. + Uh (r * h')), h = z * h' + (1 - z) * h_hat
    product(w, w.packed, gates + 2 * Hp, 3 * Hp, rh, Hp, p + at.uh, layer_ws + w.o.uh_packed, n,
            Hp, w.p.H)
    gru_candidate_forward(w.k, gates, h, h_prev, x, wx, p + at.b, n, Hp)


cdef inline void apply_dropout(const Window *w, real *y, const real *x, Py_ssize_t layer,
                               Py_ssize_t row, Py_ssize_t n, bint accumulate) noexcept nogil:
    # y (n, Hp) = [y +] dropout(x (n, Hp)) for the rows [row, row + n) of the window.
    gru_dropout(w.k, y, x, w.dropout_key, layer * w.T * w.B + row, n, w.p.Hp, w.dropout, accumulate)


cdef void cell_step(const Window *w, const LayerOffsets *at, const real *p, real *ws,
                    Py_ssize_t layer, Py_ssize_t t, Py_ssize_t s0, Py_ssize_t s1) noexcept nogil:
    # Time step t of one layer, streams [s0, s1): h[t] -> h[t+1], with resets and dropout.
    cdef Py_ssize_t Hp = w.p.Hp, row = t * w.B + s0, i
    cdef real *layer_ws = layer_workspace(w, ws, layer)
    cdef real *h = layer_ws + w.o.h + row * Hp
    cdef real *h_prev = previous_states(w, layer_ws) + row * Hp
    if w.resets != NULL:
        for i in range(s1 - s0):
            if w.resets[row + i]:
                memset(h_prev + i * Hp, 0, Hp * sizeof(real))
            else:
                memcpy(h_prev + i * Hp, h + i * Hp, Hp * sizeof(real))
    cell_forward(w, at, p, layer_ws, layer_ws + w.o.gates + row * 3 * Hp,
                 layer_ws + w.o.rh + row * Hp, h_prev, h + w.B * Hp,
                 w.inputs + row if layer == 0 else NULL, ws + w.o.wx + row * 3 * Hp, s1 - s0)
    if w.dropout > 0:
        apply_dropout(w, layer_ws + w.o.dropped + row * Hp, h + w.B * Hp, layer, row, s1 - s0,
                      False)


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


cdef void project_inputs(const Window *w, const real *p, real *ws, Py_ssize_t layer, Py_ssize_t r0,
                         Py_ssize_t r1) noexcept nogil:
    # W x of a layer above the first, rows [r0, r1).
    cdef Py_ssize_t Hp = w.p.Hp
    cdef real *x = layer_outputs(w, layer_workspace(w, ws, layer - 1)) + r0 * Hp
    if r1 > r0:
        product(w, w.inputs_packed, ws + w.o.wx + r0 * 3 * Hp, 3 * Hp, x, Hp,
                p + layer_offsets(&w.p, layer).w, layer_workspace(w, ws, layer) + w.o.w_packed,
                r1 - r0, 3 * Hp, w.p.H)


cdef void forward_layer(const Window *w, const real *p, real *ws, Py_ssize_t layer, Py_ssize_t s0,
                        Py_ssize_t s1) noexcept nogil:
    # One layer forward through the window, for the streams [s0, s1); the top layer also computes
    # the outputs. With few streams the outputs of several time steps are one product, which reads
    # Wy less often.
    cdef Py_ssize_t t, done = 0, steps = OUTPUT_STEPS if s1 - s0 == w.B and not w.packed else 1
    cdef bint top = layer == w.p.layers - 1
    cdef LayerOffsets at = layer_offsets(&w.p, layer)
    for t in range(w.T):
        cell_step(w, &at, p, ws, layer, t, s0, s1)
        if top and (t + 1 - done == steps or t + 1 == w.T):
            output_forward(w, p, ws, done * w.B + s0, (t + 1 - done) * (s1 - s0))
            done = t + 1


cdef double forward_pass(Window *w, const real *p, real *ws) noexcept nogil:
    # A whole window on one thread. Returns the sum of the losses; 0 without targets.
    cdef double total = 0
    cdef Py_ssize_t i, layer
    choose_packing(w, w.T)
    pack_weights(w, p, ws, 0, 1)
    load_state(w, ws, 0, w.B)
    for layer in range(w.p.layers):
        if layer > 0:
            project_inputs(w, p, ws, layer, 0, w.T * w.B)
        forward_layer(w, p, ws, layer, 0, w.B)
    store_state(w, ws, 0, w.B)
    if w.targets != NULL:
        for i in range(w.T * w.B):
            total += w.losses[i]
    return total


cdef void backward_layer(const Window *w, const real *p, real *ws, Py_ssize_t layer, double scale,
                         Py_ssize_t s0, Py_ssize_t s1) noexcept nogil:
    # One layer backward through the window. Replaces its gates by the gradients of their
    # pre-activations, in the top layer also p by dy. In the layers below the top, w.o.wx holds the
    # gradient of the layer's dropped-out outputs, dx of the layer above.
    cdef Py_ssize_t Hp = w.p.Hp, Vp = w.p.Vp, n = s1 - s0, t, row, i
    cdef bint top = layer == w.p.layers - 1
    cdef LayerOffsets at = layer_offsets(&w.p, layer)
    cdef real *layer_ws = layer_workspace(w, ws, layer)
    cdef real *dh = ws + w.o.dh + s0 * Hp
    cdef real *drh = ws + w.o.drh + s0 * Hp
    cdef real *wy_t = ws + w.o.wy_packed_t
    cdef real *gates
    cdef real *dy
    cdef real *h_prev
    memset(dh, 0, n * Hp * sizeof(real))
    for t in range(w.T - 1, -1, -1):
        row = t * w.B + s0
        gates = layer_ws + w.o.gates + row * 3 * Hp
        h_prev = previous_states(w, layer_ws) + row * Hp
        if not top:
            apply_dropout(w, dh, ws + w.o.wx + row * Hp, layer, row, n, True)
        else:
            # loss = -log softmax(Wy x + by)[target], x = dropout(h)
            dy = ws + w.o.y + row * Vp
            gru_cross_entropy_backward(w.k, dy, w.targets + row, scale, n, Vp)
            if w.dropout > 0:
                product_t(w, w.packed, drh, dy, Vp, p + w.p.wy, wy_t, n, Vp, False)
                apply_dropout(w, dh, drh, layer, row, n, True)
            else:
                product_t(w, w.packed, dh, dy, Vp, p + w.p.wy, wy_t, n, Vp, True)
        # h = z * h' + (1 - z) * h_hat
        gru_candidate_backward(w.k, gates, dh, h_prev, n, Hp)
        # h_hat = tanh(.. + Uh (r * h'))
        product_t(w, w.packed, drh, gates + 2 * Hp, 3 * Hp, p + at.uh,
                  layer_ws + w.o.uh_packed_t, n, Hp, False)
        # r * h'
        gru_gates_backward(w.k, gates, dh, drh, h_prev, n, Hp)
        # z = sigmoid(.. + Uz h'), r = sigmoid(.. + Ur h')
        product_t(w, w.packed, dh, gates, 3 * Hp, p + at.uzr, layer_ws + w.o.uzr_packed_t, n,
                  2 * Hp, True)
        if w.resets != NULL:
            for i in range(n):
                if w.resets[row + i]:
                    memset(dh + i * Hp, 0, Hp * sizeof(real))


cdef void backward_inputs(const Window *w, const real *p, real *ws, Py_ssize_t layer, Py_ssize_t r0,
                          Py_ssize_t r1) noexcept nogil:
    # dx = W^T (dz_l, dr_l, dh_hat_l) of a layer above the first, rows [r0, r1).
    cdef Py_ssize_t Hp = w.p.Hp
    cdef real *layer_ws = layer_workspace(w, ws, layer)
    if r1 > r0:
        product_t(w, w.inputs_packed, ws + w.o.wx + r0 * Hp, layer_ws + w.o.gates + r0 * 3 * Hp,
                  3 * Hp, p + layer_offsets(&w.p, layer).w, layer_ws + w.o.w_packed_t, r1 - r0,
                  3 * Hp, False)


cdef void backward_pass(const Window *w, const real *p, real *ws, double scale) noexcept nogil:
    # A whole window on one thread.
    cdef Py_ssize_t layer
    for layer in range(w.p.layers - 1, -1, -1):
        if layer < w.p.layers - 1:
            backward_inputs(w, p, ws, layer + 1, 0, w.T * w.B)
        backward_layer(w, p, ws, layer, scale, 0, w.B)
