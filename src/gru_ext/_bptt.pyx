# SPDX-License-Identifier: MIT
"""Truncated BPTT over one window (declarations and equations: _bptt.pxd)."""
from libc.string cimport memcpy, memset

from gru_ext._blas cimport blas_product
from gru_ext._layout cimport padded
from gru_ext._native cimport (
    GRU_CHUNK_ROWS,
    GRU_LINE_BYTES,
    GRU_PACK_STREAMS,
    GRU_PANEL_GROUP,
    gru_adagrad,
    gru_candidate_backward,
    gru_candidate_forward,
    gru_cross_entropy_backward,
    gru_draw,
    gru_gates_backward,
    gru_gates_forward,
    gru_kernels,
    gru_matmul_packed,
    gru_matmul_rows,
    gru_matmul_rows_t,
    gru_matmul_t,
    gru_pack,
    gru_softmax_cross_entropy,
    gru_sum_rows,
    gru_update,
    real,
)


cdef enum:
    OUTPUT_STEPS = 32
    PACK_STEPS = 16


cdef Py_ssize_t share(Py_ssize_t n, Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    # The first of n that belongs to `part`; parts take n in order and as evenly as can be.
    return n * part // parts


cdef inline bint may_pack(const Window *w) noexcept nogil:
    return w.blas == NULL and (w.B >= GRU_PACK_STREAMS or not w.training)


cdef void choose_packing(Window *w, Py_ssize_t steps) noexcept nogil:
    # Few streams read packed weights a little faster: worth the packing where many steps follow.
    w.packed = may_pack(w) and (w.B >= GRU_PACK_STREAMS or steps >= PACK_STEPS)


cdef Buffers buffers_of(const Window *w, Py_ssize_t itemsize) noexcept nogil:
    cdef Buffers o
    cdef Py_ssize_t Hp = w.p.Hp, Vp = w.p.Vp, H = w.p.H, rows = w.T_max * w.B
    cdef bint packs = may_pack(w)
    o.h = 0
    o.gates = o.h + (rows + w.B) * Hp
    o.rh = o.gates + rows * 3 * Hp
    o.y = o.rh + rows * Hp
    o.carry = o.y + rows * Vp
    o.h_before = o.carry + w.B * Hp
    o.uzr_packed = o.h_before + (rows * Hp if w.resetting else 0)
    o.uh_packed = o.uzr_packed + (H * 2 * Hp if packs else 0)
    o.wy_packed = o.uh_packed + (H * Hp if packs else 0)
    o.dh = o.wy_packed + (H * Vp if packs else 0)
    o.drh = o.dh
    o.uzr_packed_t = o.dh
    o.uh_packed_t = o.dh
    o.wy_packed_t = o.dh
    o.scratch = o.dh
    o.scratch_share = 0
    if w.training:
        o.drh = o.dh + w.B * Hp
        o.uzr_packed_t = o.drh + w.B * Hp
        o.uh_packed_t = o.uzr_packed_t + (2 * Hp * Hp if packs else 0)
        o.wy_packed_t = o.uh_packed_t + (Hp * Hp if packs else 0)
        o.scratch = o.wy_packed_t + (Vp * Hp if packs else 0)
        if rows > GRU_CHUNK_ROWS // 4:
            # a chunk of the left factor's rows, and of a group of panels of the right one's; no
            # panel of any instruction set is wider than two vectors of a cache line
            o.scratch_share = GRU_CHUNK_ROWS * (padded(H, itemsize) + GRU_PANEL_GROUP
                                                * 2 * GRU_LINE_BYTES // itemsize)
    o.size = o.scratch + w.parts_max * o.scratch_share
    return o


cdef inline Py_ssize_t panel_of(const gru_kernels *k, real *unused) noexcept nogil:
    return k.f32.panel if real is float else k.f64.panel


cdef inline void pack_share(const gru_kernels *k, real *packed, const real *b,
                            Py_ssize_t stride_k, Py_ssize_t stride_n, Py_ssize_t K,
                            Py_ssize_t n_valid, Py_ssize_t N, Py_ssize_t part,
                            Py_ssize_t parts) noexcept nogil:
    cdef Py_ssize_t panels = (N + panel_of(k, packed) - 1) // panel_of(k, packed)
    gru_pack(k, packed, b, stride_k, stride_n, K, n_valid, N, share(panels, part, parts),
             share(panels, part + 1, parts))


cdef void pack_weights(const Window *w, const real *p, real *ws, Py_ssize_t part,
                       Py_ssize_t parts) noexcept nogil:
    cdef Py_ssize_t H = w.p.H, Hp = w.p.Hp, Vp = w.p.Vp
    if not w.packed:
        return
    pack_share(w.k, ws + w.o.uzr_packed, p + w.p.uzr, 2 * Hp, 1, H, 2 * Hp, 2 * Hp, part, parts)
    pack_share(w.k, ws + w.o.uh_packed, p + w.p.uh, Hp, 1, H, Hp, Hp, part, parts)
    pack_share(w.k, ws + w.o.wy_packed, p + w.p.wy, Vp, 1, H, Vp, Vp, part, parts)
    if w.training:
        pack_share(w.k, ws + w.o.uzr_packed_t, p + w.p.uzr, 1, 2 * Hp, 2 * Hp, H, Hp, part, parts)
        pack_share(w.k, ws + w.o.uh_packed_t, p + w.p.uh, 1, Hp, Hp, H, Hp, part, parts)
        pack_share(w.k, ws + w.o.wy_packed_t, p + w.p.wy, 1, Vp, Vp, H, Hp, part, parts)


cdef void product(const Window *w, real *c, Py_ssize_t ldc, const real *a, Py_ssize_t lda,
                  const real *b, const real *packed, Py_ssize_t M, Py_ssize_t N,
                  Py_ssize_t K) noexcept nogil:
    # c (M, N) = a (M, K) b (K, N)
    if w.blas != NULL:
        blas_product(w.blas, c, ldc, a, lda, False, b, N, False, M, N, K, False)
    elif w.packed:
        gru_matmul_packed(w.k, c, ldc, a, lda, packed, M, N, K, False)
    else:
        gru_matmul_rows(w.k, c, ldc, a, lda, b, N, M, N, K, False)


cdef inline void product_t(const Window *w, real *c, const real *a, Py_ssize_t lda,
                           const real *b, const real *packed, Py_ssize_t M, Py_ssize_t K,
                           bint accumulate) noexcept nogil:
    # c (M, H) = [c +] a (M, K) b^T, b (H, K)
    if w.blas != NULL:
        blas_product(w.blas, c, w.p.Hp, a, lda, False, b, K, True, M, w.p.H, K, accumulate)
    elif w.packed:
        gru_matmul_packed(w.k, c, w.p.Hp, a, lda, packed, M, w.p.Hp, K, accumulate)
    else:
        gru_matmul_rows_t(w.k, c, w.p.Hp, a, lda, b, K, M, w.p.H, K, accumulate)


cdef void enter(const Window *w, real *ws, Py_ssize_t s0, Py_ssize_t s1) noexcept nogil:
    # carry -> h[0]
    memcpy(ws + w.o.h + s0 * w.p.Hp, ws + w.o.carry + s0 * w.p.Hp,
           (s1 - s0) * w.p.Hp * sizeof(real))


cdef void leave(const Window *w, real *ws, Py_ssize_t s0, Py_ssize_t s1) noexcept nogil:
    # h[T] -> carry
    memcpy(ws + w.o.carry + s0 * w.p.Hp, ws + w.o.h + (w.T * w.B + s0) * w.p.Hp,
           (s1 - s0) * w.p.Hp * sizeof(real))


cdef void cell(const Window *w, const real *p, const real *ws, real *gates, real *rh,
               const real *h_prev, real *h, const int32_t *x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t Hp = w.p.Hp
    product(w, gates, 3 * Hp, h_prev, Hp, p + w.p.uzr, ws + w.o.uzr_packed, n, 2 * Hp, w.p.H)
    gru_gates_forward(w.k, gates, rh, h_prev, x, p + w.p.w, p + w.p.b, n, Hp)
    product(w, gates + 2 * Hp, 3 * Hp, rh, Hp, p + w.p.uh, ws + w.o.uh_packed, n, Hp, w.p.H)
    gru_candidate_forward(w.k, gates, h, h_prev, x, p + w.p.w, p + w.p.b, n, Hp)


cdef inline real *states_before(const Window *w, real *ws) noexcept nogil:
    # h' (T, B, Hp)
    return ws + (w.o.h if w.resets == NULL else w.o.h_before)


cdef void step(const Window *w, const real *p, real *ws, Py_ssize_t t, Py_ssize_t s0,
               Py_ssize_t s1) noexcept nogil:
    # One cell step of streams [s0, s1): h[t] -> h[t+1].
    cdef Py_ssize_t Hp = w.p.Hp, row = t * w.B + s0, i
    cdef real *h = ws + w.o.h + row * Hp
    cdef real *h_prev = states_before(w, ws) + row * Hp
    if w.resets != NULL:
        for i in range(s1 - s0):
            if w.resets[row + i]:
                memset(h_prev + i * Hp, 0, Hp * sizeof(real))
            else:
                memcpy(h_prev + i * Hp, h + i * Hp, Hp * sizeof(real))
    cell(w, p, ws, ws + w.o.gates + row * 3 * Hp, ws + w.o.rh + row * Hp, h_prev, h + w.B * Hp,
         w.inputs + row, s1 - s0)


cdef double inverse_temperature(double temperature) noexcept nogil:
    # The coldest that is told from 0 is 1e-6.
    return 1 / temperature if temperature > 1e-6 else 1e6


cdef int32_t draw_symbol(const Window *w, const real *p, double temperature,
                         double uniform) noexcept nogil:
    # From a row of probabilities at that temperature; the likeliest one at 0.
    cdef Py_ssize_t v, best = 0
    if temperature > 1e-6:
        return gru_draw(w.k, <real *>p, uniform, w.p.V)
    for v in range(1, w.p.V):
        if p[v] > p[best]:
            best = v
    return <int32_t>best


cdef void output(const Window *w, const real *p, real *ws, Py_ssize_t row, Py_ssize_t n,
                 double inverse) noexcept nogil:
    # p = softmax((Wy h + by) * inverse) of n rows, and the losses where there are targets.
    cdef Py_ssize_t Vp = w.p.Vp
    cdef real *y = ws + w.o.y + row * Vp
    product(w, y, Vp, ws + w.o.h + (row + w.B) * w.p.Hp, w.p.Hp, p + w.p.wy,
            ws + w.o.wy_packed, n, Vp, w.p.H)
    gru_softmax_cross_entropy(w.k, y, w.losses + row if w.targets != NULL else NULL,
                              w.targets + row if w.targets != NULL else NULL,
                              p + w.p.by, inverse, n, w.p.V, Vp)


cdef void forward(const Window *w, const real *p, real *ws, Py_ssize_t s0,
                  Py_ssize_t s1) noexcept nogil:
    # The output layer takes several steps of few streams at once, to read its weights less often.
    cdef Py_ssize_t t, done = 0, steps = OUTPUT_STEPS if s1 - s0 == w.B and not w.packed else 1
    for t in range(w.T):
        step(w, p, ws, t, s0, s1)
        if t + 1 - done == steps or t + 1 == w.T:
            output(w, p, ws, done * w.B + s0, (t + 1 - done) * (s1 - s0), 1.0)
            done = t + 1


cdef double forward_pass(Window *w, const real *p, real *ws) noexcept nogil:
    # A whole window on one thread; the sum of its losses, 0 without targets.
    cdef double total = 0
    cdef Py_ssize_t i
    choose_packing(w, w.T)
    pack_weights(w, p, ws, 0, 1)
    enter(w, ws, 0, w.B)
    forward(w, p, ws, 0, w.B)
    leave(w, ws, 0, w.B)
    if w.targets != NULL:
        for i in range(w.T * w.B):
            total += w.losses[i]
    return total


cdef void backward(const Window *w, const real *p, real *ws, double scale, Py_ssize_t s0,
                   Py_ssize_t s1) noexcept nogil:
    # Turns p into dy and the gates into their pre-activations' gradients, from the last step on.
    cdef Py_ssize_t Hp = w.p.Hp, Vp = w.p.Vp, n = s1 - s0, t, row, i
    cdef real *dh = ws + w.o.dh + s0 * Hp
    cdef real *drh = ws + w.o.drh + s0 * Hp
    cdef real *gates
    cdef real *dy
    cdef real *h_prev
    memset(dh, 0, n * Hp * sizeof(real))
    for t in range(w.T - 1, -1, -1):
        row = t * w.B + s0
        dy = ws + w.o.y + row * Vp
        gates = ws + w.o.gates + row * 3 * Hp
        h_prev = states_before(w, ws) + row * Hp
        # loss = -log softmax(Wy h + by)[target]
        gru_cross_entropy_backward(w.k, dy, w.targets + row, scale, n, Vp)
        product_t(w, dh, dy, Vp, p + w.p.wy, ws + w.o.wy_packed_t, n, Vp, True)
        # h = z * h' + (1 - z) * h_hat
        gru_candidate_backward(w.k, gates, dh, h_prev, n, Hp)
        # h_hat = tanh(.. + Uh (r * h'))
        product_t(w, drh, gates + 2 * Hp, 3 * Hp, p + w.p.uh, ws + w.o.uh_packed_t, n, Hp, False)
        # r * h'
        gru_gates_backward(w.k, gates, dh, drh, h_prev, n, Hp)
        # z = sigmoid(.. + Uz h'), r = sigmoid(.. + Ur h')
        product_t(w, dh, gates, 3 * Hp, p + w.p.uzr, ws + w.o.uzr_packed_t, n, 2 * Hp, True)
        if w.resets != NULL:
            for i in range(n):
                if w.resets[row + i]:
                    memset(dh + i * Hp, 0, Hp * sizeof(real))


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


cdef inline gru_update moved(const gru_update *update, Py_ssize_t offset,
                             real *unused) noexcept nogil:
    # The update of the parameters that begin at `offset`.
    cdef gru_update there = update[0]
    there.p = <real *>update.p + offset
    there.m = <real *>update.m + offset
    return there


cdef inline void update_row(const Window *w, real *g, const gru_update *update, Py_ssize_t offset,
                            Py_ssize_t n) noexcept nogil:
    cdef gru_update there = moved(update, offset, g)
    gru_adagrad(w.k, g + offset, &there, n)


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
                update_row(w, g, update, offset + row * n, c.end - c.begin)
        return
    if update != NULL:
        there = moved(update, offset, g)
    gru_matmul_t(w.k, g + offset, n, a, w.p.Hp, d + c.begin, ldd, w.p.H, c.end - c.begin,
                 w.T * w.B, accumulate, &there if update != NULL else NULL,
                 ws + w.o.scratch + part * w.o.scratch_share)


cdef void weight_gradients(const Window *w, real *ws, real *g, bint accumulate,
                           const gru_update *update, Py_ssize_t part,
                           Py_ssize_t parts) noexcept nogil:
    # Gradients of a part's share of the columns, and, where update is not NULL, the update with
    # them. A symbol the window did not read has a zero gradient, which changes neither its weights
    # nor their memory.
    cdef Py_ssize_t Hp = w.p.Hp, Vp = w.p.Vp, R = w.T * w.B, v, n
    cdef real *d = ws + w.o.gates
    cdef real *dy = ws + w.o.y
    cdef Columns c
    product_gradient(w, ws, g, accumulate, update, w.p.uzr, states_before(w, ws), d, 3 * Hp, 2 * Hp,
                     part, parts)
    product_gradient(w, ws, g, accumulate, update, w.p.uh, ws + w.o.rh, d + 2 * Hp, 3 * Hp, Hp,
                     part, parts)
    product_gradient(w, ws, g, accumulate, update, w.p.wy, ws + w.o.h + w.B * Hp, dy, Vp, Vp, part,
                     parts)
    c = columns_of(w.k, g, Vp, part, parts)
    if c.end > c.begin:
        gru_sum_rows(w.k, g + w.p.by + c.begin, NULL, dy + c.begin, NULL, R, c.end - c.begin, Vp,
                     accumulate)
        if update != NULL:
            update_row(w, g, update, w.p.by + c.begin, c.end - c.begin)
    c = columns_of(w.k, g, 3 * Hp, part, parts)
    n = c.end - c.begin
    if n <= 0:
        return
    if not accumulate:
        for v in range(w.p.V):
            if w.touched[v]:
                memset(g + w.p.w + v * 3 * Hp + c.begin, 0, n * sizeof(real))
    gru_sum_rows(w.k, g + w.p.b + c.begin, g + w.p.w + c.begin, d + c.begin, w.inputs, R, n, 3 * Hp,
                 accumulate)
    if update != NULL:
        update_row(w, g, update, w.p.b + c.begin, n)
        for v in range(w.p.V):
            if w.touched[v]:
                update_row(w, g, update, w.p.w + v * 3 * Hp + c.begin, n)
