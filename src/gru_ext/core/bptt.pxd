# SPDX-License-Identifier: MIT
"""One window of truncated BPTT over the C kernels, forward and backward (the weights' gradients and
their update: _gradients.pxd).

Each function does one thread's part: a range of streams [s0, s1), or of the window's rows [r0, r1),
or the `part`-th of `parts` shares. No element of a result depends on how it is shared out.

Equations, a column per stream (docs/equations.md):

    z = sigmoid(Wz x + Uz h' + bz)          r = sigmoid(Wr x + Ur h' + br)
    h_hat = tanh(Wh x + Uh (r * h') + bh)   h = z * h' + (1 - z) * h_hat
    p = softmax(Wy h + by)                  loss = -log p[target]

A layer above the first reads x = dropout(h of the layer below), and so does the output layer. What
Wz, Wr and Wh make of it is one product per window, shared by its rows; a caller with several
threads lets them meet before and after it.
"""
from libc.stdint cimport int32_t, uint64_t

from gru_ext.core.blas cimport Blas
from gru_ext.core.layout cimport Cell, Layout
from gru_ext.core.native cimport gru_kernels, real


cdef struct Buffers:
    # Offsets into the workspace, in elements. Each layer has its own of the first group, `layer`
    # elements further on than those of the layer below.
    Py_ssize_t h          # (T+1, B, Hp), h[0] is the state before the window
    Py_ssize_t gates      # (T, B, 3, Hp): z, r, h_hat; after backward dz_l, dr_l, dh_hat_l
    Py_ssize_t rh         # (T, B, Hp): r * h'
    Py_ssize_t h_before   # (T, B, Hp): h', where a state is reset within a window
    Py_ssize_t dropped    # (T, B, Hp): dropout(h), where there is dropout
    Py_ssize_t uzr_packed, uh_packed, uzr_packed_t, uh_packed_t
    Py_ssize_t w_packed, w_packed_t   # above the first layer
    Py_ssize_t layer

    Py_ssize_t y          # (T, B, Vp): p; after backward dy
    Py_ssize_t below      # (T, B, 3, Hp): W x of a layer above the first; then (T, B, Hp): dx
    Py_ssize_t dh         # (B, Hp)
    Py_ssize_t drh        # (B, Hp)
    Py_ssize_t carry      # (layers, B, Hp): the states from window to window
    Py_ssize_t wy_packed, wy_packed_t
    Py_ssize_t scratch    # a share per part
    Py_ssize_t scratch_share
    Py_ssize_t size


cdef struct Window:
    const gru_kernels *k
    const Blas *blas      # NULL: the kernels' own products
    Layout p
    Buffers o
    Py_ssize_t T          # steps of this window, at most T_max
    Py_ssize_t B
    Py_ssize_t T_max
    Py_ssize_t parts_max
    bint training
    bint resetting        # room for h_before
    bint dropping         # room for dropped
    bint packed           # this call's products read packed weights; may_pack() allows it
    bint below_packed     # and those of whole windows
    double dropout        # of this window: the share of each layer's outputs that is dropped
    uint64_t dropout_key
    const int32_t *inputs     # (T, B)
    const int32_t *targets    # (T, B)
    double *losses            # (T, B), nats
    const unsigned char *touched  # (V): symbols among the inputs
    const unsigned char *resets   # (T, B): whether h' is zero instead; NULL: nowhere


cdef inline real *own_buffers(const Window *w, real *ws, Py_ssize_t layer) noexcept nogil:
    return ws + layer * w.o.layer


cdef inline real *states_before(const Window *w, real *own) noexcept nogil:
    # h' (T, B, Hp)
    return own + (w.o.h if w.resets == NULL else w.o.h_before)


cdef inline real *outputs_of(const Window *w, real *own) noexcept nogil:
    # what the layer above reads, (T, B, Hp)
    return own + (w.o.dropped if w.dropout > 0 else w.o.h + w.B * w.p.Hp)


cdef void choose_packing(Window *w, Py_ssize_t steps) noexcept nogil
cdef Buffers buffers_of(const Window *w, Py_ssize_t itemsize) noexcept nogil
cdef void pack_weights(const Window *w, const real *p, real *ws, Py_ssize_t part,
                       Py_ssize_t parts) noexcept nogil
cdef void enter(const Window *w, real *ws, Py_ssize_t s0, Py_ssize_t s1) noexcept nogil
cdef void leave(const Window *w, real *ws, Py_ssize_t s0, Py_ssize_t s1) noexcept nogil
cdef void read_below(const Window *w, const real *p, real *ws, Py_ssize_t layer, Py_ssize_t r0,
                     Py_ssize_t r1) noexcept nogil
cdef void forward(const Window *w, const real *p, real *ws, Py_ssize_t layer, Py_ssize_t s0,
                  Py_ssize_t s1) noexcept nogil
cdef double forward_pass(Window *w, const real *p, real *ws) noexcept nogil
cdef void one_step(const Window *w, const real *p, real *ws, double inverse) noexcept nogil
cdef void product(const Window *w, real *c, Py_ssize_t ldc, const real *a, Py_ssize_t lda,
                  const real *b, const real *packed, Py_ssize_t M, Py_ssize_t N,
                  Py_ssize_t K) noexcept nogil
cdef void cell(const Window *w, const Cell *at, const real *p, const real *own, real *gates,
               real *rh, const real *h_prev, real *h, const int32_t *x, const real *below,
               Py_ssize_t n) noexcept nogil
cdef double inverse_temperature(double temperature) noexcept nogil
cdef int32_t draw_symbol(const Window *w, const real *p, double temperature,
                         double uniform) noexcept nogil
cdef void backward(const Window *w, const real *p, real *ws, Py_ssize_t layer, double scale,
                   Py_ssize_t s0, Py_ssize_t s1) noexcept nogil
cdef void send_below(const Window *w, const real *p, real *ws, Py_ssize_t layer, Py_ssize_t r0,
                     Py_ssize_t r1) noexcept nogil
cdef void backward_pass(const Window *w, const real *p, real *ws, double scale) noexcept nogil
