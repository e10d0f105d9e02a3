# SPDX-License-Identifier: MIT
from libc.stdint cimport int32_t

from gru_ext.capi cimport gru_model, gru_settings


cdef class Network:
    cdef gru_model *model
    cdef readonly object parameters   # gru_ext.Parameters
    cdef readonly Py_ssize_t V
    cdef double scale                 # of the gradients: 1 / number of streams
    cdef const unsigned char[::1] points    # (V): the byte of each symbol
    cdef const int32_t[::1] codes     # (256): the symbol of each byte; -1: none
    cdef float[::1] memory, mean      # the optimiser state
    cdef gru_settings settings

    cdef Py_ssize_t get(self, int what)
    cdef like(self)
