# SPDX-License-Identifier: MIT
"""The C-level functions of capi.pxd: handles, and the functions of c_interface for each dtype."""
from cpython.pycapsule cimport PyCapsule_New
from cpython.ref cimport PyObject, Py_XINCREF
from libc.stdint cimport int32_t, int64_t

from gru_ext.c_interface.batch cimport batch_scratch_size, logits_batch, step_batch
from gru_ext.c_interface.handle cimport (
    Handle,
    flat_size,
    free_model,
    get_number,
    handle_of,
    wrap_model,
)
from gru_ext.c_interface.logits cimport cost_of, draw_of, log_probabilities_of
from gru_ext.c_interface.one_stream cimport (
    stream_cost,
    sample_next,
    stream_log_probabilities,
    stream_logits,
    step_stream,
)
from gru_ext.c_interface.training cimport (
    apply_adagrad,
    apply_update,
    train_adagrad,
    train_window,
)
from gru_ext.c_interface.windows cimport (
    backward_window,
    forward_window,
    forward_with_settings,
    read_window,
)
from gru_ext.c_interface.workspace cimport (
    Regularisation,
    init_workspace,
    workspace_bytes,
    workspace_losses,
    workspace_probabilities,
    workspace_state,
    workspace_states,
)

import numpy as np

from gru_ext.core.kernels import layout
from gru_ext.model.parameters import Parameters


# -- Handles

cdef gru_model *gru_model_wrap_f32(float *flat, Py_ssize_t V, Py_ssize_t H) noexcept nogil:
    return wrap_model(flat, V, H, 1, sizeof(float))


cdef gru_model *gru_model_wrap_f64(double *flat, Py_ssize_t V, Py_ssize_t H) noexcept nogil:
    return wrap_model(flat, V, H, 1, sizeof(double))


cdef gru_model *gru_model_wrap_layers_f32(float *flat, Py_ssize_t V, Py_ssize_t H,
                                          Py_ssize_t layers) noexcept nogil:
    return wrap_model(flat, V, H, layers, sizeof(float))


cdef gru_model *gru_model_wrap_layers_f64(double *flat, Py_ssize_t V, Py_ssize_t H,
                                          Py_ssize_t layers) noexcept nogil:
    return wrap_model(flat, V, H, layers, sizeof(double))


cdef gru_model *gru_model_borrow(object model) except NULL:
    # model is a gru_ext.Model or Parameters, whose buffer the handle keeps alive. Only a Model
    # knows that its weights are tied.
    parameters = getattr(model, "parameters", model)
    if not isinstance(parameters, Parameters):
        raise TypeError(f"model must be a gru_ext.Model or Parameters, not {type(model).__name__}")
    flat, V, H = parameters.flat, parameters.vocabulary_size, parameters.hidden_size
    if flat.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"the parameters must be float32 or float64, not {flat.dtype}")
    size = layout(V, H, flat.itemsize, parameters.layers)["size"]
    if flat.shape != (size,) or not flat.flags.c_contiguous:
        raise ValueError(f"the parameters' flat buffer must be contiguous with {size} elements")
    if not flat.flags.aligned:
        raise ValueError(f"the parameters' flat buffer must be aligned to {flat.itemsize} bytes")
    cdef gru_model *handle = wrap_model(<void *><size_t>flat.ctypes.data, V, H, parameters.layers,
                                        flat.itemsize)
    if handle is NULL:
        raise MemoryError()
    cdef Handle *m = <Handle *>handle
    m.writable = flat.flags.writeable
    options = getattr(model, "about", {}).get("options")
    m.tied = isinstance(options, dict) and options.get("tied") is True
    m.owner = <PyObject *>flat
    Py_XINCREF(m.owner)
    return handle


cdef void gru_model_free(gru_model *model) noexcept nogil:
    free_model(model)


cdef Py_ssize_t gru_model_get(const gru_model *model, int what) noexcept nogil:
    return get_number(model, what)


cdef Py_ssize_t gru_flat_size(Py_ssize_t V, Py_ssize_t H, Py_ssize_t layers,
                              Py_ssize_t itemsize) noexcept nogil:
    return flat_size(V, H, layers, itemsize)


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
    return workspace_bytes(model, B, T, GRU_FOR_TRAINING if training else 0)


cdef int gru_workspace_init(const gru_model *model, void *workspace, Py_ssize_t bytes,
                            Py_ssize_t B, Py_ssize_t T, bint training) noexcept nogil:
    return init_workspace(model, workspace, bytes, B, T, GRU_FOR_TRAINING if training else 0)


cdef void *gru_workspace_state(const gru_model *model, void *workspace) noexcept nogil:
    return workspace_state(model, workspace)


cdef int gru_forward_f32(const gru_model *model, void *workspace, const int32_t *inputs,
                         const int32_t *targets, Py_ssize_t T, double *loss) noexcept nogil:
    cdef Regularisation none = Regularisation(NULL, 0, 0)
    return forward_window(model, workspace, inputs, targets, T, &none, loss, <float *>NULL)


cdef int gru_forward_f64(const gru_model *model, void *workspace, const int32_t *inputs,
                         const int32_t *targets, Py_ssize_t T, double *loss) noexcept nogil:
    cdef Regularisation none = Regularisation(NULL, 0, 0)
    return forward_window(model, workspace, inputs, targets, T, &none, loss, <double *>NULL)


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
    return train_adagrad(model, workspace, memory, inputs, targets, T, learning_rate, clip, eps,
                         loss)


cdef int gru_train_step_f64(gru_model *model, void *workspace, double *memory,
                            const int32_t *inputs, const int32_t *targets, Py_ssize_t T,
                            double learning_rate, double clip, double eps,
                            double *loss) noexcept nogil:
    return train_adagrad(model, workspace, memory, inputs, targets, T, learning_rate, clip, eps,
                         loss)


# -- Windows with resets and dropout, and training with all settings

cdef Py_ssize_t gru_workspace_bytes_for(const gru_model *model, Py_ssize_t B, Py_ssize_t T,
                                        int what) noexcept nogil:
    return workspace_bytes(model, B, T, what)


cdef int gru_workspace_init_for(const gru_model *model, void *workspace, Py_ssize_t bytes,
                                Py_ssize_t B, Py_ssize_t T, int what) noexcept nogil:
    return init_workspace(model, workspace, bytes, B, T, what)


cdef int gru_forward_window_f32(const gru_model *model, void *workspace,
                                const gru_settings *settings, const int32_t *inputs,
                                const int32_t *targets, const unsigned char *resets,
                                Py_ssize_t T, double *loss) noexcept nogil:
    return forward_with_settings(model, workspace, settings, inputs, targets, resets, T, loss,
                                 <float *>NULL)


cdef int gru_forward_window_f64(const gru_model *model, void *workspace,
                                const gru_settings *settings, const int32_t *inputs,
                                const int32_t *targets, const unsigned char *resets,
                                Py_ssize_t T, double *loss) noexcept nogil:
    return forward_with_settings(model, workspace, settings, inputs, targets, resets, T, loss,
                                 <double *>NULL)


cdef int gru_update_f32(gru_model *model, void *workspace, const gru_settings *settings,
                        float *memory, float *mean, float *gradients) noexcept nogil:
    return apply_update(model, workspace, settings, memory, mean, gradients)


cdef int gru_update_f64(gru_model *model, void *workspace, const gru_settings *settings,
                        double *memory, double *mean, double *gradients) noexcept nogil:
    return apply_update(model, workspace, settings, memory, mean, gradients)


cdef int gru_train_window_f32(gru_model *model, void *workspace, const gru_settings *settings,
                              float *memory, float *mean, const int32_t *inputs,
                              const int32_t *targets, const unsigned char *resets,
                              Py_ssize_t T, double *loss) noexcept nogil:
    return train_window(model, workspace, settings, memory, mean, inputs, targets, resets, T, loss)


cdef int gru_train_window_f64(gru_model *model, void *workspace, const gru_settings *settings,
                              double *memory, double *mean, const int32_t *inputs,
                              const int32_t *targets, const unsigned char *resets,
                              Py_ssize_t T, double *loss) noexcept nogil:
    return train_window(model, workspace, settings, memory, mean, inputs, targets, resets, T, loss)


# -- Batches, logits, and the results of windows

cdef Py_ssize_t gru_batch_scratch_size(const gru_model *model, Py_ssize_t B) noexcept nogil:
    return batch_scratch_size(model, B)


cdef int gru_step_batch_f32(const gru_model *model, Py_ssize_t B, const int32_t *symbols,
                            const float *state, float *next_state, float *scratch,
                            Py_ssize_t scratch_size) noexcept nogil:
    return step_batch(model, B, symbols, state, next_state, scratch, scratch_size)


cdef int gru_step_batch_f64(const gru_model *model, Py_ssize_t B, const int32_t *symbols,
                            const double *state, double *next_state, double *scratch,
                            Py_ssize_t scratch_size) noexcept nogil:
    return step_batch(model, B, symbols, state, next_state, scratch, scratch_size)


cdef int gru_logits_batch_f32(const gru_model *model, Py_ssize_t B, const float *state,
                              float *logits) noexcept nogil:
    return logits_batch(model, B, state, logits)


cdef int gru_logits_batch_f64(const gru_model *model, Py_ssize_t B, const double *state,
                              double *logits) noexcept nogil:
    return logits_batch(model, B, state, logits)


cdef int gru_log_probabilities_of_f32(const gru_model *model, const float *logits,
                                      double temperature, float *out, float *scratch,
                                      Py_ssize_t scratch_size) noexcept nogil:
    return log_probabilities_of(model, logits, temperature, out, scratch, scratch_size)


cdef int gru_log_probabilities_of_f64(const gru_model *model, const double *logits,
                                      double temperature, double *out, double *scratch,
                                      Py_ssize_t scratch_size) noexcept nogil:
    return log_probabilities_of(model, logits, temperature, out, scratch, scratch_size)


cdef int gru_cost_of_f32(const gru_model *model, const float *logits, int32_t next, double *bits,
                         float *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return cost_of(model, logits, next, bits, scratch, scratch_size)


cdef int gru_cost_of_f64(const gru_model *model, const double *logits, int32_t next, double *bits,
                         double *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return cost_of(model, logits, next, bits, scratch, scratch_size)


cdef int gru_draw_of_f32(const gru_model *model, const float *logits, double temperature,
                         double uniform, int32_t *symbol, float *scratch,
                         Py_ssize_t scratch_size) noexcept nogil:
    return draw_of(model, logits, temperature, uniform, symbol, scratch, scratch_size)


cdef int gru_draw_of_f64(const gru_model *model, const double *logits, double temperature,
                         double uniform, int32_t *symbol, double *scratch,
                         Py_ssize_t scratch_size) noexcept nogil:
    return draw_of(model, logits, temperature, uniform, symbol, scratch, scratch_size)


cdef void *gru_workspace_states(const gru_model *model, void *workspace,
                                Py_ssize_t layer) noexcept nogil:
    return workspace_states(model, workspace, layer)


cdef void *gru_workspace_probabilities(const gru_model *model, void *workspace) noexcept nogil:
    return workspace_probabilities(model, workspace)


cdef const double *gru_workspace_losses(const gru_model *model, void *workspace) noexcept nogil:
    return workspace_losses(model, workspace)


cdef int gru_read_window_f32(const gru_model *model, void *workspace, const int32_t *inputs,
                             const unsigned char *resets, Py_ssize_t T) noexcept nogil:
    return read_window(model, workspace, inputs, resets, T, <float *>NULL)


cdef int gru_read_window_f64(const gru_model *model, void *workspace, const int32_t *inputs,
                             const unsigned char *resets, Py_ssize_t T) noexcept nogil:
    return read_window(model, workspace, inputs, resets, T, <double *>NULL)


# -- The table for C, in the order of include/gru_ext.h

cdef enum:
    FUNCTIONS = 54

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
_table.functions[27] = <void *>gru_model_wrap_layers_f32
_table.functions[28] = <void *>gru_model_wrap_layers_f64
_table.functions[29] = <void *>gru_flat_size
_table.functions[30] = <void *>gru_workspace_bytes_for
_table.functions[31] = <void *>gru_workspace_init_for
_table.functions[32] = <void *>gru_forward_window_f32
_table.functions[33] = <void *>gru_forward_window_f64
_table.functions[34] = <void *>gru_update_f32
_table.functions[35] = <void *>gru_update_f64
_table.functions[36] = <void *>gru_train_window_f32
_table.functions[37] = <void *>gru_train_window_f64
_table.functions[38] = <void *>gru_batch_scratch_size
_table.functions[39] = <void *>gru_step_batch_f32
_table.functions[40] = <void *>gru_step_batch_f64
_table.functions[41] = <void *>gru_logits_batch_f32
_table.functions[42] = <void *>gru_logits_batch_f64
_table.functions[43] = <void *>gru_log_probabilities_of_f32
_table.functions[44] = <void *>gru_log_probabilities_of_f64
_table.functions[45] = <void *>gru_cost_of_f32
_table.functions[46] = <void *>gru_cost_of_f64
_table.functions[47] = <void *>gru_draw_of_f32
_table.functions[48] = <void *>gru_draw_of_f64
_table.functions[49] = <void *>gru_workspace_states
_table.functions[50] = <void *>gru_workspace_probabilities
_table.functions[51] = <void *>gru_workspace_losses
_table.functions[52] = <void *>gru_read_window_f32
_table.functions[53] = <void *>gru_read_window_f64

_API = PyCapsule_New(&_table, "gru_ext.capi._API", NULL)
