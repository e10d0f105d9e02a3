# SPDX-License-Identifier: MIT
"""The C-level functions of capi.pxd: handles, and the functions of c_interface for each dtype."""
from libc.stdint cimport int32_t, uint32_t

from gru_ext.c_interface cimport batch as batches
from gru_ext.c_interface cimport handle as handles
from gru_ext.c_interface cimport logits as of_logits
from gru_ext.c_interface cimport one_stream
from gru_ext.c_interface cimport sampling as samplers
from gru_ext.c_interface cimport status as statuses
from gru_ext.c_interface cimport text as texts
from gru_ext.c_interface cimport training as trainers
from gru_ext.c_interface cimport windows
from gru_ext.c_interface cimport workspace as workspaces

from gru_ext._capi_handle import read_model, read_training, weights_of

# -- Handles

cdef gru_model *gru_model_wrap_f32(float *flat, Py_ssize_t V, Py_ssize_t H) noexcept nogil:
    return handles.wrap_model(flat, V, H, 1, sizeof(float))


cdef gru_model *gru_model_wrap_f64(double *flat, Py_ssize_t V, Py_ssize_t H) noexcept nogil:
    return handles.wrap_model(flat, V, H, 1, sizeof(double))


cdef gru_model *gru_model_wrap_layers_f32(float *flat, Py_ssize_t V, Py_ssize_t H,
                                          Py_ssize_t layers) noexcept nogil:
    return handles.wrap_model(flat, V, H, layers, sizeof(float))


cdef gru_model *gru_model_wrap_layers_f64(double *flat, Py_ssize_t V, Py_ssize_t H,
                                          Py_ssize_t layers) noexcept nogil:
    return handles.wrap_model(flat, V, H, layers, sizeof(double))


cdef gru_model *gru_model_borrow(object model) except NULL:
    # model is a gru_ext.Model or Parameters, whose buffer the handle keeps alive.
    return handles.own_model(model, weights_of(model))


cdef gru_model *gru_model_open(object path) except NULL:
    return gru_model_borrow(read_model(path))


cdef gru_model *gru_model_resume(object path) except NULL:
    model, state = read_training(path)
    cdef gru_model *handle = gru_model_borrow(model)
    handles.own_training(handle, state)
    return handle


cdef object gru_model_object(const gru_model *model):
    return handles.object_of(model)


cdef void gru_model_free(gru_model *model) noexcept nogil:
    handles.free_model(model)


cdef Py_ssize_t gru_model_get(const gru_model *model, int what) noexcept nogil:
    return handles.get_number(model, what)


cdef Py_ssize_t gru_flat_size(Py_ssize_t V, Py_ssize_t H, Py_ssize_t layers,
                              Py_ssize_t itemsize) noexcept nogil:
    return handles.flat_size(V, H, layers, itemsize)


cdef const char *gru_model_isa(const gru_model *model) noexcept nogil:
    return handles.isa_of(model)


cdef int gru_model_use_isa(gru_model *model, const char *name) noexcept nogil:
    return handles.use_isa(model, name)


cdef const char *gru_isa_name(int i) noexcept nogil:
    return handles.isa_name(i)


cdef int gru_api_version() noexcept nogil:
    return GRU_API_VERSION


cdef const char *gru_status_name(int status) noexcept nogil:
    return statuses.name_of(status)


# -- One stream, and windows: one name per dtype

cdef int gru_step_f32(const gru_model *model, int32_t symbol, float *state, float *scratch,
                      Py_ssize_t scratch_size) noexcept nogil:
    return one_stream.step_stream(model, symbol, state, scratch, scratch_size)


cdef int gru_step_f64(const gru_model *model, int32_t symbol, double *state, double *scratch,
                      Py_ssize_t scratch_size) noexcept nogil:
    return one_stream.step_stream(model, symbol, state, scratch, scratch_size)


cdef int gru_logits_f32(const gru_model *model, const float *state, float *logits, float *scratch,
                        Py_ssize_t scratch_size) noexcept nogil:
    return one_stream.stream_logits(model, state, logits, scratch, scratch_size)


cdef int gru_logits_f64(const gru_model *model, const double *state, double *logits,
                        double *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return one_stream.stream_logits(model, state, logits, scratch, scratch_size)


cdef int gru_log_probabilities_f32(const gru_model *model, const float *state, double temperature,
                                   float *out, float *scratch,
                                   Py_ssize_t scratch_size) noexcept nogil:
    return one_stream.stream_log_probabilities(model, state, temperature, out, scratch,
                                               scratch_size)


cdef int gru_log_probabilities_f64(const gru_model *model, const double *state, double temperature,
                                   double *out, double *scratch,
                                   Py_ssize_t scratch_size) noexcept nogil:
    return one_stream.stream_log_probabilities(model, state, temperature, out, scratch,
                                               scratch_size)


cdef int gru_cost_f32(const gru_model *model, const float *state, int32_t next, double *bits,
                      float *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return one_stream.stream_cost(model, state, next, bits, scratch, scratch_size)


cdef int gru_cost_f64(const gru_model *model, const double *state, int32_t next, double *bits,
                      double *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return one_stream.stream_cost(model, state, next, bits, scratch, scratch_size)


cdef int gru_draw_f32(const gru_model *model, const float *state, double temperature,
                      double uniform, int32_t *symbol, float *scratch,
                      Py_ssize_t scratch_size) noexcept nogil:
    return one_stream.sample_next(model, state, temperature, uniform, symbol, scratch, scratch_size)


cdef int gru_draw_f64(const gru_model *model, const double *state, double temperature,
                      double uniform, int32_t *symbol, double *scratch,
                      Py_ssize_t scratch_size) noexcept nogil:
    return one_stream.sample_next(model, state, temperature, uniform, symbol, scratch, scratch_size)


cdef Py_ssize_t gru_workspace_bytes(const gru_model *model, Py_ssize_t B, Py_ssize_t T,
                                    bint training) noexcept nogil:
    return workspaces.workspace_bytes(model, B, T, GRU_FOR_TRAINING if training else 0)


cdef int gru_workspace_init(const gru_model *model, void *workspace, Py_ssize_t bytes,
                            Py_ssize_t B, Py_ssize_t T, bint training) noexcept nogil:
    return workspaces.init_workspace(model, workspace, bytes, B, T,
                                     GRU_FOR_TRAINING if training else 0)


cdef void *gru_workspace_state(const gru_model *model, void *workspace) noexcept nogil:
    return workspaces.workspace_state(model, workspace)


cdef int gru_forward_f32(const gru_model *model, void *workspace, const int32_t *inputs,
                         const int32_t *targets, Py_ssize_t T, double *loss) noexcept nogil:
    return windows.forward_with_settings(model, workspace, NULL, inputs, targets, NULL, T, loss,
                                         <float *>NULL)


cdef int gru_forward_f64(const gru_model *model, void *workspace, const int32_t *inputs,
                         const int32_t *targets, Py_ssize_t T, double *loss) noexcept nogil:
    return windows.forward_with_settings(model, workspace, NULL, inputs, targets, NULL, T, loss,
                                         <double *>NULL)


cdef int gru_backward_f32(const gru_model *model, void *workspace, const int32_t *inputs,
                          const int32_t *targets, double scale, float *gradients) noexcept nogil:
    return windows.backward_window(model, workspace, inputs, targets, scale, gradients)


cdef int gru_backward_f64(const gru_model *model, void *workspace, const int32_t *inputs,
                          const int32_t *targets, double scale, double *gradients) noexcept nogil:
    return windows.backward_window(model, workspace, inputs, targets, scale, gradients)


cdef int gru_adagrad_f32(gru_model *model, float *memory, const float *gradients,
                         double learning_rate, double clip, double eps) noexcept nogil:
    return trainers.apply_adagrad(model, memory, gradients, learning_rate, clip, eps)


cdef int gru_adagrad_f64(gru_model *model, double *memory, const double *gradients,
                         double learning_rate, double clip, double eps) noexcept nogil:
    return trainers.apply_adagrad(model, memory, gradients, learning_rate, clip, eps)


cdef int gru_train_step_f32(gru_model *model, void *workspace, float *memory,
                            const int32_t *inputs, const int32_t *targets, Py_ssize_t T,
                            double learning_rate, double clip, double eps,
                            double *loss) noexcept nogil:
    return trainers.train_adagrad(model, workspace, memory, inputs, targets, T, learning_rate, clip,
                                  eps, loss)


cdef int gru_train_step_f64(gru_model *model, void *workspace, double *memory,
                            const int32_t *inputs, const int32_t *targets, Py_ssize_t T,
                            double learning_rate, double clip, double eps,
                            double *loss) noexcept nogil:
    return trainers.train_adagrad(model, workspace, memory, inputs, targets, T, learning_rate, clip,
                                  eps, loss)


cdef Py_ssize_t gru_workspace_bytes_for(const gru_model *model, Py_ssize_t B, Py_ssize_t T,
                                        int what) noexcept nogil:
    return workspaces.workspace_bytes(model, B, T, what)


cdef int gru_workspace_init_for(const gru_model *model, void *workspace, Py_ssize_t bytes,
                                Py_ssize_t B, Py_ssize_t T, int what) noexcept nogil:
    return workspaces.init_workspace(model, workspace, bytes, B, T, what)


cdef int gru_forward_window_f32(const gru_model *model, void *workspace,
                                const gru_settings *settings, const int32_t *inputs,
                                const int32_t *targets, const unsigned char *resets,
                                Py_ssize_t T, double *loss) noexcept nogil:
    return windows.forward_with_settings(model, workspace, settings, inputs, targets, resets, T,
                                         loss, <float *>NULL)


cdef int gru_forward_window_f64(const gru_model *model, void *workspace,
                                const gru_settings *settings, const int32_t *inputs,
                                const int32_t *targets, const unsigned char *resets,
                                Py_ssize_t T, double *loss) noexcept nogil:
    return windows.forward_with_settings(model, workspace, settings, inputs, targets, resets, T,
                                         loss, <double *>NULL)


cdef int gru_update_f32(gru_model *model, void *workspace, const gru_settings *settings,
                        float *memory, float *mean, float *gradients) noexcept nogil:
    return trainers.apply_update(model, workspace, settings, memory, mean, gradients)


cdef int gru_update_f64(gru_model *model, void *workspace, const gru_settings *settings,
                        double *memory, double *mean, double *gradients) noexcept nogil:
    return trainers.apply_update(model, workspace, settings, memory, mean, gradients)


cdef int gru_train_window_f32(gru_model *model, void *workspace, const gru_settings *settings,
                              float *memory, float *mean, const int32_t *inputs,
                              const int32_t *targets, const unsigned char *resets,
                              Py_ssize_t T, double *loss) noexcept nogil:
    return trainers.train_window(model, workspace, settings, memory, mean, inputs, targets, resets,
                                 T, loss)


cdef int gru_train_window_f64(gru_model *model, void *workspace, const gru_settings *settings,
                              double *memory, double *mean, const int32_t *inputs,
                              const int32_t *targets, const unsigned char *resets,
                              Py_ssize_t T, double *loss) noexcept nogil:
    return trainers.train_window(model, workspace, settings, memory, mean, inputs, targets, resets,
                                 T, loss)


cdef int gru_train_text(gru_model *model, void *workspace, const gru_settings *settings,
                        void *memory, void *mean, const int32_t *symbols, Py_ssize_t n,
                        Py_ssize_t *position, double *loss) noexcept nogil:
    if gru_model_get(model, GRU_ITEMSIZE) == sizeof(float):
        return trainers.train_text(model, workspace, settings, <float *>memory, <float *>mean,
                                   symbols, n, position, loss)
    return trainers.train_text(model, workspace, settings, <double *>memory, <double *>mean,
                               symbols, n, position, loss)


# -- Text and symbols, and the training state

cdef int gru_encode(const gru_model *model, const char *text, Py_ssize_t bytes, int32_t *symbols,
                    Py_ssize_t size, Py_ssize_t *count) noexcept nogil:
    return texts.encode_text(model, text, bytes, symbols, size, count)


cdef int gru_decode(const gru_model *model, const int32_t *symbols, Py_ssize_t n, char *text,
                    Py_ssize_t size, Py_ssize_t *count) noexcept nogil:
    return texts.decode_symbols(model, symbols, n, text, size, count)


cdef int gru_mark_resets(const gru_model *model, Py_ssize_t B, Py_ssize_t T,
                         const int32_t *symbols, int32_t *recent,
                         unsigned char *resets) noexcept nogil:
    return texts.mark_resets(model, B, T, symbols, recent, resets)


cdef const uint32_t *gru_model_characters(const gru_model *model) noexcept nogil:
    return handles.characters_of(model)


cdef const int32_t *gru_model_separator(const gru_model *model) noexcept nogil:
    return handles.separator_of(model)


cdef int gru_model_settings(const gru_model *model, gru_settings *settings) noexcept nogil:
    return handles.settings_of(model, settings)


cdef void *gru_model_training(const gru_model *model, int what) noexcept nogil:
    return handles.training_array(model, what)


# -- Batches, logits, and the results of windows

cdef Py_ssize_t gru_batch_scratch_size(const gru_model *model, Py_ssize_t B) noexcept nogil:
    return batches.batch_scratch_size(model, B)


cdef int gru_step_batch_f32(const gru_model *model, Py_ssize_t B, const int32_t *symbols,
                            const float *state, float *next_state, float *scratch,
                            Py_ssize_t scratch_size) noexcept nogil:
    return batches.step_batch(model, B, symbols, state, next_state, scratch, scratch_size)


cdef int gru_step_batch_f64(const gru_model *model, Py_ssize_t B, const int32_t *symbols,
                            const double *state, double *next_state, double *scratch,
                            Py_ssize_t scratch_size) noexcept nogil:
    return batches.step_batch(model, B, symbols, state, next_state, scratch, scratch_size)


cdef int gru_logits_batch_f32(const gru_model *model, Py_ssize_t B, const float *state,
                              float *logits) noexcept nogil:
    return batches.logits_batch(model, B, state, logits)


cdef int gru_logits_batch_f64(const gru_model *model, Py_ssize_t B, const double *state,
                              double *logits) noexcept nogil:
    return batches.logits_batch(model, B, state, logits)


cdef int gru_log_probabilities_of_f32(const gru_model *model, const float *logits,
                                      double temperature, float *out, float *scratch,
                                      Py_ssize_t scratch_size) noexcept nogil:
    return of_logits.log_probabilities_of(model, logits, temperature, out, scratch, scratch_size)


cdef int gru_log_probabilities_of_f64(const gru_model *model, const double *logits,
                                      double temperature, double *out, double *scratch,
                                      Py_ssize_t scratch_size) noexcept nogil:
    return of_logits.log_probabilities_of(model, logits, temperature, out, scratch, scratch_size)


cdef int gru_cost_of_f32(const gru_model *model, const float *logits, int32_t next, double *bits,
                         float *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return of_logits.cost_of(model, logits, next, bits, scratch, scratch_size)


cdef int gru_cost_of_f64(const gru_model *model, const double *logits, int32_t next, double *bits,
                         double *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return of_logits.cost_of(model, logits, next, bits, scratch, scratch_size)


cdef int gru_draw_of_f32(const gru_model *model, const float *logits, double temperature,
                         double uniform, int32_t *symbol, float *scratch,
                         Py_ssize_t scratch_size) noexcept nogil:
    return of_logits.draw_of(model, logits, temperature, uniform, symbol, scratch, scratch_size)


cdef int gru_draw_of_f64(const gru_model *model, const double *logits, double temperature,
                         double uniform, int32_t *symbol, double *scratch,
                         Py_ssize_t scratch_size) noexcept nogil:
    return of_logits.draw_of(model, logits, temperature, uniform, symbol, scratch, scratch_size)


cdef int gru_sample_f32(const gru_model *model, const float *logits,
                        const gru_sampling *sampling, double uniform, int32_t *symbol,
                        float *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return samplers.sample_symbol(model, logits, sampling, uniform, symbol, scratch, scratch_size)


cdef int gru_sample_f64(const gru_model *model, const double *logits,
                        const gru_sampling *sampling, double uniform, int32_t *symbol,
                        double *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return samplers.sample_symbol(model, logits, sampling, uniform, symbol, scratch, scratch_size)


cdef void *gru_workspace_states(const gru_model *model, void *workspace,
                                Py_ssize_t layer) noexcept nogil:
    return workspaces.workspace_states(model, workspace, layer)


cdef void *gru_workspace_probabilities(const gru_model *model, void *workspace) noexcept nogil:
    return workspaces.workspace_probabilities(model, workspace)


cdef const double *gru_workspace_losses(const gru_model *model, void *workspace) noexcept nogil:
    return workspaces.workspace_losses(model, workspace)


cdef int gru_read_window_f32(const gru_model *model, void *workspace, const int32_t *inputs,
                             const unsigned char *resets, Py_ssize_t T) noexcept nogil:
    return windows.read_window(model, workspace, inputs, resets, T, <float *>NULL)


cdef int gru_read_window_f64(const gru_model *model, void *workspace, const int32_t *inputs,
                             const unsigned char *resets, Py_ssize_t T) noexcept nogil:
    return windows.read_window(model, workspace, inputs, resets, T, <double *>NULL)


# The table for C, which needs the functions above.
from gru_ext.c_interface.table import API

_API = API
