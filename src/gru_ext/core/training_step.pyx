# SPDX-License-Identifier: MIT
"""What each thread of a team does for one update after another (declarations: training_step.pxd).

The team meets at barriers (``gru_team_wait``). They answer other than 0 where a member gave up.
"""
from libc.math cimport isinf
from libc.stdint cimport uint64_t
from libc.string cimport memset

from gru_ext.core.bptt cimport (
    Window,
    backward,
    enter,
    forward,
    leave,
    pack_weights,
    read_below,
    send_below,
)
from gru_ext.core.gradients cimport weight_gradients
from gru_ext.core.layout cimport share
from gru_ext.core.native cimport (
    gru_dropout_key,
    gru_float_state_enter,
    gru_float_state_leave,
    gru_update,
    real,
)
from gru_ext.core.streams cimport gather
from gru_ext.core.updates cimport norm_scale, square_sums, sum_squares, update_at, update_share
from gru_ext.core.weight_tying cimport copy_tied, tie_gradients


cdef int _update(const Window *w, TrainingRun *run, const gru_update *update, real *g, real *ws,
                 Py_ssize_t part) noexcept nogil:
    # A part's share of a window's gradients and of the update; not 0 where the team gave up.
    cdef Py_ssize_t parts = run.team.members, n = square_sums(&w.p)
    cdef Py_ssize_t v0 = share(w.p.V, part, parts), v1 = share(w.p.V, part + 1, parts)
    cdef gru_update scaled = update[0]
    if isinf(run.clip_norm) and not run.tied:
        weight_gradients(w, ws, g, False, update, part, parts)
        return 0
    # the whole gradient comes first
    weight_gradients(w, ws, g, False, NULL, part, parts)
    if gru_team_wait(&run.team) != 0:
        return 1
    if run.tied:
        tie_gradients(&w.p, g, v0, v1)
        if gru_team_wait(&run.team) != 0:
            return 1
    if not isinf(run.clip_norm):
        sum_squares(w.k, &w.p, g, run.square_sums, share(n, part, parts), share(n, part + 1, parts))
        if gru_team_wait(&run.team) != 0:
            return 1
        scaled.scale = norm_scale(&w.p, run.square_sums, run.clip_norm)
    update_share(w.k, &w.p, g, &scaled, part, parts)
    if run.tied:
        if gru_team_wait(&run.team) != 0:
            return 1
        copy_tied(&w.p, <real *>update.p, v0, v1)
    return 0


cdef int _forward(const Window *w, TrainingRun *run, const real *p, real *ws, Py_ssize_t part,
                  Py_ssize_t s0, Py_ssize_t s1) noexcept nogil:
    # A part's streams through the layers, from the lowest on; not 0 where the team gave up.
    cdef Py_ssize_t parts = run.team.members, rows = w.T * w.B, layer
    for layer in range(w.p.layers):
        if run.streams.fresh and s1 > s0:
            memset(ws + w.o.carry + (layer * w.B + s0) * w.p.Hp, 0,
                   (s1 - s0) * w.p.Hp * sizeof(real))
    if s1 > s0:
        enter(w, ws, s0, s1)
    for layer in range(w.p.layers):
        if layer > 0:
            if gru_team_wait(&run.team) != 0:
                return 1
            read_below(w, p, ws, layer, share(rows, part, parts), share(rows, part + 1, parts))
            if gru_team_wait(&run.team) != 0:
                return 1
        if s1 > s0:
            forward(w, p, ws, layer, s0, s1)
    if s1 > s0:
        leave(w, ws, s0, s1)
    return 0


cdef int _backward(const Window *w, TrainingRun *run, const real *p, real *ws, Py_ssize_t part,
                   Py_ssize_t s0, Py_ssize_t s1) noexcept nogil:
    # A part's streams back through the layers, from the highest on.
    cdef Py_ssize_t parts = run.team.members, rows = w.T * w.B, layer
    for layer in range(w.p.layers - 1, -1, -1):
        if layer < w.p.layers - 1:
            if gru_team_wait(&run.team) != 0:
                return 1
            send_below(w, p, ws, layer + 1, share(rows, part, parts), share(rows, part + 1, parts))
            if gru_team_wait(&run.team) != 0:
                return 1
        if s1 > s0:
            backward(w, p, ws, layer, 1.0 / w.B, s0, s1)
    return 0


cdef void train_part(Window *w, TrainingRun *run, real *p, real *m, real *mean, real *g, real *ws,
                     Py_ssize_t part) noexcept nogil:
    # What every thread of the team does, window by window: share the packing; take its streams
    # through the window; make the gradients of its columns and update them.
    cdef Py_ssize_t parts = run.team.members, before = run.done, n, i
    cdef Py_ssize_t s0 = share(w.B, part, parts), s1 = share(w.B, part + 1, parts)
    cdef double total
    cdef gru_update update
    cdef uint64_t state = gru_float_state_enter()
    for n in range(run.windows):
        if part == 0:
            gather(w, &run.streams)
            w.dropout_key = gru_dropout_key(run.seed, before + n + 1)
        pack_weights(w, p, ws, part, parts)
        if gru_team_wait(&run.team) != 0 or run.streams.refused:
            break
        if _forward(w, run, p, ws, part, s0, s1) != 0:
            break
        if _backward(w, run, p, ws, part, s0, s1) != 0:
            break
        if gru_team_wait(&run.team) != 0:
            break
        update = update_at(&run.rule, p, m, mean, run.learning_rates[n], before + n + 1)
        if _update(w, run, &update, g, ws, part) != 0:
            break
        if part == 0:
            total = 0
            for i in range(w.T * w.B):
                total += w.losses[i]
            run.losses[n] = total
            run.streams.position += w.T
            run.done += 1
        if gru_team_wait(&run.team) != 0:
            break
    gru_float_state_leave(state)
