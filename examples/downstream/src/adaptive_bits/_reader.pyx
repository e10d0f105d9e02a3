# SPDX-License-Identifier: MIT
"""A GRU that is trained while it reads a stream of bytes, with the C-level functions of gru_ext."""
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free

import gru_ext
from gru_ext.capi cimport (
    GRU_API_VERSION,
    GRU_FLAT_SIZE,
    GRU_SCRATCH_SIZE,
    GRU_STATE_SIZE,
    gru_api_version,
    gru_cost_f32,
    gru_model,
    gru_model_borrow,
    gru_model_free,
    gru_model_get,
    gru_step_f32,
    gru_train_step_f32,
    gru_workspace_bytes,
    gru_workspace_init,
)

if gru_api_version() < GRU_API_VERSION:
    raise ImportError("adaptive_bits was built with a newer gru_ext than the installed one")

cdef enum:
    WINDOW = 32


cdef class Reader:
    """A GRU that reads a stream of bytes and is trained on each window of it.

    Readers are independent: any number of them may read at the same time, each in its own thread.
    """

    cdef object parameters
    cdef gru_model *model
    cdef float *state
    cdef float *scratch
    cdef float *memory
    cdef void *workspace
    cdef Py_ssize_t scratch_size
    cdef int32_t inputs[WINDOW]
    cdef int32_t targets[WINDOW]
    cdef int32_t last
    cdef Py_ssize_t filled
    cdef double learning_rate

    def __cinit__(self, hidden_size=64, learning_rate=0.05, seed=0):
        vocabulary = gru_ext.Vocabulary("".join(map(chr, range(256))))
        self.parameters = gru_ext.Model.create(vocabulary, hidden_size, seed=seed).parameters
        self.model = gru_model_borrow(self.parameters)
        self.scratch_size = gru_model_get(self.model, GRU_SCRATCH_SIZE)
        self.state = <float *>calloc(gru_model_get(self.model, GRU_STATE_SIZE), sizeof(float))
        self.scratch = <float *>calloc(self.scratch_size, sizeof(float))
        self.memory = <float *>calloc(gru_model_get(self.model, GRU_FLAT_SIZE), sizeof(float))
        cdef Py_ssize_t size = gru_workspace_bytes(self.model, 1, WINDOW, True)
        self.workspace = calloc(size, 1)
        if (self.state is NULL or self.scratch is NULL or self.memory is NULL
                or self.workspace is NULL):
            raise MemoryError()
        gru_workspace_init(self.model, self.workspace, size, 1, WINDOW, True)
        self.learning_rate = learning_rate

    def __dealloc__(self):
        gru_model_free(self.model)
        free(self.state)
        free(self.scratch)
        free(self.memory)
        free(self.workspace)

    def read(self, const unsigned char[::1] data not None):
        """Return the sum of the costs of these bytes in bits, -log2 p, and train on them."""
        cdef double total = 0
        cdef int status = 0
        with nogil:
            status = self._read(data, &total)
        if status:
            raise RuntimeError(f"a call of gru_ext failed with status {status}")
        return total

    cdef int _read(self, const unsigned char[::1] data, double *total) noexcept nogil:
        cdef Py_ssize_t i
        cdef double bits = 0
        cdef int status
        for i in range(data.shape[0]):
            status = gru_step_f32(self.model, self.last, self.state, self.scratch,
                                  self.scratch_size)
            if status:
                return status
            status = gru_cost_f32(self.model, self.state, data[i], &bits, self.scratch,
                                  self.scratch_size)
            if status:
                return status
            total[0] += bits
            self.inputs[self.filled], self.targets[self.filled] = self.last, data[i]
            self.last = data[i]
            self.filled += 1
            if self.filled == WINDOW:
                self.filled = 0
                status = gru_train_step_f32(self.model, self.workspace, self.memory, self.inputs,
                                            self.targets, WINDOW, self.learning_rate, 5.0, 1e-8,
                                            NULL)
                if status:
                    return status
        return 0
