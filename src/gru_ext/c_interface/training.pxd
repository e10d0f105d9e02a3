# SPDX-License-Identifier: MIT
"""Training in the caller's memory: the update of the weights, and a whole training step.

Each function checks its arguments and returns a status of capi.pxd.
"""
from libc.stdint cimport int32_t

from gru_ext.capi cimport gru_model, gru_settings
from gru_ext.core.native cimport real

cdef int apply_adagrad(gru_model *model, real *memory, const real *gradients, double learning_rate,
                       double clip, double eps) noexcept nogil
cdef int apply_update(gru_model *model, void *workspace, const gru_settings *settings,
                      real *memory, real *mean, real *gradients) noexcept nogil
cdef int train_adagrad(gru_model *model, void *workspace, real *memory, const int32_t *inputs,
                       const int32_t *targets, Py_ssize_t T, double learning_rate, double clip,
                       double eps, double *loss) noexcept nogil
cdef int train_window(gru_model *model, void *workspace, const gru_settings *settings,
                      real *memory, real *mean, const int32_t *inputs, const int32_t *targets,
                      const unsigned char *resets, Py_ssize_t T, double *loss) noexcept nogil
cdef int train_text(gru_model *model, void *workspace, const gru_settings *settings, real *memory,
                    real *mean, const int32_t *symbols, Py_ssize_t n, Py_ssize_t *position,
                    double *loss) noexcept nogil
