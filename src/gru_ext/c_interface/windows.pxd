# SPDX-License-Identifier: MIT
"""Windows in the caller's memory: workspace, forward and backward pass, training step.

Each function checks its arguments and returns a status of capi.pxd.
"""
from libc.stdint cimport int32_t

from gru_ext.capi cimport gru_model
from gru_ext.core.native cimport real

cdef Py_ssize_t workspace_bytes(const gru_model *model, Py_ssize_t B, Py_ssize_t T,
                                bint training) noexcept nogil
cdef int init_workspace(const gru_model *model, void *workspace, Py_ssize_t bytes, Py_ssize_t B,
                        Py_ssize_t T, bint training) noexcept nogil
cdef void *workspace_state(const gru_model *model, void *workspace) noexcept nogil
cdef int forward_window(const gru_model *model, void *workspace, const int32_t *inputs,
                        const int32_t *targets, Py_ssize_t T, double *loss,
                        real *unused) noexcept nogil
cdef int backward_window(const gru_model *model, void *workspace, const int32_t *inputs,
                         const int32_t *targets, double scale, real *gradients) noexcept nogil
cdef int apply_adagrad(gru_model *model, real *memory, const real *gradients, double learning_rate,
                       double clip, double eps) noexcept nogil
cdef int train_step(gru_model *model, void *workspace, real *memory, const int32_t *inputs,
                    const int32_t *targets, Py_ssize_t T, double learning_rate, double clip,
                    double eps, double *loss) noexcept nogil
