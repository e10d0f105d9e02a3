# SPDX-License-Identifier: MIT
"""Products with narrow weights, on arrays."""
import numpy as np

from gru_ext.core.arrays import Array, checks_arrays
from gru_ext.core.windows import aligned_zeros

from libc.stdint cimport uint64_t

from gru_ext.core cimport kernels
from gru_ext.core.layout cimport BFLOAT16, INT8, MOST_INT8, padded, stored_rows
from gru_ext.core.narrow cimport narrow_product
from gru_ext.core.native cimport (
    GRU_INT8_ROWS,
    GRU_PANEL_LINES,
    gru_flush_subnormals,
    gru_restore_float_state,
)

PANEL_LINES = GRU_PANEL_LINES
"""The most lines of 16 columns in a panel."""

_WEIGHTS = {"bfloat16": BFLOAT16, "int8": INT8}


def int8_products():
    """Return how the instruction set in use multiplies int8, as a str: "plain" or "vnni"."""
    return kernels.active().int8.decode()


@checks_arrays(a=Array(2, dtypes=(np.float32,)), packed=Array(dtypes=(np.float32,)))
def matmul(const float[:, ::1] a, const float[::1] packed, weights, Py_ssize_t K, columns=None):
    """Return the product of activations and of packed weights.

    Parameters
    ----------
    a : ndarray, float32, shape (M, Kp)
        Kp is K rounded up to whole lines of 16, and the columns from K on are zero.
    packed : ndarray, float32
        What :func:`gru_ext.core.packing.pack` returns for weights of shape (N, K).
    weights : {"bfloat16", "int8"}
    K : int
    columns : tuple of 2 int, optional
        The first of the columns that are computed, and the one after the last: multiples of 16.

    Returns
    -------
    ndarray, float32, shape (M, N)
        N in whole lines of 16. Columns that are not computed are 0.

    Raises
    ------
    TypeError, ValueError
        A dtype or a shape is not as above.
    """
    cdef int kind = _WEIGHTS[weights]
    cdef Py_ssize_t M = a.shape[0], rows, N, n0, n1
    cdef uint64_t float_state
    if not 1 <= K <= MOST_INT8 or a.shape[1] != padded(K, sizeof(float)):
        raise ValueError(f"`a` must have {padded(K, sizeof(float))} columns for K = {K}, not "
                         f"{a.shape[1]}")
    rows = stored_rows(K, kind)
    N = packed.shape[0] // rows
    if M < 1 or N < 1 or N % 16 or packed.shape[0] != N * rows:
        raise ValueError(f"`packed` must have {rows} elements for each of 16, 32, ... columns, "
                         f"not {packed.shape[0]}")
    n0, n1 = (0, N) if columns is None else columns
    if not 0 <= n0 <= n1 <= N or n0 % 16 or n1 % 16:
        raise ValueError(f"`columns` must be multiples of 16 from 0 to {N}, the first one not "
                         f"larger, not {columns}")
    result = np.zeros((M, N), np.float32)
    scratch = aligned_zeros(GRU_INT8_ROWS * a.shape[1], np.uint8)
    cdef float[:, ::1] c = result
    cdef unsigned char[::1] bytes_of_a = scratch
    with nogil:
        float_state = gru_flush_subnormals()
        narrow_product(kernels.active(), kind, &bytes_of_a[0], &c[0, 0], N, &a[0, 0], a.shape[1],
                       &packed[0], M, N, n0, n1, K)
        gru_restore_float_state(float_state)
    return result
