# SPDX-License-Identifier: MIT
"""The C-level declaration of windows.pyx: the workspace, for training_loop.pyx."""
from gru_ext.core.bptt cimport Window

cdef class Workspace:
    cdef Window window
    cdef Py_ssize_t itemsize
    cdef char *base
    cdef readonly object memory
    cdef object _inputs, _targets, _losses, _touched, _resets, _scratch, _lock
    cdef _acquire(self)
    cdef _view(self, Py_ssize_t offset, shape, Py_ssize_t last)
    cdef _check_flat(self, what, Py_ssize_t n, Py_ssize_t itemsize)
    cdef _copy_symbols(self, what, symbols)
    cdef const unsigned char *_store_resets(self, resets, shape) except? NULL
