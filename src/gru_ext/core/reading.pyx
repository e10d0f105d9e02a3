# SPDX-License-Identifier: MIT
"""Reading and predicting with a stream's state (declarations: reading.pxd)."""
from libc.math cimport INFINITY
from libc.string cimport memcpy, memmove

from gru_ext.core.bptt cimport (
    cell_step,
    layer_workspace,
    load_state,
    project_units,
    store_state,
)
from gru_ext.core.layout cimport LayerOffsets, layer_offsets
from gru_ext.core.native cimport gru_softmax_cross_entropy
from gru_ext.core.partition cimport part_begin
from gru_ext.core.products cimport pack_weights, product
from gru_ext.core.team cimport (
    Share,
    gives_up,
    gru_microseconds,
    gru_team_yielded,
    wait_for_group,
)
from gru_ext.core.temperature cimport inverse_temperature


cdef bint separator_ends(const Separator *separator, Py_ssize_t stream,
                         int32_t symbol) noexcept nogil:
    # Note a symbol that is about to be read, and return whether it is the last one of a separator:
    # the state is then reset before it is read.
    cdef Py_ssize_t k, n = separator.length
    cdef int32_t *recent = separator.recent + stream * n
    if n == 0:
        return False
    memmove(recent, recent + 1, (n - 1) * sizeof(int32_t))
    recent[n - 1] = symbol
    for k in range(n):
        if recent[k] != separator.symbols[k]:
            return False
    return True


cdef void predict(const Window *w, const real *p, real *ws, Py_ssize_t t0,
                  Py_ssize_t t1) noexcept nogil:
    # y (T, B, Vp) = Wy h, from the states before each of the time steps [t0, t1).
    cdef Py_ssize_t Vp = w.p.Vp, row = t0 * w.B
    cdef real *h = layer_workspace(w, ws, w.p.layers - 1) + w.o.h + row * w.p.Hp
    product(w, w.packed, ws + w.o.y + row * Vp, Vp, h, w.p.Hp, p + w.p.wy, ws + w.o.wy_packed,
            (t1 - t0) * w.B, Vp, w.p.H, <real *>NULL)


cdef void losses_of(const Window *w, const real *p, real *y, const int32_t *targets,
                    double *losses, Py_ssize_t n) noexcept nogil:
    # -log softmax(y + by)[target] of each row of y (n, Vp), which becomes the softmax.
    gru_softmax_cross_entropy(w.k, y, losses, targets, p + w.p.by, 1.0, n, w.p.V, w.p.Vp)


cdef double log_softmax(const Window *w, const real *p, const real *y, double temperature,
                        real *scratch, double *out) noexcept nogil:
    # out (V) = log softmax((y + by) / temperature); scratch (Vp) becomes the softmax. Returns the
    # entropy in nats.
    cdef const real *by = p + w.p.by
    cdef real inverse = <real>inverse_temperature(temperature)
    cdef double loss, largest, entropy = 0
    cdef int32_t best = 0
    cdef Py_ssize_t v
    memcpy(scratch, y, w.p.Vp * sizeof(real))
    for v in range(w.p.V):
        if y[v] + by[v] > y[best] + by[best]:
            best = <int32_t>v
    largest = (y[best] + by[best]) * inverse
    gru_softmax_cross_entropy(w.k, scratch, &loss, &best, by, inverse, 1, w.p.V, w.p.Vp)
    for v in range(w.p.V):
        # log p of the most likely symbol is -loss, and differences of log p are those of the logits
        out[v] = <double>((y[v] + by[v]) * inverse) - largest - loss
        if out[v] > -INFINITY:
            entropy -= scratch[v] * out[v]
    return entropy


cdef int read_symbols(const Window *w, const real *p, real *ws,
                      const Share *share) noexcept nogil:
    # T time steps of all layers, one share of each, state -> state; non-zero if the team was
    # abandoned, as it is within a window in which its members wait too long for each other. Call
    # pack_weights before.
    cdef Py_ssize_t layer, t
    cdef LayerOffsets at
    cdef bint looks = share.members > 1 and w.T > 1
    cdef double began = gru_microseconds() if looks else 0
    cdef long yielded = gru_team_yielded(share.group) if looks else 0
    if share.member == 0:
        load_state(w, ws, share.s0, share.s1)
    if wait_for_group(share) != 0:
        return 1
    for layer in range(w.p.layers):
        if layer > 0:
            project_units(w, p, ws, layer, share)
        at = layer_offsets(&w.p, layer)
        for t in range(w.T):
            if cell_step(w, &at, p, ws, layer, t, share) != 0:
                return 1
            if looks and gives_up(share, yielded, began):
                return 1
    if share.member == 0:
        store_state(w, ws, share.s0, share.s1)
    return 0


cdef int read_window(const Window *w, const real *p, real *ws, const Share *share,
                     const real *logits) noexcept nogil:
    # Pack the weights, read T time steps of all layers, and compute the losses of their inputs: one
    # share of each, and of the losses those of some time steps. logits (B, Vp): Wy h of the state
    # before the only time step, if it is known; else NULL. Returns non-zero if the team was
    # abandoned.
    cdef Py_ssize_t t0 = part_begin(w.T, share.member, share.members)
    cdef Py_ssize_t t1 = part_begin(w.T, share.member + 1, share.members), row = t0 * w.B
    pack_weights(w, p, ws, share.member, share.members)
    if read_symbols(w, p, ws, share) != 0:
        return 1
    if t1 > t0:
        if logits != NULL:
            memcpy(ws + w.o.y, logits, w.B * w.p.Vp * sizeof(real))
        else:
            predict(w, p, ws, t0, t1)
        losses_of(w, p, ws + w.o.y + row * w.p.Vp, w.inputs + row, w.losses + row,
                  (t1 - t0) * w.B)
    return wait_for_group(share)
