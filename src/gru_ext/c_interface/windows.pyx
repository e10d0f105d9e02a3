# SPDX-License-Identifier: MIT
"""Windows in the caller's memory, forward and backward (declarations: windows.pxd)."""
from libc.math cimport isfinite
from libc.stdint cimport int32_t, uint64_t

from gru_ext.c_interface.handle cimport flat_of
from gru_ext.c_interface.settings cimport copy_settings, dropout_of
from gru_ext.c_interface.workspace cimport (
    Regularisation,
    Workspace,
    bind_window,
    check_workspace,
    header_of,
    reals_of,
)
from gru_ext.capi cimport (
    GRU_BAD_NUMBER,
    GRU_NULL,
    GRU_OK,
    GRU_OUT_OF_ORDER,
    gru_model,
    gru_settings,
)
from gru_ext.core.bptt cimport backward_pass, forward_pass
from gru_ext.core.gradients cimport weight_gradients
from gru_ext.core.native cimport gru_flush_subnormals, gru_restore_float_state
from gru_ext.core.products cimport choose_packing, pack_weights
from gru_ext.core.reading cimport read_symbols
from gru_ext.core.team cimport Share, whole_share


cdef int forward_window(const gru_model *model, void *workspace, const int32_t *inputs,
                        const int32_t *targets, Py_ssize_t T, const Regularisation *how,
                        double *loss, real *unused) noexcept nogil:
    cdef int status = bind_window(model, workspace, sizeof(real), False, inputs, targets, T, how)
    cdef Workspace *s
    cdef uint64_t float_state
    cdef double total
    if status:
        return status
    s = header_of(workspace)
    float_state = gru_flush_subnormals()
    total = forward_pass(&s.w, flat_of(model, unused), reals_of(workspace, unused))
    gru_restore_float_state(float_state)
    s.backward_ready = s.w.training and targets is not NULL
    if loss is not NULL:
        loss[0] = total
    return GRU_OK


cdef int forward_with_settings(const gru_model *model, void *workspace,
                               const gru_settings *settings, const int32_t *inputs,
                               const int32_t *targets, const unsigned char *resets, Py_ssize_t T,
                               double *loss, real *unused) noexcept nogil:
    # With dropout and resets. Without settings there is no dropout.
    cdef Regularisation how = Regularisation(resets, 0, 0)
    cdef gru_settings copied
    cdef int status
    if settings is not NULL:
        status = copy_settings(settings, &copied, unused)
        if status:
            return status
        how = dropout_of(&copied, resets)
    return forward_window(model, workspace, inputs, targets, T, &how, loss, unused)


cdef int read_window(const gru_model *model, void *workspace, const int32_t *inputs,
                     const unsigned char *resets, Py_ssize_t T, real *unused) noexcept nogil:
    cdef Regularisation how = Regularisation(resets, 0, 0)
    cdef int status = bind_window(model, workspace, sizeof(real), False, inputs, NULL, T, &how)
    cdef Workspace *s
    cdef Share share
    cdef uint64_t float_state
    if status:
        return status
    s = header_of(workspace)
    s.backward_ready = s.has_outputs = False
    share = whole_share(&s.w.p, s.w.B)
    float_state = gru_flush_subnormals()
    choose_packing(&s.w, T)
    pack_weights(&s.w, flat_of(model, unused), reals_of(workspace, unused), 0, 1)
    read_symbols(&s.w, flat_of(model, unused), reals_of(workspace, unused), &share)
    gru_restore_float_state(float_state)
    return GRU_OK


cdef int backward_window(const gru_model *model, void *workspace, const int32_t *inputs,
                         const int32_t *targets, double scale, real *gradients) noexcept nogil:
    cdef Workspace *s
    cdef uint64_t float_state
    cdef int status = check_workspace(model, workspace, sizeof(real), True)
    if status or targets is NULL or gradients is NULL:
        return status if status else GRU_NULL
    s = header_of(workspace)
    if not s.backward_ready:
        return GRU_OUT_OF_ORDER
    if not isfinite(<real>scale):
        return GRU_BAD_NUMBER
    status = bind_window(model, workspace, sizeof(real), True, inputs, targets, s.w.T, NULL)
    if status:
        return status
    s.backward_ready = s.has_outputs = False
    float_state = gru_flush_subnormals()
    backward_pass(&s.w, flat_of(model, gradients), reals_of(workspace, gradients), scale)
    weight_gradients(&s.w, reals_of(workspace, gradients), gradients, True, NULL, 0, 1)
    gru_restore_float_state(float_state)
    return GRU_OK
