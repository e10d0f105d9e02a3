# SPDX-License-Identifier: MIT
"""Training steps on a team of threads (declarations: training_step.pxd).

``gru_team_wait`` is a barrier. It, and the functions here that return int, return non-zero if the
team was abandoned.
"""
from libc.math cimport isinf
from libc.stdint cimport uint64_t
from libc.string cimport memset

from gru_ext.core.bptt cimport (
    Window,
    backward_inputs,
    backward_layer,
    forward_layer,
    load_state,
    project_inputs,
    store_state,
)
from gru_ext.core.dropconnect cimport copy_with_dropped, mask_recurrent
from gru_ext.core.gradients cimport weight_gradients
from gru_ext.core.native cimport (
    gru_dropout_key,
    gru_flush_subnormals,
    gru_mix,
    gru_restore_float_state,
    gru_update,
    real,
)
from gru_ext.core.partition cimport part_begin
from gru_ext.core.products cimport pack_weights, thread_scratch
from gru_ext.core.streams cimport load_window
from gru_ext.core.team cimport (
    Share,
    gru_microseconds,
    gru_team_wait,
    gru_team_yielded,
    share_of,
    wait_for_group,
    waits_too_long,
)
from gru_ext.core.updates cimport (
    make_update,
    norm_scale,
    square_sum_count,
    sum_squares,
    update_part,
)
from gru_ext.core.weight_tying cimport copy_tied, tie_gradients


cdef inline uint64_t weight_key(const Window *w) noexcept nogil:
    # The key of this window's random numbers that DropConnect uses.
    return gru_mix(w.dropout_key + 1)


cdef inline void average_part(const Window *w, TrainingRun *run, const real *p, Py_ssize_t update,
                              Py_ssize_t part) noexcept nogil:
    # average += c (p - average), one part; c = 1 / (1 + average_over * (update - 1)), so that the
    # parameters after update s have a weight of about (s / t)^(1 / average_over - 1) at update t.
    cdef Py_ssize_t i, parts = run.team.members
    cdef real *average = <real *>run.average
    cdef real c = <real>(1 / (1 + run.average_over * (update - 1)))
    for i in range(part_begin(w.p.size, part, parts), part_begin(w.p.size, part + 1, parts)):
        average[i] += c * (p[i] - average[i])


cdef inline void reset_states(const Window *w, const TrainingRun *run, real *ws, Py_ssize_t s0,
                              Py_ssize_t s1) noexcept nogil:
    # Set the hidden states of random streams to zero before a window.
    cdef uint64_t key = gru_mix(w.dropout_key + 2)
    cdef Py_ssize_t s, layer
    for s in range(s0, s1):
        if (gru_mix(key + <uint64_t>s) >> 11) < run.state_reset * 9007199254740992.0:
            for layer in range(w.p.layers):
                memset(ws + w.o.state + (layer * w.B + s) * w.p.Hp, 0, w.p.Hp * sizeof(real))


cdef int train_weights(const Window *w, TrainingRun *run, const gru_update *update, real *g,
                       real *ws, Py_ssize_t part) noexcept nogil:
    # The gradients of the weights and the update, one part of both.
    if isinf(run.clip_norm) and not run.tied and run.weight_dropout == 0:
        weight_gradients(w, ws, g, False, update, part, run.team.members)
        return 0
    # tied weights, masks and the norm need the whole gradient before the update
    if whole_gradient(w, run, g, ws, part) != 0 or gru_team_wait(&run.team) != 0:
        return 1
    return update_weights(w, run, update, g, part)


cdef int whole_gradient(const Window *w, TrainingRun *run, real *g, real *ws,
                        Py_ssize_t part) noexcept nogil:
    # The gradients of the weights without an update, one part of them.
    weight_gradients(w, ws, g, False, NULL, part, run.team.members)
    if run.weight_dropout > 0:
        if gru_team_wait(&run.team) != 0:
            return 1
        mask_recurrent(w.k, &w.p, g, g, weight_key(w), run.weight_dropout, part, run.team.members)
    return 0


cdef int update_weights(const Window *w, TrainingRun *run, const gru_update *update, real *g,
                        Py_ssize_t part) noexcept nogil:
    # The update with a whole gradient, one part of it.
    cdef Py_ssize_t parts = run.team.members, n = square_sum_count(&w.p)
    cdef Py_ssize_t v0 = part_begin(w.p.V, part, parts), v1 = part_begin(w.p.V, part + 1, parts)
    cdef gru_update scaled = update[0]
    if run.tied:
        tie_gradients(&w.p, g, v0, v1)
        if gru_team_wait(&run.team) != 0:
            return 1
    if not isinf(run.clip_norm):
        sum_squares(w.k, &w.p, g, run.square_sums, part_begin(n, part, parts),
                    part_begin(n, part + 1, parts))
        if gru_team_wait(&run.team) != 0:
            return 1
        scaled.scale = norm_scale(&w.p, run.square_sums, run.clip_norm)
    update_part(w.k, &w.p, g, &scaled, part, parts)
    if run.tied:
        if gru_team_wait(&run.team) != 0:
            return 1
        copy_tied(&w.p, <real *>update.p, v0, v1)
    return 0


cdef void _begin_window(const Window *w, const TrainingRun *run, real *ws, Py_ssize_t s0,
                        Py_ssize_t s1) noexcept nogil:
    # The states of the streams [s0, s1) before the window.
    cdef Py_ssize_t layer
    for layer in range(w.p.layers if run.streams.restart else 0):
        memset(ws + w.o.state + (layer * w.B + s0) * w.p.Hp, 0, (s1 - s0) * w.p.Hp * sizeof(real))
    if run.state_reset > 0:
        reset_states(w, run, ws, s0, s1)
    load_state(w, ws, s0, s1)


cdef int _forward(const Window *w, TrainingRun *run, const real *p, real *ws, Py_ssize_t part,
                  const Share *share) noexcept nogil:
    # One share forward through all layers.
    cdef Py_ssize_t parts = run.team.members, rows = w.T * w.B, layer
    cdef Py_ssize_t r0 = part_begin(rows, part, parts), r1 = part_begin(rows, part + 1, parts)
    cdef bint computes = share.s1 > share.s0
    if computes and share.member == 0:
        _begin_window(w, run, ws, share.s0, share.s1)
    if computes and wait_for_group(share) != 0:
        return 1
    for layer in range(w.p.layers):
        if layer > 0:
            if gru_team_wait(&run.team) != 0:
                return 1
            project_inputs(w, p, ws, layer, r0, r1, <real *>share.scratch)
            if gru_team_wait(&run.team) != 0:
                return 1
        if computes and forward_layer(w, p, ws, layer, share) != 0:
            return 1
    if computes and share.member == 0:
        store_state(w, ws, share.s0, share.s1)
    return 0


cdef int _backward(const Window *w, TrainingRun *run, const real *p, real *ws, Py_ssize_t part,
                   const Share *share) noexcept nogil:
    # One share backward through all layers.
    cdef Py_ssize_t parts = run.team.members, rows = w.T * w.B, layer
    cdef Py_ssize_t r0 = part_begin(rows, part, parts), r1 = part_begin(rows, part + 1, parts)
    for layer in range(w.p.layers - 1, -1, -1):
        if layer < w.p.layers - 1:
            if gru_team_wait(&run.team) != 0:
                return 1
            backward_inputs(w, p, ws, layer + 1, r0, r1, <real *>share.scratch)
            if gru_team_wait(&run.team) != 0:
                return 1
        if share.s1 > share.s0 and backward_layer(w, p, ws, layer, 1.0 / w.B, share) != 0:
            return 1
    return 0


cdef void _note_waits(TrainingRun *run, Py_ssize_t windows) noexcept nogil:
    # Whether threads wait so long, in the windows so far, that the team is better stopped.
    cdef Py_ssize_t group
    cdef double yielded = gru_team_yielded(&run.team)
    for group in range(run.grid.groups):
        yielded += gru_team_yielded(run.groups + group)
    run.made = windows
    run.contended = waits_too_long(yielded, run.began, run.team.members, &run.waited)


cdef void train_part(Window *w, TrainingRun *run, real *p, real *m, real *mean, real *g, real *ws,
                     Py_ssize_t part) noexcept nogil:
    # Every thread of the team calls this. Each window: pack a part of the weights, take a share of
    # streams and units forward and backward, compute the gradients of a part of the columns, update
    # them.
    cdef Py_ssize_t parts = run.team.members, before = run.done, n, i
    cdef Share share = share_of(w.k, &w.p, w.B, run.grid, run.groups, part, p)
    cdef double total
    cdef const real *q = p if run.weight_dropout == 0 else <real *>run.dropped
    cdef gru_update update
    cdef uint64_t float_state = gru_flush_subnormals()
    share.scratch = thread_scratch(w, ws, part)
    if part == 0:
        run.began = gru_microseconds()
    for n in range(run.windows):
        if part == 0:
            load_window(w, &run.streams)
            w.dropout_key = gru_dropout_key(run.seed, before + n + 1)
        if run.weight_dropout > 0:
            if gru_team_wait(&run.team) != 0 or run.streams.bad_symbol:
                break
            copy_with_dropped(w.k, &w.p, <real *>run.dropped, p, weight_key(w), run.weight_dropout,
                              part, parts)
            if gru_team_wait(&run.team) != 0:
                break
        pack_weights(w, q, ws, part, parts)
        if gru_team_wait(&run.team) != 0 or run.streams.bad_symbol:
            break
        if _forward(w, run, q, ws, part, &share) != 0:
            break
        if _backward(w, run, q, ws, part, &share) != 0:
            break
        if gru_team_wait(&run.team) != 0:
            break
        if run.gradient_only:
            if whole_gradient(w, run, g, ws, part) != 0:
                break
        else:
            update = make_update(&run.rule, p, m, mean, run.learning_rates[n], before + n + 1)
            if train_weights(w, run, &update, g, ws, part) != 0:
                break
        if run.average_over > 0:
            if gru_team_wait(&run.team) != 0:
                break
            average_part(w, run, p, before + n + 1, part)
        if part == 0:
            total = 0
            for i in range(w.T * w.B):
                total += w.losses[i]
            run.losses[n] = total
            run.streams.position += w.T
            run.done += 1
            _note_waits(run, n + 1)
        if gru_team_wait(&run.team) != 0 or run.contended:
            break
    gru_restore_float_state(float_state)


cdef void apply_part(Window *w, TrainingRun *run, real *p, real *m, real *mean, real *g,
                     Py_ssize_t part) noexcept nogil:
    # Every thread of the team calls this: the update with the gradient in g, and the average.
    cdef uint64_t float_state = gru_flush_subnormals()
    cdef gru_update update = make_update(&run.rule, p, m, mean, run.learning_rates[0], run.done)
    if update_weights(w, run, &update, g, part) == 0 and run.average_over > 0:
        if gru_team_wait(&run.team) == 0:
            average_part(w, run, p, run.done, part)
    gru_restore_float_state(float_state)
