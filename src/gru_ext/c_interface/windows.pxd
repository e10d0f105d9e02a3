# SPDX-License-Identifier: MIT
"""Windows in the caller's memory, forward and backward.

Each function checks its arguments and returns a status of capi.pxd.
"""
from libc.stdint cimport int32_t

from gru_ext.c_interface.workspace cimport Regularisation
from gru_ext.capi cimport gru_model, gru_settings
from gru_ext.core.native cimport real

cdef int forward_window(const gru_model *model, void *workspace, const int32_t *inputs,
                        const int32_t *targets, Py_ssize_t T, const Regularisation *how,
                        double *loss, real *unused) noexcept nogil
cdef int forward_with_settings(const gru_model *model, void *workspace,
                               const gru_settings *settings, const int32_t *inputs,
                               const int32_t *targets, const unsigned char *resets, Py_ssize_t T,
                               double *loss, real *unused) noexcept nogil
cdef int read_window(const gru_model *model, void *workspace, const int32_t *inputs,
                     const unsigned char *resets, Py_ssize_t T, real *unused) noexcept nogil
cdef int backward_window(const gru_model *model, void *workspace, const int32_t *inputs,
                         const int32_t *targets, double scale, real *gradients) noexcept nogil
