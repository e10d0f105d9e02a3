# SPDX-License-Identifier: MIT
"""Windows in the caller's memory (declarations: windows.pxd)."""
from libc.float cimport DBL_MIN, FLT_MIN
from libc.math cimport isfinite
from libc.stdint cimport int32_t, uint64_t, uintptr_t
from libc.string cimport memcpy, memset

from gru_ext.c_interface.handle cimport Handle, flat_of, handle_of, is_symbol
from gru_ext.capi cimport (
    GRU_BAD_NUMBER,
    GRU_BAD_SIZE,
    GRU_BAD_SYMBOL,
    GRU_NULL,
    GRU_OK,
    GRU_OUT_OF_ORDER,
    GRU_READ_ONLY,
    GRU_TOO_SMALL,
    GRU_WRONG_DTYPE,
    gru_model,
)
from gru_ext.core.bptt cimport Window, backward_pass, buffer_offsets, forward_pass
from gru_ext.core.gradients cimport weight_gradients
from gru_ext.core.layout cimport LARGEST_SIZE, MOST_ROWS, MOST_STREAMS
from gru_ext.core.native cimport (
    GRU_LINE_BYTES,
    gru_apply,
    gru_flush_subnormals,
    gru_restore_float_state,
    gru_update,
    real,
)
from gru_ext.core.updates cimport (
    make_adagrad_update,
    update_at_offset,
    update_part,
    update_range,
)
from gru_ext.core.weight_tying cimport copy_tied, tie_gradients


cdef struct WorkspaceHeader:
    # At the start of the caller's memory, before the arrays. Each call sets its pointers.
    uint64_t magic        # MAGIC after init_workspace
    Window w
    Py_ssize_t itemsize
    bint backward_ready   # the last call was a forward pass with targets


cdef enum:
    MAGIC = 0x67727531     # "gru1"


cdef struct ByteOffsets:
    Py_ssize_t reals, losses, touched, inputs, targets, gradients, end


cdef inline Py_ssize_t _lines(Py_ssize_t bytes) noexcept nogil:
    return (bytes + GRU_LINE_BYTES - 1) // GRU_LINE_BYTES * GRU_LINE_BYTES


cdef ByteOffsets _byte_offsets(const Window *w, Py_ssize_t itemsize) noexcept nogil:
    # Offsets in bytes from the workspace's first cache line.
    cdef ByteOffsets a
    a.reals = _lines(sizeof(WorkspaceHeader))
    a.losses = a.reals + _lines(w.o.size * itemsize)
    a.touched = a.losses + _lines(w.T_max * w.B * <Py_ssize_t>sizeof(double))
    a.inputs = a.touched + _lines(w.p.V)
    a.targets = a.inputs + _lines(w.T_max * w.B * <Py_ssize_t>sizeof(int32_t))
    a.gradients = a.targets + (a.targets - a.inputs)
    a.end = a.gradients + (_lines(w.p.size * itemsize) if w.training else 0)
    return a


cdef inline char *_base(void *workspace) noexcept nogil:
    return <char *>((<uintptr_t>workspace + GRU_LINE_BYTES - 1) // GRU_LINE_BYTES * GRU_LINE_BYTES)


cdef int _plan_window(const gru_model *model, Py_ssize_t B, Py_ssize_t T, bint training,
                      Window *w) noexcept nogil:
    if model is NULL:
        return GRU_NULL
    if not (1 <= B <= MOST_STREAMS and 1 <= T <= LARGEST_SIZE and B * T <= MOST_ROWS):
        return GRU_BAD_SIZE
    w[0] = handle_of(model).w
    w.B, w.T, w.T_max, w.training = B, T, T, training
    w.o = buffer_offsets(w, handle_of(model).itemsize)
    return GRU_OK


cdef Py_ssize_t workspace_bytes(const gru_model *model, Py_ssize_t B, Py_ssize_t T,
                                bint training) noexcept nogil:
    cdef Window w
    cdef int status = _plan_window(model, B, T, training, &w)
    return status if status else _byte_offsets(&w, handle_of(model).itemsize).end + GRU_LINE_BYTES


cdef int init_workspace(const gru_model *model, void *workspace, Py_ssize_t bytes, Py_ssize_t B,
                        Py_ssize_t T, bint training) noexcept nogil:
    cdef Window w
    cdef int status = _plan_window(model, B, T, training, &w)
    cdef WorkspaceHeader *header
    if status or workspace is NULL:
        return status if status else GRU_NULL
    if bytes < workspace_bytes(model, B, T, training):
        return GRU_TOO_SMALL
    memset(_base(workspace), 0, _byte_offsets(&w, handle_of(model).itemsize).end)
    header = <WorkspaceHeader *>_base(workspace)
    header.magic, header.w, header.itemsize = MAGIC, w, handle_of(model).itemsize
    return GRU_OK


cdef void *workspace_state(const gru_model *model, void *workspace) noexcept nogil:
    # (B, Hp): the hidden state that the next window starts from.
    cdef WorkspaceHeader *s
    if _check_workspace(model, workspace, 0, False):
        return NULL
    s = <WorkspaceHeader *>_base(workspace)
    return (_base(workspace) + _byte_offsets(&s.w, s.itemsize).reals + s.w.o.state * s.itemsize)


cdef int _check_workspace(const gru_model *model, void *workspace, Py_ssize_t itemsize,
                          bint training) noexcept nogil:
    # Whether the workspace was made for this model and, if `training`, for training. itemsize 0
    # stands for any dtype.
    cdef const WorkspaceHeader *s
    cdef const Handle *m = handle_of(model)
    if model is NULL or workspace is NULL:
        return GRU_NULL
    s = <const WorkspaceHeader *>_base(workspace)
    if s.magic != MAGIC or s.w.p.V != m.w.p.V or s.w.p.H != m.w.p.H:
        return GRU_BAD_SIZE
    if s.itemsize != m.itemsize or (itemsize and itemsize != m.itemsize):
        return GRU_WRONG_DTYPE
    if training and not s.w.training:
        return GRU_BAD_SIZE
    return GRU_OK


cdef int _bind_window(const gru_model *model, void *workspace, Py_ssize_t itemsize, bint training,
                      const int32_t *inputs, const int32_t *targets, Py_ssize_t T) noexcept nogil:
    # Check the arguments of a window, and set the workspace's pointers. The symbols are copied
    # first: another thread may write into the caller's arrays at any time.
    cdef int status = _check_workspace(model, workspace, itemsize, training)
    cdef WorkspaceHeader *s
    cdef ByteOffsets a
    cdef int32_t *x
    cdef int32_t *y
    cdef Py_ssize_t i
    if status or inputs is NULL:
        return status if status else GRU_NULL
    s = <WorkspaceHeader *>_base(workspace)
    if not 1 <= T <= s.w.T_max:
        return GRU_BAD_SIZE
    a = _byte_offsets(&s.w, s.itemsize)
    x = <int32_t *>(_base(workspace) + a.inputs)
    y = <int32_t *>(_base(workspace) + a.targets)
    memcpy(x, inputs, T * s.w.B * sizeof(int32_t))
    if targets is not NULL:
        memcpy(y, targets, T * s.w.B * sizeof(int32_t))
    for i in range(T * s.w.B):
        if not is_symbol(model, x[i]) or (targets is not NULL and not is_symbol(model, y[i])):
            return GRU_BAD_SYMBOL
    s.w.T, s.w.inputs, s.w.targets = T, x, y if targets is not NULL else NULL
    s.w.losses = <double *>(_base(workspace) + a.losses)
    s.w.touched = <unsigned char *>(_base(workspace) + a.touched)
    return GRU_OK


cdef inline real *_real_buffers(void *workspace, real *unused) noexcept nogil:
    return <real *>(_base(workspace) + _lines(sizeof(WorkspaceHeader)))


cdef int forward_window(const gru_model *model, void *workspace, const int32_t *inputs,
                        const int32_t *targets, Py_ssize_t T, double *loss,
                        real *unused) noexcept nogil:
    cdef int status = _bind_window(model, workspace, sizeof(real), False, inputs, targets, T)
    cdef WorkspaceHeader *s
    cdef uint64_t float_state
    cdef double total
    if status:
        return status
    s = <WorkspaceHeader *>_base(workspace)
    float_state = gru_flush_subnormals()
    total = forward_pass(&s.w, flat_of(model, unused), _real_buffers(workspace, unused))
    gru_restore_float_state(float_state)
    s.backward_ready = s.w.training and targets is not NULL
    if loss is not NULL:
        loss[0] = total
    return GRU_OK


cdef int backward_window(const gru_model *model, void *workspace, const int32_t *inputs,
                         const int32_t *targets, double scale, real *gradients) noexcept nogil:
    cdef WorkspaceHeader *s
    cdef uint64_t float_state
    cdef int status = _check_workspace(model, workspace, sizeof(real), True)
    if status or targets is NULL or gradients is NULL:
        return status if status else GRU_NULL
    s = <WorkspaceHeader *>_base(workspace)
    if not s.backward_ready:
        return GRU_OUT_OF_ORDER
    if not isfinite(<real>scale):
        return GRU_BAD_NUMBER
    status = _bind_window(model, workspace, sizeof(real), True, inputs, targets, s.w.T)
    if status:
        return status
    s.backward_ready = False
    float_state = gru_flush_subnormals()
    backward_pass(&s.w, flat_of(model, gradients), _real_buffers(workspace, gradients), scale)
    weight_gradients(&s.w, _real_buffers(workspace, gradients), gradients, True, NULL, 0, 1)
    gru_restore_float_state(float_state)
    return GRU_OK


cdef enum:
    TIED_ROW = 64    # elements of a row of Wh that are updated at once


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


cdef inline bint _valid_settings(double learning_rate, double clip, double eps,
                                 real *unused) noexcept nogil:
    # In the dtype of the kernels, where subnormals count as zero.
    cdef real smallest = FLT_MIN if real is float else DBL_MIN
    return (isfinite(<real>learning_rate) and clip > 0 and isfinite(<real>eps)
            and <real>eps >= smallest)


cdef int apply_adagrad(gru_model *model, real *memory, const real *gradients, double learning_rate,
                       double clip, double eps) noexcept nogil:
    cdef const Handle *m = handle_of(model)
    cdef gru_update update
    cdef uint64_t float_state
    if model is NULL or memory is NULL or gradients is NULL:
        return GRU_NULL
    if m.itemsize != sizeof(real):
        return GRU_WRONG_DTYPE
    if not m.writable:
        return GRU_READ_ONLY
    if not _valid_settings(learning_rate, clip, eps, memory):
        return GRU_BAD_NUMBER
    update = make_adagrad_update(m.flat, memory, learning_rate, clip, eps)
    float_state = gru_flush_subnormals()
    if m.tied:
        _apply_tied(m, gradients, &update, flat_of(model, memory))
    else:
        gru_apply(m.w.k, <real *>gradients, &update, m.w.p.size)
    gru_restore_float_state(float_state)
    return GRU_OK


cdef int train_step(gru_model *model, void *workspace, real *memory, const int32_t *inputs,
                    const int32_t *targets, Py_ssize_t T, double learning_rate, double clip,
                    double eps, double *loss) noexcept nogil:
    cdef int status
    cdef WorkspaceHeader *s
    cdef ByteOffsets a
    cdef gru_update update
    cdef uint64_t float_state
    cdef unsigned char *touched
    cdef real *ws
    cdef real *g
    cdef double total
    cdef Py_ssize_t i
    if memory is NULL or targets is NULL:
        return GRU_NULL
    if not _valid_settings(learning_rate, clip, eps, memory):
        return GRU_BAD_NUMBER
    status = _bind_window(model, workspace, sizeof(real), True, inputs, targets, T)
    if status:
        return status
    if not handle_of(model).writable:
        return GRU_READ_ONLY
    s = <WorkspaceHeader *>_base(workspace)
    a = _byte_offsets(&s.w, s.itemsize)
    ws = _real_buffers(workspace, memory)
    touched = <unsigned char *>s.w.touched
    memset(touched, 0, s.w.p.V)
    for i in range(T * s.w.B):
        touched[s.w.inputs[i]] = 1
    update = make_adagrad_update(flat_of(model, memory), memory, learning_rate, clip, eps)
    float_state = gru_flush_subnormals()
    total = forward_pass(&s.w, flat_of(model, memory), ws)
    backward_pass(&s.w, flat_of(model, memory), ws, 1.0 / s.w.B)
    g = <real *>(_base(workspace) + a.gradients)
    if handle_of(model).tied:
        weight_gradients(&s.w, ws, g, False, NULL, 0, 1)
        tie_gradients(&s.w.p, g, 0, s.w.p.V)
        update_part(s.w.k, &s.w.p, g, &update, 0, 1)
        copy_tied(&s.w.p, flat_of(model, memory), 0, s.w.p.V)
    else:
        weight_gradients(&s.w, ws, g, False, &update, 0, 1)
    gru_restore_float_state(float_state)
    s.backward_ready = False
    if loss is not NULL:
        loss[0] = total
    return GRU_OK
