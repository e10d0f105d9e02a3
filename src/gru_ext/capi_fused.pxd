# SPDX-License-Identifier: MIT
"""One name for both dtypes of the functions of capi.pxd.

For example ``from gru_ext.capi_fused cimport gru_step``. The type of the arrays chooses the
function; where there are none, the handle does.
"""
from libc.stdint cimport int32_t

from gru_ext.capi cimport (
    GRU_ITEMSIZE,
    gru_adagrad_f32,
    gru_adagrad_f64,
    gru_backward_f32,
    gru_backward_f64,
    gru_cost_f32,
    gru_cost_f64,
    gru_cost_of_f32,
    gru_cost_of_f64,
    gru_draw_f32,
    gru_draw_f64,
    gru_draw_of_f32,
    gru_draw_of_f64,
    gru_forward_f32,
    gru_forward_f64,
    gru_forward_window_f32,
    gru_forward_window_f64,
    gru_log_probabilities_f32,
    gru_log_probabilities_f64,
    gru_log_probabilities_of_f32,
    gru_log_probabilities_of_f64,
    gru_logits_batch_f32,
    gru_logits_batch_f64,
    gru_logits_f32,
    gru_logits_f64,
    gru_model,
    gru_model_get,
    gru_model_wrap_f32,
    gru_model_wrap_f64,
    gru_model_wrap_layers_f32,
    gru_model_wrap_layers_f64,
    gru_read_window_f32,
    gru_read_window_f64,
    gru_sample_f32,
    gru_sample_f64,
    gru_sampling,
    gru_settings,
    gru_step_batch_f32,
    gru_step_batch_f64,
    gru_step_f32,
    gru_step_f64,
    gru_train_step_f32,
    gru_train_step_f64,
    gru_train_window_f32,
    gru_train_window_f64,
    gru_update_f32,
    gru_update_f64,
)

ctypedef fused gru_real:
    float
    double


cdef inline gru_model *gru_model_wrap(gru_real *flat, Py_ssize_t V, Py_ssize_t H) noexcept nogil:
    if gru_real is float:
        return gru_model_wrap_f32(flat, V, H)
    else:
        return gru_model_wrap_f64(flat, V, H)


cdef inline gru_model *gru_model_wrap_layers(gru_real *flat, Py_ssize_t V, Py_ssize_t H,
                                             Py_ssize_t layers) noexcept nogil:
    if gru_real is float:
        return gru_model_wrap_layers_f32(flat, V, H, layers)
    else:
        return gru_model_wrap_layers_f64(flat, V, H, layers)


cdef inline int gru_step(const gru_model *model, int32_t symbol, gru_real *state, gru_real *scratch,
                         Py_ssize_t scratch_size) noexcept nogil:
    if gru_real is float:
        return gru_step_f32(model, symbol, state, scratch, scratch_size)
    else:
        return gru_step_f64(model, symbol, state, scratch, scratch_size)


cdef inline int gru_logits(const gru_model *model, const gru_real *state, gru_real *logits,
                           gru_real *scratch, Py_ssize_t scratch_size) noexcept nogil:
    if gru_real is float:
        return gru_logits_f32(model, state, logits, scratch, scratch_size)
    else:
        return gru_logits_f64(model, state, logits, scratch, scratch_size)


cdef inline int gru_log_probabilities(const gru_model *model, const gru_real *state,
                                      double temperature, gru_real *out, gru_real *scratch,
                                      Py_ssize_t scratch_size) noexcept nogil:
    if gru_real is float:
        return gru_log_probabilities_f32(model, state, temperature, out, scratch, scratch_size)
    else:
        return gru_log_probabilities_f64(model, state, temperature, out, scratch, scratch_size)


cdef inline int gru_cost(const gru_model *model, const gru_real *state, int32_t next, double *bits,
                         gru_real *scratch, Py_ssize_t scratch_size) noexcept nogil:
    if gru_real is float:
        return gru_cost_f32(model, state, next, bits, scratch, scratch_size)
    else:
        return gru_cost_f64(model, state, next, bits, scratch, scratch_size)


cdef inline int gru_draw(const gru_model *model, const gru_real *state, double temperature,
                         double uniform, int32_t *symbol, gru_real *scratch,
                         Py_ssize_t scratch_size) noexcept nogil:
    if gru_real is float:
        return gru_draw_f32(model, state, temperature, uniform, symbol, scratch, scratch_size)
    else:
        return gru_draw_f64(model, state, temperature, uniform, symbol, scratch, scratch_size)


cdef inline int gru_forward(const gru_model *model, void *workspace, const int32_t *inputs,
                            const int32_t *targets, Py_ssize_t T, double *loss) noexcept nogil:
    if gru_model_get(model, GRU_ITEMSIZE) == sizeof(float):
        return gru_forward_f32(model, workspace, inputs, targets, T, loss)
    return gru_forward_f64(model, workspace, inputs, targets, T, loss)


cdef inline int gru_backward(const gru_model *model, void *workspace, const int32_t *inputs,
                             const int32_t *targets, double scale,
                             gru_real *gradients) noexcept nogil:
    if gru_real is float:
        return gru_backward_f32(model, workspace, inputs, targets, scale, gradients)
    else:
        return gru_backward_f64(model, workspace, inputs, targets, scale, gradients)


cdef inline int gru_adagrad(gru_model *model, gru_real *memory, const gru_real *gradients,
                            double learning_rate, double clip, double eps) noexcept nogil:
    if gru_real is float:
        return gru_adagrad_f32(model, memory, gradients, learning_rate, clip, eps)
    else:
        return gru_adagrad_f64(model, memory, gradients, learning_rate, clip, eps)


cdef inline int gru_train_step(gru_model *model, void *workspace, gru_real *memory,
                               const int32_t *inputs, const int32_t *targets, Py_ssize_t T,
                               double learning_rate, double clip, double eps,
                               double *loss) noexcept nogil:
    if gru_real is float:
        return gru_train_step_f32(model, workspace, memory, inputs, targets, T, learning_rate, clip,
                                  eps, loss)
    else:
        return gru_train_step_f64(model, workspace, memory, inputs, targets, T, learning_rate, clip,
                                  eps, loss)


cdef inline int gru_forward_window(const gru_model *model, void *workspace,
                                   const gru_settings *settings, const int32_t *inputs,
                                   const int32_t *targets, const unsigned char *resets,
                                   Py_ssize_t T, double *loss) noexcept nogil:
    if gru_model_get(model, GRU_ITEMSIZE) == sizeof(float):
        return gru_forward_window_f32(model, workspace, settings, inputs, targets, resets, T, loss)
    return gru_forward_window_f64(model, workspace, settings, inputs, targets, resets, T, loss)


cdef inline int gru_update(gru_model *model, void *workspace, const gru_settings *settings,
                           gru_real *memory, gru_real *mean, gru_real *gradients) noexcept nogil:
    if gru_real is float:
        return gru_update_f32(model, workspace, settings, memory, mean, gradients)
    else:
        return gru_update_f64(model, workspace, settings, memory, mean, gradients)


cdef inline int gru_train_window(gru_model *model, void *workspace, const gru_settings *settings,
                                 gru_real *memory, gru_real *mean, const int32_t *inputs,
                                 const int32_t *targets, const unsigned char *resets, Py_ssize_t T,
                                 double *loss) noexcept nogil:
    if gru_real is float:
        return gru_train_window_f32(model, workspace, settings, memory, mean, inputs, targets,
                                    resets, T, loss)
    else:
        return gru_train_window_f64(model, workspace, settings, memory, mean, inputs, targets,
                                    resets, T, loss)


cdef inline int gru_step_batch(const gru_model *model, Py_ssize_t B, const int32_t *symbols,
                               const gru_real *state, gru_real *next_state, gru_real *scratch,
                               Py_ssize_t scratch_size) noexcept nogil:
    if gru_real is float:
        return gru_step_batch_f32(model, B, symbols, state, next_state, scratch, scratch_size)
    else:
        return gru_step_batch_f64(model, B, symbols, state, next_state, scratch, scratch_size)


cdef inline int gru_logits_batch(const gru_model *model, Py_ssize_t B, const gru_real *state,
                                 gru_real *logits) noexcept nogil:
    if gru_real is float:
        return gru_logits_batch_f32(model, B, state, logits)
    else:
        return gru_logits_batch_f64(model, B, state, logits)


cdef inline int gru_log_probabilities_of(const gru_model *model, const gru_real *logits,
                                         double temperature, gru_real *out, gru_real *scratch,
                                         Py_ssize_t scratch_size) noexcept nogil:
    if gru_real is float:
        return gru_log_probabilities_of_f32(model, logits, temperature, out, scratch, scratch_size)
    else:
        return gru_log_probabilities_of_f64(model, logits, temperature, out, scratch, scratch_size)


cdef inline int gru_cost_of(const gru_model *model, const gru_real *logits, int32_t next,
                            double *bits, gru_real *scratch,
                            Py_ssize_t scratch_size) noexcept nogil:
    if gru_real is float:
        return gru_cost_of_f32(model, logits, next, bits, scratch, scratch_size)
    else:
        return gru_cost_of_f64(model, logits, next, bits, scratch, scratch_size)


cdef inline int gru_draw_of(const gru_model *model, const gru_real *logits, double temperature,
                            double uniform, int32_t *symbol, gru_real *scratch,
                            Py_ssize_t scratch_size) noexcept nogil:
    if gru_real is float:
        return gru_draw_of_f32(model, logits, temperature, uniform, symbol, scratch, scratch_size)
    else:
        return gru_draw_of_f64(model, logits, temperature, uniform, symbol, scratch, scratch_size)


cdef inline int gru_sample(const gru_model *model, const gru_real *logits,
                           const gru_sampling *sampling, double uniform, int32_t *symbol,
                           gru_real *scratch, Py_ssize_t scratch_size) noexcept nogil:
    if gru_real is float:
        return gru_sample_f32(model, logits, sampling, uniform, symbol, scratch, scratch_size)
    else:
        return gru_sample_f64(model, logits, sampling, uniform, symbol, scratch, scratch_size)


cdef inline int gru_read_window(const gru_model *model, void *workspace, const int32_t *inputs,
                                const unsigned char *resets, Py_ssize_t T) noexcept nogil:
    if gru_model_get(model, GRU_ITEMSIZE) == sizeof(float):
        return gru_read_window_f32(model, workspace, inputs, resets, T)
    return gru_read_window_f64(model, workspace, inputs, resets, T)
