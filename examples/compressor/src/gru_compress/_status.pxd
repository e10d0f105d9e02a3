# SPDX-License-Identifier: MIT
from gru_ext.capi cimport GRU_OK, gru_status_name


cdef inline int check(int status) except -1:
    if status != GRU_OK:
        raise RuntimeError(f"gru_ext: {gru_status_name(status).decode()}")
    return 0
