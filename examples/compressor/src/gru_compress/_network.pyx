# SPDX-License-Identifier: MIT
"""The network that predicts the next byte, and its optimiser."""
import numpy as np

from libc.math cimport INFINITY
from libc.string cimport memset

from gru_ext.capi cimport (
    GRU_FLAT_SIZE,
    GRU_OPTIMIZER_ADAM,
    gru_isa_name,
    gru_model_borrow,
    gru_model_free,
    gru_model_get,
    gru_model_isa,
    gru_model_use_isa,
    gru_settings,
)

from gru_compress._status cimport check


def instruction_sets():
    """Return the names of the instruction sets of this machine, the fastest first."""
    names, i = [], 0
    while gru_isa_name(i) is not NULL:
        names.insert(0, gru_isa_name(i).decode())
        i += 1
    return names


cdef class Network:
    """A GRU over bytes, which learns by Adam.

    Parameters
    ----------
    parameters : gru_ext.Parameters
        The weights, float32, which are changed.
    points : sequence of int
        The byte of each symbol; -1 for a symbol that is no byte, which never occurs.
    plan : Plan
        Number of streams and learning rate.
    isa : str
        One of :func:`instruction_sets`.
    """

    def __cinit__(self, parameters, points, plan, isa):
        name = isa.encode()
        codes = np.full(256, -1, np.int32)
        for symbol, byte in enumerate(points):
            if byte >= 0:
                codes[byte] = symbol
        self.parameters, self.V, self.codes = parameters, len(points), codes
        self.points = np.maximum(points, 0).astype(np.uint8)
        self.model = gru_model_borrow(parameters)
        check(gru_model_use_isa(self.model, name))
        self.memory, self.mean = self.like(), self.like()
        self.scale = 1 / <double>plan.streams
        memset(&self.settings, 0, sizeof(gru_settings))
        self.settings.size = sizeof(gru_settings)
        self.settings.optimizer = GRU_OPTIMIZER_ADAM
        self.settings.beta1, self.settings.beta2, self.settings.eps = 0.5, 0.999, 1e-8
        self.settings.clip, self.settings.clip_norm = INFINITY, 1

    def __dealloc__(self):
        gru_model_free(self.model)

    @property
    def isa(self):
        """The instruction set in use."""
        return gru_model_isa(self.model).decode()

    cdef Py_ssize_t get(self, int what):
        return gru_model_get(self.model, what)

    cdef like(self):
        # zeros, laid out as the weights
        return np.zeros(self.get(GRU_FLAT_SIZE), np.float32)
