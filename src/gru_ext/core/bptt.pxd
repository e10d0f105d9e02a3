# SPDX-License-Identifier: MIT
"""One window of truncated BPTT, forward and backward, with the C kernels (the gradients of the
weights: gradients.pxd).

A window is T time steps of B streams: sequences whose hidden state is kept from window to window.
Each function computes the part of one thread: its share of the streams and units (team.pxd), the
window's rows [r0, r1), or the part number `part` of `parts`. No element of a result depends on this
partition. Functions that return int return non-zero if the team of threads was abandoned.

Equations, a column per stream, h' the state before the step (docs/explanation/equations.md):

    z = sigmoid(Wz x + Uz h' + bz)          r = sigmoid(Wr x + Ur h' + br)
    h_hat = tanh(Wh x + Uh (r * h') + bh)   h = z * h' + (1 - z) * h_hat
    p = softmax(Wy h + by)                  loss = -log p[target]

The input x of a layer above the first, and of the output layer, is dropout(h of the layer below).
W x, with W = (Wz, Wr, Wh), is one product per window, divided among threads by its rows; several
threads need a barrier before and after it.
"""
from libc.stdint cimport int32_t, uint64_t

from gru_ext.core.blas cimport Blas
from gru_ext.core.layout cimport LayerOffsets, Layout
from gru_ext.core.native cimport gru_bfloat16_products, gru_kernels, real
from gru_ext.core.team cimport Share


cdef struct BufferOffsets:
    # Offsets in the workspace, in elements. The first group exists once per layer, each `layer`
    # elements after that of the layer below.
    Py_ssize_t h          # (T+1, B, Hp), h[0] is the state before the window
    Py_ssize_t gates      # (T, B, 3, Hp): z, r, h_hat; after the backward pass dz_l, dr_l, dh_hat_l
    Py_ssize_t rh         # (T, B, Hp): r * h'
    Py_ssize_t h_prev     # (T, B, Hp): h', if states are reset within a window
    Py_ssize_t dropped    # (T, B, Hp): dropout(h), if there is dropout
    Py_ssize_t uzr_packed, uh_packed, uzr_packed_t, uh_packed_t
    Py_ssize_t w_packed, w_packed_t   # of layers above the first
    Py_ssize_t layer      # size of this group

    Py_ssize_t y          # (T, B, Vp): p; after the backward pass dy
    Py_ssize_t wx         # (T, B, 3, Hp): W x of one layer above the first
    Py_ssize_t dx         # (T, B, Hp): the gradient of the outputs of one layer
    Py_ssize_t dh         # (B, Hp)
    Py_ssize_t drh        # (B, Hp)
    Py_ssize_t state      # (layers, B, Hp): the hidden state between windows
    Py_ssize_t wy_packed, wy_packed_t
    Py_ssize_t scratch    # (parts, scratch_per_part): products.pxd, thread_scratch
    Py_ssize_t scratch_per_part
    Py_ssize_t size


cdef struct Window:
    const gru_kernels *k
    const Blas *blas      # NULL: matrix products by the kernels
    const gru_bfloat16_products *pairs  # products of operands rounded to bfloat16; NULL: none are
    Layout p              # sizes and offsets of the parameters
    BufferOffsets o
    Py_ssize_t T          # time steps of this window, at most T_max
    Py_ssize_t B
    Py_ssize_t T_max
    Py_ssize_t parts_max
    bint training
    bint resetting        # the workspace has h_prev
    bint dropping         # the workspace has dropped
    bint packed           # products of a time step forward read packed weights
    bint inputs_packed    # products over a whole window (W x, dx) read packed weights
    double dropout        # probability that an output of a layer is zero, in this window
    uint64_t dropout_key
    const int32_t *inputs     # (T, B)
    const int32_t *targets    # (T, B)
    double *losses            # (T, B), nats
    const unsigned char *touched  # (V): whether a symbol is among the inputs
    const unsigned char *resets   # (T, B): where h' is reset to zero; NULL: nowhere
    unsigned char *scratch        # (GRU_INT8_ROWS, Hp), with weights in int8


cdef inline real *layer_workspace(const Window *w, real *ws, Py_ssize_t layer) noexcept nogil:
    return ws + layer * w.o.layer


cdef inline real *previous_states(const Window *w, real *layer_ws) noexcept nogil:
    # h', (T, B, Hp)
    return layer_ws + (w.o.h if w.resets == NULL else w.o.h_prev)


cdef inline real *layer_outputs(const Window *w, real *layer_ws) noexcept nogil:
    # x of the layer above, (T, B, Hp)
    return layer_ws + (w.o.dropped if w.dropout > 0 else w.o.h + w.B * w.p.Hp)


cdef void load_state(const Window *w, real *ws, Py_ssize_t s0, Py_ssize_t s1) noexcept nogil
cdef void store_state(const Window *w, real *ws, Py_ssize_t s0, Py_ssize_t s1) noexcept nogil
cdef void project_inputs(const Window *w, const real *p, real *ws, Py_ssize_t layer, Py_ssize_t r0,
                         Py_ssize_t r1, real *scratch) noexcept nogil
cdef void project_units(const Window *w, const real *p, real *ws, Py_ssize_t layer,
                        const Share *share) noexcept nogil
cdef int forward_layer(const Window *w, const real *p, real *ws, Py_ssize_t layer,
                       const Share *share) noexcept nogil
cdef double forward_pass(Window *w, const real *p, real *ws) noexcept nogil
cdef int cell_forward(const Window *w, const LayerOffsets *at, const real *p,
                      const real *layer_ws, real *gates, real *rh, const real *h_prev, real *h,
                      const int32_t *x, const real *projected, const Share *share) noexcept nogil
cdef int cell_step(const Window *w, const LayerOffsets *at, const real *p, real *ws,
                   Py_ssize_t layer, Py_ssize_t t, const Share *share) noexcept nogil
cdef int backward_layer(const Window *w, const real *p, real *ws, Py_ssize_t layer, double scale,
                        const Share *share) noexcept nogil
cdef void backward_inputs(const Window *w, const real *p, real *ws, Py_ssize_t layer, Py_ssize_t r0,
                          Py_ssize_t r1, real *scratch) noexcept nogil
cdef void backward_pass(const Window *w, const real *p, real *ws, double scale) noexcept nogil
