# SPDX-License-Identifier: MIT
"""The workspace of windows in the caller's memory: its header, its arrays, and the checks of them.

Each function that returns int checks its arguments and returns a status of capi.pxd.
"""
from libc.stdint cimport int32_t, uint64_t, uintptr_t

from gru_ext.capi cimport gru_model
from gru_ext.core.bptt cimport Window
from gru_ext.core.native cimport GRU_LINE_BYTES, real


cdef struct Workspace:
    # At the start of the caller's memory, before the arrays. Each call sets its pointers.
    uint64_t magic        # MAGIC after init_workspace
    Window w
    Py_ssize_t itemsize
    bint backward_ready   # the last call was a forward pass with targets
    bint has_states       # there was a window
    bint has_outputs      # the last window's probabilities were computed and not overwritten
    bint has_losses       # its losses were computed


cdef struct ByteOffsets:
    # Offsets in bytes from the workspace's first cache line.
    Py_ssize_t reals          # BufferOffsets of bptt.pxd
    Py_ssize_t losses         # (T, B) double
    Py_ssize_t touched        # (V)
    Py_ssize_t inputs         # (T, B) int32
    Py_ssize_t targets        # (T, B) int32
    Py_ssize_t resets         # (T, B), if there may be resets
    Py_ssize_t square_sums    # double, for training
    Py_ssize_t gradients      # (size), for training
    Py_ssize_t end


cdef struct Regularisation:
    const unsigned char *resets   # (T, B) of the caller; NULL: no resets
    double dropout
    uint64_t dropout_key


cdef inline char *base_of(void *workspace) noexcept nogil:
    return <char *>((<uintptr_t>workspace + GRU_LINE_BYTES - 1) // GRU_LINE_BYTES * GRU_LINE_BYTES)


cdef inline Workspace *header_of(void *workspace) noexcept nogil:
    return <Workspace *>base_of(workspace)


cdef inline real *reals_of(void *workspace, real *unused) noexcept nogil:
    return <real *>(base_of(workspace) + byte_offsets(&header_of(workspace).w, sizeof(real)).reals)


cdef ByteOffsets byte_offsets(const Window *w, Py_ssize_t itemsize) noexcept nogil
cdef Py_ssize_t workspace_bytes(const gru_model *model, Py_ssize_t B, Py_ssize_t T,
                                int flags) noexcept nogil
cdef int init_workspace(const gru_model *model, void *workspace, Py_ssize_t bytes, Py_ssize_t B,
                        Py_ssize_t T, int flags) noexcept nogil
cdef void *workspace_state(const gru_model *model, void *workspace) noexcept nogil
cdef void *workspace_states(const gru_model *model, void *workspace,
                            Py_ssize_t layer) noexcept nogil
cdef void *workspace_probabilities(const gru_model *model, void *workspace) noexcept nogil
cdef const double *workspace_losses(const gru_model *model, void *workspace) noexcept nogil
cdef int check_workspace(const gru_model *model, void *workspace, Py_ssize_t itemsize,
                         bint training) noexcept nogil
cdef void point_to_arrays(Window *w, void *workspace) noexcept nogil
cdef int bind_window(const gru_model *model, void *workspace, Py_ssize_t itemsize, bint training,
                     const int32_t *inputs, const int32_t *targets, Py_ssize_t T,
                     const Regularisation *how) noexcept nogil
