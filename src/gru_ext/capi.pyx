# SPDX-License-Identifier: MIT
"""The C-level functions of capi.pxd: handles, and the functions of c_interface for each dtype."""
from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

from gru_ext.c_interface.handle cimport Handle, handle_of, scratch_size_of
from gru_ext.c_interface.one_stream cimport (
    stream_cost,
    sample_next,
    stream_log_probabilities,
    stream_logits,
    step_stream,
)
from gru_ext.c_interface.windows cimport (
    apply_adagrad,
    backward_window,
    workspace_bytes,
    forward_window,
    init_workspace,
    workspace_state,
    train_step,
)
from gru_ext.core cimport kernels
from gru_ext.core.layout cimport LARGEST_SIZE, layout_of

import numpy as np

from gru_ext.core.kernels import layout
from gru_ext.model.parameters import Parameters


# -- Handles

cdef gru_model *_wrap(void *flat, Py_ssize_t V, Py_ssize_t H, Py_ssize_t itemsize) noexcept nogil:
    cdef Handle *handle
    if flat is NULL or not (1 <= V <= LARGEST_SIZE and 1 <= H <= LARGEST_SIZE):
        return NULL
    handle = <Handle *>calloc(1, sizeof(Handle))
    if handle is not NULL:
        handle.w.k = kernels.active()
        handle.w.B = handle.w.T = handle.w.T_max = handle.w.parts_max = 1
        handle.w.p = layout_of(V, H, itemsize, 1)
        handle.itemsize = itemsize
        handle.flat = flat
        handle.writable = True
    return <gru_model *>handle


cdef gru_model *gru_model_wrap_f32(float *flat, Py_ssize_t V, Py_ssize_t H) noexcept nogil:
    return _wrap(flat, V, H, sizeof(float))


cdef gru_model *gru_model_wrap_f64(double *flat, Py_ssize_t V, Py_ssize_t H) noexcept nogil:
    return _wrap(flat, V, H, sizeof(double))


cdef gru_model *gru_model_borrow(object model) except NULL:
    # model is a gru_ext.Model or Parameters; it must stay alive as long as the handle. Only a Model
    # knows that its weights are tied.
    parameters = getattr(model, "parameters", model)
    if not isinstance(parameters, Parameters):
        raise TypeError(f"model must be a gru_ext.Model or Parameters, not {type(model).__name__}")
    if parameters.layers > 1:
        raise ValueError(f"model must have one layer, not {parameters.layers}: the C interface "
                         f"supports no more")
    flat, V, H = parameters.flat, parameters.vocabulary_size, parameters.hidden_size
    if flat.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"the parameters must be float32 or float64, not {flat.dtype}")
    size = layout(V, H, flat.itemsize)["size"]
    if flat.shape != (size,) or not flat.flags.c_contiguous:
        raise ValueError(f"the parameters' flat buffer must be contiguous with {size} elements")
    if not flat.flags.aligned:
        raise ValueError(f"the parameters' flat buffer must be aligned to {flat.itemsize} bytes")
    cdef gru_model *handle = _wrap(<void *><size_t>flat.ctypes.data, V, H, flat.itemsize)
    if handle is NULL:
        raise MemoryError()
    (<Handle *>handle).writable = flat.flags.writeable
    options = getattr(model, "about", {}).get("options")
    (<Handle *>handle).tied = isinstance(options, dict) and options.get("tied") is True
    return handle


cdef void gru_model_free(gru_model *model) noexcept nogil:
    free(model)


cdef Py_ssize_t gru_model_get(const gru_model *model, int what) noexcept nogil:
    cdef const Handle *m = handle_of(model)
    cdef Py_ssize_t values[13]
    if m is NULL:
        return GRU_NULL
    values[GRU_VOCABULARY_SIZE], values[GRU_HIDDEN_SIZE] = m.w.p.V, m.w.p.H
    values[GRU_ITEMSIZE], values[GRU_STATE_SIZE] = m.itemsize, m.w.p.Hp
    values[GRU_LOGITS_SIZE], values[GRU_FLAT_SIZE] = m.w.p.Vp, m.w.p.size
    values[GRU_SCRATCH_SIZE] = scratch_size_of(m)
    values[GRU_OFFSET_W], values[GRU_OFFSET_B] = m.w.p.w, m.w.p.b
    values[GRU_OFFSET_UZR], values[GRU_OFFSET_UH] = m.w.p.uzr, m.w.p.uh
    values[GRU_OFFSET_WY], values[GRU_OFFSET_BY] = m.w.p.wy, m.w.p.by
    return values[what] if 0 <= what < 13 else GRU_BAD_NUMBER


cdef const char *gru_model_isa(const gru_model *model) noexcept nogil:
    if model is NULL:
        return NULL
    return handle_of(model).w.k.isa


cdef int gru_api_version() noexcept nogil:
    return GRU_API_VERSION


# -- One stream, and windows: one name per dtype

cdef int gru_step_f32(const gru_model *model, int32_t symbol, float *state, float *scratch,
                      Py_ssize_t scratch_size) noexcept nogil:
    return step_stream(model, symbol, state, scratch, scratch_size)


cdef int gru_step_f64(const gru_model *model, int32_t symbol, double *state, double *scratch,
                      Py_ssize_t scratch_size) noexcept nogil:
    return step_stream(model, symbol, state, scratch, scratch_size)


cdef int gru_logits_f32(const gru_model *model, const float *state, float *logits, float *scratch,
                        Py_ssize_t scratch_size) noexcept nogil:
    return stream_logits(model, state, logits, scratch, scratch_size)


cdef int gru_logits_f64(const gru_model *model, const double *state, double *logits,
                        double *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return stream_logits(model, state, logits, scratch, scratch_size)


cdef int gru_log_probabilities_f32(const gru_model *model, const float *state, double temperature,
                                   float *out, float *scratch,
                                   Py_ssize_t scratch_size) noexcept nogil:
    return stream_log_probabilities(model, state, temperature, out, scratch, scratch_size)


cdef int gru_log_probabilities_f64(const gru_model *model, const double *state, double temperature,
                                   double *out, double *scratch,
                                   Py_ssize_t scratch_size) noexcept nogil:
    return stream_log_probabilities(model, state, temperature, out, scratch, scratch_size)


cdef int gru_cost_f32(const gru_model *model, const float *state, int32_t next, double *bits,
                      float *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return stream_cost(model, state, next, bits, scratch, scratch_size)


cdef int gru_cost_f64(const gru_model *model, const double *state, int32_t next, double *bits,
                      double *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return stream_cost(model, state, next, bits, scratch, scratch_size)


cdef int gru_draw_f32(const gru_model *model, const float *state, double temperature,
                      double uniform, int32_t *symbol, float *scratch,
                      Py_ssize_t scratch_size) noexcept nogil:
    return sample_next(model, state, temperature, uniform, symbol, scratch, scratch_size)


cdef int gru_draw_f64(const gru_model *model, const double *state, double temperature,
                      double uniform, int32_t *symbol, double *scratch,
                      Py_ssize_t scratch_size) noexcept nogil:
    return sample_next(model, state, temperature, uniform, symbol, scratch, scratch_size)


cdef Py_ssize_t gru_workspace_bytes(const gru_model *model, Py_ssize_t B, Py_ssize_t T,
                                    bint training) noexcept nogil:
    return workspace_bytes(model, B, T, training)


cdef int gru_workspace_init(const gru_model *model, void *workspace, Py_ssize_t bytes,
                            Py_ssize_t B, Py_ssize_t T, bint training) noexcept nogil:
    return init_workspace(model, workspace, bytes, B, T, training)


cdef void *gru_workspace_state(const gru_model *model, void *workspace) noexcept nogil:
    return workspace_state(model, workspace)


cdef int gru_forward_f32(const gru_model *model, void *workspace, const int32_t *inputs,
                         const int32_t *targets, Py_ssize_t T, double *loss) noexcept nogil:
    return forward_window(model, workspace, inputs, targets, T, loss, <float *>NULL)


cdef int gru_forward_f64(const gru_model *model, void *workspace, const int32_t *inputs,
                         const int32_t *targets, Py_ssize_t T, double *loss) noexcept nogil:
    return forward_window(model, workspace, inputs, targets, T, loss, <double *>NULL)


cdef int gru_backward_f32(const gru_model *model, void *workspace, const int32_t *inputs,
                          const int32_t *targets, double scale, float *gradients) noexcept nogil:
    return backward_window(model, workspace, inputs, targets, scale, gradients)


cdef int gru_backward_f64(const gru_model *model, void *workspace, const int32_t *inputs,
                          const int32_t *targets, double scale, double *gradients) noexcept nogil:
    return backward_window(model, workspace, inputs, targets, scale, gradients)


cdef int gru_adagrad_f32(gru_model *model, float *memory, const float *gradients,
                         double learning_rate, double clip, double eps) noexcept nogil:
    return apply_adagrad(model, memory, gradients, learning_rate, clip, eps)


cdef int gru_adagrad_f64(gru_model *model, double *memory, const double *gradients,
                         double learning_rate, double clip, double eps) noexcept nogil:
    return apply_adagrad(model, memory, gradients, learning_rate, clip, eps)


cdef int gru_train_step_f32(gru_model *model, void *workspace, float *memory,
                            const int32_t *inputs, const int32_t *targets, Py_ssize_t T,
                            double learning_rate, double clip, double eps,
                            double *loss) noexcept nogil:
    return train_step(model, workspace, memory, inputs, targets, T, learning_rate, clip, eps,
                      loss)


cdef int gru_train_step_f64(gru_model *model, void *workspace, double *memory,
                            const int32_t *inputs, const int32_t *targets, Py_ssize_t T,
                            double learning_rate, double clip, double eps,
                            double *loss) noexcept nogil:
    return train_step(model, workspace, memory, inputs, targets, T, learning_rate, clip, eps,
                      loss)


# -- The table for C, in the order of include/gru_ext.h

cdef enum:
    FUNCTIONS = 27

cdef struct Table:
    int64_t version
    int64_t count
    void *functions[FUNCTIONS]

cdef Table _table
_table.version, _table.count = GRU_API_VERSION, FUNCTIONS
_table.functions[0] = <void *>gru_model_borrow
_table.functions[1] = <void *>gru_model_wrap_f32
_table.functions[2] = <void *>gru_model_wrap_f64
_table.functions[3] = <void *>gru_model_free
_table.functions[4] = <void *>gru_model_get
_table.functions[5] = <void *>gru_model_isa
_table.functions[6] = <void *>gru_step_f32
_table.functions[7] = <void *>gru_step_f64
_table.functions[8] = <void *>gru_logits_f32
_table.functions[9] = <void *>gru_logits_f64
_table.functions[10] = <void *>gru_log_probabilities_f32
_table.functions[11] = <void *>gru_log_probabilities_f64
_table.functions[12] = <void *>gru_cost_f32
_table.functions[13] = <void *>gru_cost_f64
_table.functions[14] = <void *>gru_draw_f32
_table.functions[15] = <void *>gru_draw_f64
_table.functions[16] = <void *>gru_workspace_bytes
_table.functions[17] = <void *>gru_workspace_init
_table.functions[18] = <void *>gru_workspace_state
_table.functions[19] = <void *>gru_forward_f32
_table.functions[20] = <void *>gru_forward_f64
_table.functions[21] = <void *>gru_backward_f32
_table.functions[22] = <void *>gru_backward_f64
_table.functions[23] = <void *>gru_adagrad_f32
_table.functions[24] = <void *>gru_adagrad_f64
_table.functions[25] = <void *>gru_train_step_f32
_table.functions[26] = <void *>gru_train_step_f64

_API = PyCapsule_New(&_table, "gru_ext.capi._API", NULL)
