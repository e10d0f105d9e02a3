# SPDX-License-Identifier: MIT
# The names of capi.pxd: each function once per dtype.


cdef int gru_step_f32(const gru_model *model, int32_t symbol, float *state, float *scratch,
                      Py_ssize_t scratch_size) noexcept nogil:
    return _step(model, symbol, state, scratch, scratch_size)


cdef int gru_step_f64(const gru_model *model, int32_t symbol, double *state, double *scratch,
                      Py_ssize_t scratch_size) noexcept nogil:
    return _step(model, symbol, state, scratch, scratch_size)


cdef int gru_logits_f32(const gru_model *model, const float *state, float *logits, float *scratch,
                        Py_ssize_t scratch_size) noexcept nogil:
    return _logits(model, state, logits, scratch, scratch_size)


cdef int gru_logits_f64(const gru_model *model, const double *state, double *logits,
                        double *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return _logits(model, state, logits, scratch, scratch_size)


cdef int gru_log_probabilities_f32(const gru_model *model, const float *state, double temperature,
                                   float *out, float *scratch,
                                   Py_ssize_t scratch_size) noexcept nogil:
    return _log_probabilities(model, state, temperature, out, scratch, scratch_size)


cdef int gru_log_probabilities_f64(const gru_model *model, const double *state, double temperature,
                                   double *out, double *scratch,
                                   Py_ssize_t scratch_size) noexcept nogil:
    return _log_probabilities(model, state, temperature, out, scratch, scratch_size)


cdef int gru_cost_f32(const gru_model *model, const float *state, int32_t next, double *bits,
                      float *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return _cost(model, state, next, bits, scratch, scratch_size)


cdef int gru_cost_f64(const gru_model *model, const double *state, int32_t next, double *bits,
                      double *scratch, Py_ssize_t scratch_size) noexcept nogil:
    return _cost(model, state, next, bits, scratch, scratch_size)


cdef int gru_draw_f32(const gru_model *model, const float *state, double temperature,
                      double uniform, int32_t *symbol, float *scratch,
                      Py_ssize_t scratch_size) noexcept nogil:
    return _draw(model, state, temperature, uniform, symbol, scratch, scratch_size)


cdef int gru_draw_f64(const gru_model *model, const double *state, double temperature,
                      double uniform, int32_t *symbol, double *scratch,
                      Py_ssize_t scratch_size) noexcept nogil:
    return _draw(model, state, temperature, uniform, symbol, scratch, scratch_size)


cdef int gru_forward_f32(const gru_model *model, void *workspace, const int32_t *inputs,
                         const int32_t *targets, Py_ssize_t T, double *loss) noexcept nogil:
    return _forward(model, workspace, inputs, targets, T, loss, <float *>NULL)


cdef int gru_forward_f64(const gru_model *model, void *workspace, const int32_t *inputs,
                         const int32_t *targets, Py_ssize_t T, double *loss) noexcept nogil:
    return _forward(model, workspace, inputs, targets, T, loss, <double *>NULL)


cdef int gru_backward_f32(const gru_model *model, void *workspace, const int32_t *inputs,
                          const int32_t *targets, double scale, float *gradients) noexcept nogil:
    return _backward(model, workspace, inputs, targets, scale, gradients)


cdef int gru_backward_f64(const gru_model *model, void *workspace, const int32_t *inputs,
                          const int32_t *targets, double scale, double *gradients) noexcept nogil:
    return _backward(model, workspace, inputs, targets, scale, gradients)


cdef int gru_adagrad_f32(gru_model *model, float *memory, const float *gradients,
                         double learning_rate, double clip, double eps) noexcept nogil:
    return _adagrad(model, memory, gradients, learning_rate, clip, eps)


cdef int gru_adagrad_f64(gru_model *model, double *memory, const double *gradients,
                         double learning_rate, double clip, double eps) noexcept nogil:
    return _adagrad(model, memory, gradients, learning_rate, clip, eps)


cdef int gru_train_step_f32(gru_model *model, void *workspace, float *memory,
                            const int32_t *inputs, const int32_t *targets, Py_ssize_t T,
                            double learning_rate, double clip, double eps,
                            double *loss) noexcept nogil:
    return _train_step(model, workspace, memory, inputs, targets, T, learning_rate, clip, eps, loss)


cdef int gru_train_step_f64(gru_model *model, void *workspace, double *memory,
                            const int32_t *inputs, const int32_t *targets, Py_ssize_t T,
                            double learning_rate, double clip, double eps,
                            double *loss) noexcept nogil:
    return _train_step(model, workspace, memory, inputs, targets, T, learning_rate, clip, eps, loss)
