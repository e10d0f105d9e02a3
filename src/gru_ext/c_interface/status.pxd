# SPDX-License-Identifier: MIT
"""The names of the status codes."""
from gru_ext.capi cimport GRU_NO_ISA

cdef enum:
    STATUS_COUNT = 13


cdef inline const char *name_of(int status) noexcept nogil:
    # NULL for a number that is no status.
    cdef const char *names[STATUS_COUNT]
    names[0], names[1], names[2] = "GRU_OK", "GRU_NULL", "GRU_WRONG_DTYPE"
    names[3], names[4], names[5] = "GRU_BAD_SYMBOL", "GRU_BAD_SIZE", "GRU_TOO_SMALL"
    names[6], names[7], names[8] = "GRU_BAD_NUMBER", "GRU_OUT_OF_ORDER", "GRU_READ_ONLY"
    names[9], names[10], names[11] = "GRU_NO_VOCABULARY", "GRU_BAD_TEXT", "GRU_NO_TRAINING"
    names[12] = "GRU_NO_ISA"
    if not GRU_NO_ISA <= status <= 0:
        return NULL
    return names[-status]
