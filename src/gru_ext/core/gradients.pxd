# SPDX-License-Identifier: MIT
"""The gradients of the weights after the backward pass of a window, and the update with them."""
from gru_ext.core.bptt cimport Window
from gru_ext.core.native cimport gru_update, real

cdef void weight_gradients(const Window *w, real *ws, real *g, bint accumulate,
                           const gru_update *update, Py_ssize_t part,
                           Py_ssize_t parts) noexcept nogil
