# SPDX-License-Identifier: MIT
"""Training in the caller's memory (declarations: training.pxd)."""
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memset

from gru_ext.c_interface.handle cimport Handle, flat_of, handle_of
from gru_ext.c_interface.settings cimport copy_settings, dropout_of, has_mean, rule_of
from gru_ext.c_interface.workspace cimport (
    Regularisation,
    Workspace,
    base_of,
    bind_window,
    byte_offsets,
    check_workspace,
    header_of,
    point_to_arrays,
    reals_of,
)
from gru_ext.capi cimport (
    GRU_BAD_SIZE,
    GRU_BAD_SYMBOL,
    GRU_NULL,
    GRU_OK,
    GRU_OPTIMIZER_ADAGRAD,
    GRU_READ_ONLY,
    GRU_WRONG_DTYPE,
    gru_model,
    gru_settings,
)
from gru_ext.core.bptt cimport Window, backward_pass, forward_pass
from gru_ext.core.native cimport (
    gru_apply,
    gru_flush_subnormals,
    gru_restore_float_state,
    gru_update,
    real,
)
from gru_ext.core.streams cimport Streams, load_window
from gru_ext.core.training_step cimport TrainingRun, train_weights, update_weights
from gru_ext.core.updates cimport UpdateRule, make_update, update_at_offset, update_range
from gru_ext.core.weight_tying cimport copy_tied

cdef enum:
    TIED_ROW = 64    # elements of a row of Wh that are updated at once


cdef inline gru_settings _adagrad(double learning_rate, double clip, double eps) noexcept nogil:
    cdef gru_settings s
    memset(&s, 0, sizeof(s))
    s.size, s.optimizer, s.step = sizeof(s), GRU_OPTIMIZER_ADAGRAD, 1
    s.learning_rate, s.clip, s.eps, s.clip_norm = learning_rate, clip, eps, INFINITY
    return s


cdef void _apply_tied(const Handle *m, const real *gradients, const gru_update *update,
                      real *flat) noexcept nogil:
    # The update of tied weights: the gradient of Wh is that of Wh plus that of Wy, as in
    # tie_gradients, but the caller's gradients are not changed.
    cdef real row[TIED_ROW]
    cdef real *g = <real *>gradients
    cdef Py_ssize_t Hp = m.w.p.Hp, v, h, i, n, at
    cdef gru_update part
    for v in range(m.w.p.V):
        at = m.w.p.w + v * 3 * Hp
        update_range(m.w.k, g, update, at, 2 * Hp, True)
        for i in range((Hp + TIED_ROW - 1) // TIED_ROW):
            h = i * TIED_ROW
            n = min(TIED_ROW, Hp - h)
            _tied_row(row, m, g, v, h, n)
            part = update_at_offset(update, at + 2 * Hp + h, True, g)
            gru_apply(m.w.k, row, &part, n)
    update_range(m.w.k, g, update, m.w.p.b, m.w.p.wy - m.w.p.b, True)
    update_range(m.w.k, g, update, m.w.p.by, m.w.p.size - m.w.p.by, True)
    copy_tied(&m.w.p, flat, 0, m.w.p.V)


cdef void _tied_row(real *row, const Handle *m, const real *g, Py_ssize_t v, Py_ssize_t h,
                    Py_ssize_t n) noexcept nogil:
    # row (n) = the gradient of Wh^T[v, h:h + n], with that of Wy[v, h:h + n]
    cdef Py_ssize_t i
    for i in range(n):
        row[i] = g[m.w.p.w + v * 3 * m.w.p.Hp + 2 * m.w.p.Hp + h + i]
        if h + i < m.w.p.H:
            row[i] += g[m.w.p.wy + (h + i) * m.w.p.Vp + v]


cdef int apply_adagrad(gru_model *model, real *memory, const real *gradients, double learning_rate,
                       double clip, double eps) noexcept nogil:
    cdef const Handle *m = handle_of(model)
    cdef gru_settings asked = _adagrad(learning_rate, clip, eps), s
    cdef UpdateRule rule
    cdef gru_update update
    cdef uint64_t float_state
    cdef int status
    if model is NULL or memory is NULL or gradients is NULL:
        return GRU_NULL
    if m.itemsize != sizeof(real):
        return GRU_WRONG_DTYPE
    if not m.writable:
        return GRU_READ_ONLY
    status = copy_settings(&asked, &s, memory)
    if status:
        return status
    rule = rule_of(&s)
    update = make_update(&rule, m.flat, memory, NULL, learning_rate, 1)
    float_state = gru_flush_subnormals()
    if m.tied:
        _apply_tied(m, gradients, &update, flat_of(model, memory))
    else:
        gru_apply(m.w.k, <real *>gradients, &update, m.w.p.size)
    gru_restore_float_state(float_state)
    return GRU_OK


cdef inline TrainingRun _run_of(const gru_model *model, void *workspace,
                                const gru_settings *s) noexcept nogil:
    # A team of one, for an update.
    cdef TrainingRun run
    cdef const Workspace *header = header_of(workspace)
    memset(&run, 0, sizeof(run))
    run.team.members = 1
    run.tied, run.clip_norm = handle_of(model).tied, s.clip_norm
    run.square_sums = <double *>(base_of(workspace)
                                 + byte_offsets(&header.w, header.itemsize).square_sums)
    return run


cdef int _check_update(const gru_model *model, void *workspace, const gru_settings *settings,
                       gru_settings *s, real *memory, real *mean) noexcept nogil:
    cdef int status
    if model is NULL or workspace is NULL or settings is NULL or memory is NULL:
        return GRU_NULL
    status = copy_settings(settings, s, memory)
    if status:
        return status
    if has_mean(s) and mean is NULL:
        return GRU_NULL
    status = check_workspace(model, workspace, sizeof(real), True)
    if status:
        return status
    return GRU_OK if handle_of(model).writable else GRU_READ_ONLY


cdef int apply_update(gru_model *model, void *workspace, const gru_settings *settings,
                      real *memory, real *mean, real *gradients) noexcept nogil:
    cdef gru_settings s
    cdef UpdateRule rule
    cdef TrainingRun run
    cdef gru_update update
    cdef uint64_t float_state
    cdef int status = _check_update(model, workspace, settings, &s, memory, mean)
    if status or gradients is NULL:
        return status if status else GRU_NULL
    rule, run = rule_of(&s), _run_of(model, workspace, &s)
    update = make_update(&rule, flat_of(model, memory), memory, mean if has_mean(&s) else NULL,
                         s.learning_rate, s.step)
    float_state = gru_flush_subnormals()
    update_weights(&header_of(workspace).w, &run, &update, gradients, 0)
    gru_restore_float_state(float_state)
    return GRU_OK


cdef int train_adagrad(gru_model *model, void *workspace, real *memory, const int32_t *inputs,
                       const int32_t *targets, Py_ssize_t T, double learning_rate, double clip,
                       double eps, double *loss) noexcept nogil:
    cdef gru_settings s = _adagrad(learning_rate, clip, eps)
    return train_window(model, workspace, &s, memory, <real *>NULL, inputs, targets, NULL, T, loss)


cdef int train_window(gru_model *model, void *workspace, const gru_settings *settings,
                      real *memory, real *mean, const int32_t *inputs, const int32_t *targets,
                      const unsigned char *resets, Py_ssize_t T, double *loss) noexcept nogil:
    cdef gru_settings s
    cdef Regularisation how
    cdef int status = _check_update(model, workspace, settings, &s, memory, mean)
    if status or targets is NULL:
        return status if status else GRU_NULL
    how = dropout_of(&s, resets)
    status = bind_window(model, workspace, sizeof(real), True, inputs, targets, T, &how)
    if status:
        return status
    _train(model, workspace, &s, memory, mean, loss)
    return GRU_OK


cdef int train_text(gru_model *model, void *workspace, const gru_settings *settings, real *memory,
                    real *mean, const int32_t *symbols, Py_ssize_t n, Py_ssize_t *position,
                    double *loss) noexcept nogil:
    cdef gru_settings s
    cdef Workspace *header
    cdef Window w
    cdef Streams streams
    cdef Regularisation how
    cdef int status = _check_update(model, workspace, settings, &s, memory, mean)
    if status or symbols is NULL or position is NULL:
        return status if status else GRU_NULL
    header, how = header_of(workspace), dropout_of(&s, NULL)
    w = header.w
    memset(&streams, 0, sizeof(streams))
    streams.symbols, streams.symbol_bytes = symbols, sizeof(int32_t)
    streams.separator = handle_of(model).separator
    streams.separator_length = handle_of(model).separator_size
    streams.stream_length, streams.position = (n - 1) // w.B + 1, position[0]
    if (streams.stream_length < w.T_max + 1
            or not 0 <= streams.position < streams.stream_length
            or (streams.separator_length and not w.resetting)
            or (how.dropout > 0 and not w.dropping)):
        return GRU_BAD_SIZE
    w.T = w.T_max
    point_to_arrays(&w, workspace)
    if streams.separator_length == 0:
        w.resets = NULL
    load_window(&w, &streams)
    if streams.bad_symbol:
        return GRU_BAD_SYMBOL
    w.dropout, w.dropout_key = how.dropout, how.dropout_key
    header.w, header.has_states, header.has_losses = w, True, True
    if streams.restart:
        memset(reals_of(workspace, memory) + w.o.state, 0,
               w.p.layers * w.B * w.p.Hp * sizeof(real))
    _train(model, workspace, &s, memory, mean, loss)
    position[0] = streams.position + w.T
    return GRU_OK


cdef void _train(gru_model *model, void *workspace, const gru_settings *s, real *memory,
                 real *mean, double *loss) noexcept nogil:
    # The window that was bound: forward, backward, update.
    cdef Workspace *header = header_of(workspace)
    cdef real *p = flat_of(model, memory)
    cdef real *ws = reals_of(workspace, memory)
    cdef real *g = <real *>(base_of(workspace)
                            + byte_offsets(&header.w, header.itemsize).gradients)
    cdef unsigned char *touched = <unsigned char *>header.w.touched
    cdef TrainingRun run = _run_of(model, workspace, s)
    cdef UpdateRule rule = rule_of(s)
    cdef gru_update update = make_update(&rule, p, memory, mean if has_mean(s) else NULL,
                                         s.learning_rate, s.step)
    cdef uint64_t float_state = gru_flush_subnormals()
    cdef double total
    cdef Py_ssize_t i
    memset(touched, 0, header.w.p.V)
    for i in range(header.w.T * header.w.B):
        touched[header.w.inputs[i]] = 1
    total = forward_pass(&header.w, p, ws)
    backward_pass(&header.w, p, ws, 1.0 / header.w.B)
    train_weights(&header.w, &run, &update, g, ws, 0)
    gru_restore_float_state(float_state)
    header.backward_ready = header.has_outputs = False
    if loss is not NULL:
        loss[0] = total
