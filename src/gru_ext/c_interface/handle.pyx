# SPDX-License-Identifier: MIT
"""Handles: made, asked and freed (declarations: handle.pxd)."""
from cpython.ref cimport Py_XDECREF
from libc.stdlib cimport calloc, free

from gru_ext.capi cimport (
    GRU_BAD_NUMBER,
    GRU_BAD_SIZE,
    GRU_FLAT_SIZE,
    GRU_HIDDEN_SIZE,
    GRU_ITEMSIZE,
    GRU_LAYER_SIZE,
    GRU_LAYERS,
    GRU_LOGITS_SIZE,
    GRU_NULL,
    GRU_OFFSET_ABOVE,
    GRU_OFFSET_B,
    GRU_OFFSET_BY,
    GRU_OFFSET_UH,
    GRU_OFFSET_UZR,
    GRU_OFFSET_W,
    GRU_OFFSET_WY,
    GRU_SCRATCH_SIZE,
    GRU_STATE_SIZE,
    GRU_TIED,
    GRU_VOCABULARY_SIZE,
)
from gru_ext.core cimport kernels
from gru_ext.core.layout cimport LARGEST_SIZE, MOST_LAYERS, layout_of

cdef extern from "Python.h":
    int Py_IsInitialized() nogil

cdef enum:
    NUMBERS = 17    # of gru_model_get


cdef Py_ssize_t flat_size(Py_ssize_t V, Py_ssize_t H, Py_ssize_t layers,
                          Py_ssize_t itemsize) noexcept nogil:
    if not (1 <= V <= LARGEST_SIZE and 1 <= H <= LARGEST_SIZE and 1 <= layers <= MOST_LAYERS
            and (itemsize == sizeof(float) or itemsize == sizeof(double))):
        return GRU_BAD_SIZE
    return layout_of(V, H, itemsize, layers).size


cdef gru_model *wrap_model(void *flat, Py_ssize_t V, Py_ssize_t H, Py_ssize_t layers,
                           Py_ssize_t itemsize) noexcept nogil:
    cdef Handle *handle
    if flat is NULL or flat_size(V, H, layers, itemsize) < 0:
        return NULL
    handle = <Handle *>calloc(1, sizeof(Handle))
    if handle is not NULL:
        handle.w.k = kernels.active()
        handle.w.B = handle.w.T = handle.w.T_max = handle.w.parts_max = 1
        handle.w.p = layout_of(V, H, itemsize, layers)
        handle.itemsize = itemsize
        handle.flat = flat
        handle.writable = True
    return <gru_model *>handle


cdef void free_model(gru_model *model) noexcept nogil:
    cdef Handle *m = <Handle *>model
    if m is NULL:
        return
    if m.owner is not NULL and Py_IsInitialized():
        with gil:
            Py_XDECREF(m.owner)
    free(m)


cdef Py_ssize_t get_number(const gru_model *model, int what) noexcept nogil:
    cdef const Handle *m = handle_of(model)
    cdef Py_ssize_t values[NUMBERS]
    if m is NULL:
        return GRU_NULL
    values[GRU_VOCABULARY_SIZE], values[GRU_HIDDEN_SIZE] = m.w.p.V, m.w.p.H
    values[GRU_LAYERS], values[GRU_ITEMSIZE], values[GRU_TIED] = m.w.p.layers, m.itemsize, m.tied
    values[GRU_STATE_SIZE], values[GRU_LOGITS_SIZE] = m.w.p.layers * m.w.p.Hp, m.w.p.Vp
    values[GRU_FLAT_SIZE], values[GRU_SCRATCH_SIZE] = m.w.p.size, scratch_size_of(m)
    values[GRU_OFFSET_W], values[GRU_OFFSET_B] = m.w.p.w, m.w.p.b
    values[GRU_OFFSET_UZR], values[GRU_OFFSET_UH] = m.w.p.uzr, m.w.p.uh
    values[GRU_OFFSET_WY], values[GRU_OFFSET_BY] = m.w.p.wy, m.w.p.by
    values[GRU_OFFSET_ABOVE], values[GRU_LAYER_SIZE] = m.w.p.above, m.w.p.layer_size
    return values[what] if 0 <= what < NUMBERS else GRU_BAD_NUMBER
