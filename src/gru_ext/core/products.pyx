# SPDX-License-Identifier: MIT
"""The matrix products of a window: the weights packed for them, and the choice of the code.

They are products of the package's kernels, in the dtype of the parameters or of operands rounded to
bfloat16, or of a BLAS, or read narrow weights. `scratch` is the memory of the thread that calls
(thread_scratch); only products in bfloat16 use it.
"""
from gru_ext.core.blas cimport blas_product
from gru_ext.core.bptt cimport BufferOffsets, Window, layer_workspace
from gru_ext.core.layout cimport FULL, LayerOffsets, layer_offsets, padded
from gru_ext.core.narrow cimport narrow_product
from gru_ext.core.native cimport (
    GRU_CHUNK_ROWS,
    GRU_LINE_BYTES,
    GRU_PACK_STREAMS,
    GRU_PAIR_ROWS,
    GRU_PANEL_GROUP,
    gru_matmul_packed,
    gru_matmul_rows,
    gru_matmul_t,
    gru_pack,
    gru_update,
    panel_of,
    real,
)
from gru_ext.core.partition cimport part_begin


cdef enum:
    PACK_STEPS = 16       # time steps from which packing pays off, with few streams


cdef inline bint packs_itself(const Window *w) noexcept nogil:
    return w.blas == NULL and w.p.weights == FULL


cdef inline bint may_pack(const Window *w) noexcept nogil:
    return packs_itself(w) and (w.B >= GRU_PACK_STREAMS or not w.training or w.pairs != NULL)


cdef void choose_packing(Window *w, Py_ssize_t steps) noexcept nogil:
    # With few streams packed weights are only a little faster: pack if many time steps follow.
    # Weights in bfloat16 are packed ones.
    cdef bint paired = w.pairs != NULL
    w.packed = may_pack(w) and (w.B >= GRU_PACK_STREAMS or steps >= PACK_STEPS or paired)
    w.inputs_packed = (packs_itself(w) and w.p.layers > 1
                       and (w.B * steps >= GRU_PACK_STREAMS or paired))


cdef inline Py_ssize_t packed_rows(const Window *w, Py_ssize_t K) noexcept nogil:
    # The rows of a packed matrix with K rows.
    return K if w.pairs == NULL else (K + 1) // 2


cdef inline Py_ssize_t _scratch_size(const Window *w, Py_ssize_t itemsize) noexcept nogil:
    # The elements of scratch memory of one thread.
    cdef Py_ssize_t rows = w.T_max * w.B, size = 0
    if w.training and (rows > GRU_CHUNK_ROWS // 4 or w.pairs != NULL):
        # matmul_t: a chunk of rows of the left factor, and of a group of panels of the right one; a
        # panel is two vectors, and a vector at most a cache line
        size = GRU_CHUNK_ROWS * (
            padded(w.p.H, itemsize) + GRU_PANEL_GROUP * 2 * GRU_LINE_BYTES // itemsize)
    if w.pairs != NULL:  # the left factor of a product, rounded
        size = max(size, GRU_PAIR_ROWS * max(3 * w.p.Hp, w.p.Vp) // 2)
    return size


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
    o.uh_packed = o.uzr_packed + (packed_rows(w, H) * 2 * Hp if packs else 0)
    o.uzr_packed_t = o.uh_packed + (packed_rows(w, H) * Hp if packs else 0)
    o.uh_packed_t = o.uzr_packed_t + (packed_rows(w, 2 * Hp) * Hp if packs_t else 0)
    o.w_packed = o.uh_packed_t + (packed_rows(w, Hp) * Hp if packs_t else 0)
    o.w_packed_t = o.w_packed + (packed_rows(w, H) * 3 * Hp if packs_inputs else 0)
    o.layer = o.w_packed_t + (packed_rows(w, 3 * Hp) * Hp if packs_inputs and w.training else 0)
    o.y = w.p.layers * o.layer
    o.wx = o.y + rows * Vp
    o.dx = o.wx + (rows * 3 * Hp if w.p.layers > 1 else 0)
    o.state = o.dx + (rows * Hp if w.training else 0)
    o.wy_packed = o.state + w.p.layers * w.B * Hp
    o.wy_packed_t = o.wy_packed + (packed_rows(w, H) * Vp if packs else 0)
    o.dh = o.wy_packed_t + (packed_rows(w, Vp) * Hp if packs_t else 0)
    o.drh = o.dh + (w.B * Hp if w.training else 0)
    o.scratch = o.drh + (w.B * Hp if w.training else 0)
    o.scratch_per_part = _scratch_size(w, itemsize)
    o.size = o.scratch + w.parts_max * o.scratch_per_part
    return o


cdef inline void pack_part(const Window *w, real *packed, const real *b,
                           Py_ssize_t stride_k, Py_ssize_t stride_n, Py_ssize_t K,
                           Py_ssize_t n_valid, Py_ssize_t N, Py_ssize_t part,
                           Py_ssize_t parts) noexcept nogil:
    cdef Py_ssize_t panel = panel_of(w.k, packed), panels = (N + panel - 1) // panel
    cdef Py_ssize_t begin = part_begin(panels, part, parts)
    cdef Py_ssize_t end = part_begin(panels, part + 1, parts)
    if real is float and w.pairs != NULL:
        w.pairs.pack(packed, b, stride_k, stride_n, K, n_valid, N, begin, end)
    else:
        gru_pack(w.k, packed, b, stride_k, stride_n, K, n_valid, N, begin, end)


cdef void pack_weights(const Window *w, const real *p, real *ws, Py_ssize_t part,
                       Py_ssize_t parts) noexcept nogil:
    cdef Py_ssize_t H = w.p.H, Hp = w.p.Hp, Vp = w.p.Vp, layer
    cdef bint packs_t = w.blas == NULL and w.training
    cdef LayerOffsets at
    cdef real *layer_ws
    for layer in range(w.p.layers):
        at, layer_ws = layer_offsets(&w.p, layer), layer_workspace(w, ws, layer)
        if layer > 0 and w.inputs_packed:
            pack_part(w, layer_ws + w.o.w_packed, p + at.w, 3 * Hp, 1, H, 3 * Hp, 3 * Hp, part,
                      parts)
        if w.packed:
            pack_part(w, layer_ws + w.o.uzr_packed, p + at.uzr, 2 * Hp, 1, H, 2 * Hp, 2 * Hp,
                      part, parts)
            pack_part(w, layer_ws + w.o.uh_packed, p + at.uh, Hp, 1, H, Hp, Hp, part, parts)
        if packs_t:
            if layer > 0:
                pack_part(w, layer_ws + w.o.w_packed_t, p + at.w, 1, 3 * Hp, 3 * Hp, H, Hp, part,
                          parts)
            pack_part(w, layer_ws + w.o.uzr_packed_t, p + at.uzr, 1, 2 * Hp, 2 * Hp, H, Hp, part,
                      parts)
            pack_part(w, layer_ws + w.o.uh_packed_t, p + at.uh, 1, Hp, Hp, H, Hp, part, parts)
    if w.packed:
        pack_part(w, ws + w.o.wy_packed, p + w.p.wy, Vp, 1, H, Vp, Vp, part, parts)
    if packs_t:
        pack_part(w, ws + w.o.wy_packed_t, p + w.p.wy, 1, Vp, Vp, H, Hp, part, parts)


cdef inline void packed_product(const Window *w, real *c, Py_ssize_t ldc, const real *a,
                                Py_ssize_t lda, const real *packed, Py_ssize_t M, Py_ssize_t N,
                                Py_ssize_t K, bint accumulate, real *scratch) noexcept nogil:
    # c (M, N) = [c +] a (M, K) b, b packed
    if real is float and w.pairs != NULL:
        w.pairs.matmul_packed(c, ldc, a, lda, packed, M, N, K, accumulate, scratch)
    else:
        gru_matmul_packed(w.k, c, ldc, a, lda, packed, M, N, K, accumulate)


cdef void product_columns(const Window *w, bint use_packed, real *c, Py_ssize_t ldc,
                          const real *a, Py_ssize_t lda, const real *b, const real *packed,
                          Py_ssize_t M, Py_ssize_t N, Py_ssize_t n0, Py_ssize_t n1, Py_ssize_t K,
                          real *scratch) noexcept nogil:
    # The columns [n0, n1) of c (M, N) = a (M, K) b (K, N). n0 is a multiple of a panel, or of 16
    # with narrow weights.
    if w.p.weights != FULL:
        narrow_product(w.k, w.p.weights, w.scratch, c, ldc, a, lda, b, M, N, n0, n1, K)
    elif w.blas != NULL:
        blas_product(w.blas, c + n0, ldc, a, lda, False, b + n0, N, False, M, n1 - n0, K, False)
    elif use_packed:
        packed_product(w, c + n0, ldc, a, lda, packed + n0 * packed_rows(w, K), M, n1 - n0, K,
                       False, scratch)
    else:
        gru_matmul_rows(w.k, c + n0, ldc, a, lda, b + n0, N, M, n1 - n0, K)


cdef void product(const Window *w, bint use_packed, real *c, Py_ssize_t ldc, const real *a,
                  Py_ssize_t lda, const real *b, const real *packed, Py_ssize_t M, Py_ssize_t N,
                  Py_ssize_t K, real *scratch) noexcept nogil:
    # c (M, N) = a (M, K) b (K, N)
    product_columns(w, use_packed, c, ldc, a, lda, b, packed, M, N, 0, N, K, scratch)


cdef void product_t(const Window *w, real *c, const real *a, Py_ssize_t lda, const real *b,
                    const real *packed, Py_ssize_t M, Py_ssize_t u0, Py_ssize_t u1, Py_ssize_t K,
                    bint accumulate, real *scratch) noexcept nogil:
    # The units [u0, u1) of c (M, Hp) = [c +] a (M, K) b^T, b (H, K). u0 is a multiple of a panel.
    if w.blas != NULL:
        blas_product(w.blas, c + u0, w.p.Hp, a, lda, False, b + u0 * K, K, True, M,
                     min(u1, w.p.H) - u0, K, accumulate)
    else:
        packed_product(w, c + u0, w.p.Hp, a, lda, packed + u0 * packed_rows(w, K), M, u1 - u0, K,
                       accumulate, scratch)


cdef void product_gradient(const Window *w, real *g, Py_ssize_t ldg, const real *a, const real *d,
                           Py_ssize_t ldd, Py_ssize_t N, bint accumulate, const gru_update *update,
                           real *scratch) noexcept nogil:
    # g (H, N) = [g +] a^T d, a (T*B, Hp), d (T*B, N), and the update if it is not NULL. Not by a
    # BLAS.
    if real is float and w.pairs != NULL:
        w.pairs.matmul_t(g, ldg, a, w.p.Hp, d, ldd, w.p.H, N, w.T * w.B, accumulate, update,
                         scratch)
    else:
        gru_matmul_t(w.k, g, ldg, a, w.p.Hp, d, ldd, w.p.H, N, w.T * w.B, accumulate, update,
                     scratch)
