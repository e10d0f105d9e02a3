# SPDX-License-Identifier: MIT
"""Reading and predicting with a stream's state: the forward pass without a backward pass.

A prediction is made from the state before the symbol that it predicts is read. So the loss of a
symbol and its time step are one call, and no output is computed for a next symbol that nobody asks
for. The states are those of bptt.pxd; there is no dropout.
"""
from libc.stdint cimport int32_t

from gru_ext.core.bptt cimport Window
from gru_ext.core.native cimport real
from gru_ext.core.team cimport Share


cdef struct Separator:
    # The separator between documents, and the last symbols that each stream has read.
    const int32_t *symbols
    Py_ssize_t length       # 0: there is none
    int32_t *recent         # (B, length), the newest last; -1 where nothing was read


cdef bint separator_ends(const Separator *separator, Py_ssize_t stream,
                         int32_t symbol) noexcept nogil
cdef void predict(const Window *w, const real *p, real *ws, Py_ssize_t t0,
                  Py_ssize_t t1) noexcept nogil
cdef void losses_of(const Window *w, const real *p, real *y, const int32_t *targets,
                    double *losses, Py_ssize_t n) noexcept nogil
cdef double log_softmax(const Window *w, const real *p, const real *y, double temperature,
                        real *scratch, double *out) noexcept nogil
cdef int read_window(const Window *w, const real *p, real *ws, const Share *share,
                     const real *logits) noexcept nogil
cdef int read_symbols(const Window *w, const real *p, real *ws,
                      const Share *share) noexcept nogil
