# SPDX-License-Identifier: MIT
"""The choice of the code that multiplies pairs of bfloat16 (csrc/bfloat16.inc.h).

Its kinds give the same bits. Whether the processor's instruction is faster than fused multiply-adds
is measured: on some processors it is not.
"""
import threading

import numpy as np

from gru_ext.core cimport kernels
from gru_ext.core.native cimport (
    GRU_LINE_BYTES,
    GRU_PAIR_ROWS,
    gru_bfloat16_products,
    gru_kernels,
)

cdef extern from "team.h" nogil:
    double gru_microseconds() noexcept

cdef enum:
    ROWS = 48      # the product that is measured: (ROWS, SIZE) times (SIZE, 2 SIZE)
    SIZE = 128
    ROUNDS = 12

_lock = threading.Lock()
_times = {}  # of each kind of kernels that was asked for


cdef struct Operands:
    float *a         # (ROWS, SIZE)
    float *packed
    float *c         # (ROWS, 2 SIZE)
    float *scratch


cdef double _float32_time(const gru_kernels *k, const Operands *m) noexcept nogil:
    cdef double start = gru_microseconds()
    k.f32.matmul_packed(m.c, 2 * SIZE, m.a, SIZE, m.packed, ROWS, 2 * SIZE, SIZE, False)
    return gru_microseconds() - start


cdef double _time(const gru_bfloat16_products *pairs, const Operands *m) noexcept nogil:
    cdef double start = gru_microseconds()
    pairs.matmul_packed(m.c, 2 * SIZE, m.a, SIZE, m.packed, ROWS, 2 * SIZE, SIZE, False, m.scratch)
    return gru_microseconds() - start


cdef _measured(const gru_kernels *k):
    # The shortest time of each kind, in microseconds. All operands are zero: the time does not
    # depend on them.
    cdef const gru_bfloat16_products *instruction = kernels.with_instruction(k)
    cdef Operands m
    cdef double shortest[3]
    cdef int _round
    memory = np.zeros(ROWS * SIZE + 2 * SIZE * SIZE + ROWS * 2 * SIZE + GRU_PAIR_ROWS * SIZE // 2
                      + GRU_LINE_BYTES, np.float32)
    m.a = <float *><size_t>(memory.ctypes.data + -memory.ctypes.data % GRU_LINE_BYTES)
    m.packed = m.a + ROWS * SIZE
    m.c = m.packed + 2 * SIZE * SIZE
    m.scratch = m.c + ROWS * 2 * SIZE
    shortest[0] = shortest[1] = shortest[2] = 1e30
    with nogil:
        for _round in range(ROUNDS):
            shortest[0] = min(shortest[0], _float32_time(k, &m))
            shortest[1] = min(shortest[1], _time(k.bfloat16, &m))
            if instruction != NULL:
                shortest[2] = min(shortest[2], _time(instruction, &m))
    times = {"float32": shortest[0], k.bfloat16.name.decode(): shortest[1]}
    if instruction != NULL:
        times[instruction.name.decode()] = shortest[2]
    return times


cdef _times_of(const gru_kernels *k):
    kind = k.isa, k.int8  # "-plain" has no instruction
    with _lock:
        if kind not in _times:
            _times[kind] = _measured(k)
        return _times[kind]


cdef const gru_bfloat16_products *fastest_products(const gru_kernels *k) except NULL:
    cdef const gru_bfloat16_products *instruction = kernels.with_instruction(k)
    if instruction == NULL:
        return k.bfloat16
    times = _times_of(k)
    if times[instruction.name.decode()] < times[k.bfloat16.name.decode()]:
        return instruction
    return k.bfloat16


def product_times():
    """Measure a product of float32, and of operands rounded to bfloat16, in the cache.

    Returns
    -------
    dict
        The shortest time in microseconds for ``"float32"`` and for each kind of bfloat16 products
        of the instruction set in use: ``"fused multiply-adds"``, and ``"vdpbf16ps"`` where the
        processor has that instruction. Measured once in a process.
    """
    return dict(_times_of(kernels.active()))
