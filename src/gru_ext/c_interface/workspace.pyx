# SPDX-License-Identifier: MIT
"""The workspace of windows in the caller's memory (declarations: workspace.pxd)."""
from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

from gru_ext.c_interface.handle cimport Handle, handle_of, is_symbol
from gru_ext.capi cimport (
    GRU_BAD_NUMBER,
    GRU_BAD_SIZE,
    GRU_BAD_SYMBOL,
    GRU_FOR_DROPOUT,
    GRU_FOR_RESETS,
    GRU_FOR_TRAINING,
    GRU_NULL,
    GRU_OK,
    GRU_TOO_SMALL,
    GRU_WRONG_DTYPE,
    gru_model,
)
from gru_ext.core.bptt cimport Window
from gru_ext.core.layout cimport LARGEST_SIZE, MOST_ROWS, MOST_STREAMS
from gru_ext.core.native cimport GRU_LINE_BYTES
from gru_ext.core.products cimport buffer_offsets
from gru_ext.core.updates cimport square_sum_count

cdef enum:
    MAGIC = 0x67727531     # "gru1"

# No buffer of a window may have more bytes than this.
cdef const double MOST_BYTES = 1e18


cdef inline Py_ssize_t _lines(Py_ssize_t bytes) noexcept nogil:
    return (bytes + GRU_LINE_BYTES - 1) // GRU_LINE_BYTES * GRU_LINE_BYTES


cdef ByteOffsets byte_offsets(const Window *w, Py_ssize_t itemsize) noexcept nogil:
    cdef ByteOffsets a
    cdef Py_ssize_t rows = w.T_max * w.B
    a.reals = _lines(sizeof(Workspace))
    a.losses = a.reals + _lines(w.o.size * itemsize)
    a.touched = a.losses + _lines(rows * <Py_ssize_t>sizeof(double))
    a.inputs = a.touched + _lines(w.p.V)
    a.targets = a.inputs + _lines(rows * <Py_ssize_t>sizeof(int32_t))
    a.resets = a.targets + (a.targets - a.inputs)
    a.square_sums = a.resets + (_lines(rows) if w.resetting else 0)
    a.gradients = a.square_sums
    if w.training:
        a.gradients += _lines(square_sum_count(&w.p) * <Py_ssize_t>sizeof(double))
    a.end = a.gradients + (_lines(w.p.size * itemsize) if w.training else 0)
    return a


cdef int _plan_window(const gru_model *model, Py_ssize_t B, Py_ssize_t T, int flags,
                      Window *w) noexcept nogil:
    cdef const Handle *m = handle_of(model)
    if model is NULL:
        return GRU_NULL
    if flags & ~(GRU_FOR_TRAINING | GRU_FOR_RESETS | GRU_FOR_DROPOUT):
        return GRU_BAD_NUMBER
    if not (1 <= B <= MOST_STREAMS and 1 <= T <= LARGEST_SIZE and B * T <= MOST_ROWS):
        return GRU_BAD_SIZE
    if 8.0 * m.w.p.layers * (B * T + m.w.p.Hp) * m.w.p.Hp * m.itemsize > MOST_BYTES:
        return GRU_BAD_SIZE
    w[0] = m.w
    w.B, w.T, w.T_max, w.training = B, T, T, flags & GRU_FOR_TRAINING != 0
    w.resetting, w.dropping = flags & GRU_FOR_RESETS != 0, flags & GRU_FOR_DROPOUT != 0
    w.o = buffer_offsets(w, m.itemsize)
    return GRU_OK


cdef Py_ssize_t workspace_bytes(const gru_model *model, Py_ssize_t B, Py_ssize_t T,
                                int flags) noexcept nogil:
    cdef Window w
    cdef int status = _plan_window(model, B, T, flags, &w)
    return status if status else byte_offsets(&w, handle_of(model).itemsize).end + GRU_LINE_BYTES


cdef int init_workspace(const gru_model *model, void *workspace, Py_ssize_t bytes, Py_ssize_t B,
                        Py_ssize_t T, int flags) noexcept nogil:
    cdef Window w
    cdef int status = _plan_window(model, B, T, flags, &w)
    cdef Workspace *s
    if status or workspace is NULL:
        return status if status else GRU_NULL
    if bytes < workspace_bytes(model, B, T, flags):
        return GRU_TOO_SMALL
    memset(base_of(workspace), 0, byte_offsets(&w, handle_of(model).itemsize).end)
    s = header_of(workspace)
    s.magic, s.w, s.itemsize = MAGIC, w, handle_of(model).itemsize
    return GRU_OK


cdef void *workspace_state(const gru_model *model, void *workspace) noexcept nogil:
    # (layers, B, Hp): the hidden states that the next window starts from.
    cdef Workspace *s
    if check_workspace(model, workspace, 0, False):
        return NULL
    s = header_of(workspace)
    return base_of(workspace) + byte_offsets(&s.w, s.itemsize).reals + s.w.o.state * s.itemsize


cdef void *workspace_states(const gru_model *model, void *workspace,
                            Py_ssize_t layer) noexcept nogil:
    # (T + 1, B, Hp): the states of a layer before the last window and after each time step.
    cdef Workspace *s
    if check_workspace(model, workspace, 0, False):
        return NULL
    s = header_of(workspace)
    if not (0 <= layer < s.w.p.layers and s.has_states):
        return NULL
    return (base_of(workspace) + byte_offsets(&s.w, s.itemsize).reals
            + (layer * s.w.o.layer + s.w.o.h) * s.itemsize)


cdef void *workspace_probabilities(const gru_model *model, void *workspace) noexcept nogil:
    # (T, B, Vp): softmax(Wy h + by) of the last window.
    cdef Workspace *s
    if check_workspace(model, workspace, 0, False) or not header_of(workspace).has_outputs:
        return NULL
    s = header_of(workspace)
    return base_of(workspace) + byte_offsets(&s.w, s.itemsize).reals + s.w.o.y * s.itemsize


cdef const double *workspace_losses(const gru_model *model, void *workspace) noexcept nogil:
    # (T, B): -log p[target] of the last window in nats.
    if check_workspace(model, workspace, 0, False) or not header_of(workspace).has_losses:
        return NULL
    return header_of(workspace).w.losses


cdef int check_workspace(const gru_model *model, void *workspace, Py_ssize_t itemsize,
                         bint training) noexcept nogil:
    # Whether the workspace was made for this model and, if `training`, for training. itemsize 0
    # stands for any dtype.
    cdef const Workspace *s
    cdef const Handle *m = handle_of(model)
    if model is NULL or workspace is NULL:
        return GRU_NULL
    s = header_of(workspace)
    if (s.magic != MAGIC or s.w.p.V != m.w.p.V or s.w.p.H != m.w.p.H
            or s.w.p.layers != m.w.p.layers):
        return GRU_BAD_SIZE
    if s.itemsize != m.itemsize or (itemsize and itemsize != m.itemsize):
        return GRU_WRONG_DTYPE
    if training and not s.w.training:
        return GRU_BAD_SIZE
    return GRU_OK


cdef void point_to_arrays(Window *w, void *workspace) noexcept nogil:
    # Set the pointers to the arrays of the workspace.
    cdef ByteOffsets a = byte_offsets(w, header_of(workspace).itemsize)
    cdef char *base = base_of(workspace)
    w.inputs, w.targets = <int32_t *>(base + a.inputs), <int32_t *>(base + a.targets)
    w.losses, w.touched = <double *>(base + a.losses), <unsigned char *>(base + a.touched)
    w.resets = <unsigned char *>(base + a.resets)


cdef int bind_window(const gru_model *model, void *workspace, Py_ssize_t itemsize, bint training,
                     const int32_t *inputs, const int32_t *targets, Py_ssize_t T,
                     const Regularisation *how) noexcept nogil:
    # Check the arguments of a window, and set the workspace's pointers. The symbols are copied
    # first: another thread may write into the caller's arrays at any time. If `how` is NULL, resets
    # and dropout stay as they are.
    cdef int status = check_workspace(model, workspace, itemsize, training)
    cdef Workspace *s
    cdef Window w
    cdef int32_t *x
    cdef int32_t *y
    cdef Py_ssize_t i
    if status or inputs is NULL:
        return status if status else GRU_NULL
    s = header_of(workspace)
    if not 1 <= T <= s.w.T_max:
        return GRU_BAD_SIZE
    if how is not NULL and ((how.resets is not NULL and not s.w.resetting)
                            or (how.dropout > 0 and not s.w.dropping)):
        return GRU_BAD_SIZE
    w = s.w
    point_to_arrays(&w, workspace)
    x, y = <int32_t *>w.inputs, <int32_t *>w.targets
    memcpy(x, inputs, T * w.B * sizeof(int32_t))
    if targets is not NULL:
        memcpy(y, targets, T * w.B * sizeof(int32_t))
    for i in range(T * w.B):
        if not is_symbol(model, x[i]) or (targets is not NULL and not is_symbol(model, y[i])):
            return GRU_BAD_SYMBOL
    w.T, w.targets = T, w.targets if targets is not NULL else NULL
    if how is NULL:
        w.resets = s.w.resets
    else:
        s.has_states, s.has_outputs, s.has_losses = True, True, targets is not NULL
        w.dropout, w.dropout_key = how.dropout, how.dropout_key
        if how.resets is not NULL:
            memcpy(<void *>w.resets, how.resets, T * w.B)
        else:
            w.resets = NULL
    s.w = w
    return GRU_OK
