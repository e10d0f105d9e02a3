# SPDX-License-Identifier: MIT
"""Handles: made, asked and freed (declarations: handle.pxd)."""
from cpython.ref cimport PyObject, Py_XDECREF, Py_XINCREF
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from gru_ext.c_interface.sampling cimport sample_scratch_size_of
from gru_ext.capi cimport (
    GRU_BAD_NUMBER,
    GRU_BAD_SIZE,
    GRU_BATCH_SIZE,
    GRU_FLAT_SIZE,
    GRU_HIDDEN,
    GRU_HIDDEN_SIZE,
    GRU_ITEMSIZE,
    GRU_LAYER_SIZE,
    GRU_LAYERS,
    GRU_LOGITS_SIZE,
    GRU_MEAN,
    GRU_MEMORY,
    GRU_NO_ISA,
    GRU_NO_TRAINING,
    GRU_NULL,
    GRU_OK,
    GRU_OFFSET_ABOVE,
    GRU_OFFSET_B,
    GRU_OFFSET_BY,
    GRU_OFFSET_UH,
    GRU_OFFSET_UZR,
    GRU_OFFSET_W,
    GRU_OFFSET_WY,
    GRU_POSITION,
    GRU_SAMPLE_SCRATCH_SIZE,
    GRU_SCRATCH_SIZE,
    GRU_SEPARATOR_SIZE,
    GRU_SEQ_LENGTH,
    GRU_STATE_SIZE,
    GRU_TIED,
    GRU_UNITS,
    GRU_UNITS_BYTES,
    GRU_UNITS_CHARS,
    GRU_VOCABULARY_SIZE,
    gru_model,
    gru_settings,
)
from gru_ext.core cimport kernels
from gru_ext.core.layout cimport LARGEST_SIZE, MOST_LAYERS, layout_of
from gru_ext.core.native cimport gru_kernels

cdef extern from "Python.h":
    int Py_IsInitialized() nogil

cdef enum:
    NUMBERS = 23    # of gru_model_get


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


cdef void *_at(array):
    return <void *><size_t>array.ctypes.data


cdef gru_model *own_model(model, weights) except NULL:
    # A handle of a model's weights (_capi_handle.Weights), which it keeps alive.
    flat, tables = weights.flat, weights.tables
    cdef gru_model *handle = wrap_model(_at(flat), weights.V, weights.H, weights.layers,
                                        flat.itemsize)
    cdef Handle *m = <Handle *>handle
    if handle is NULL:
        raise MemoryError()
    owner = (model, flat, tables)
    m.writable, m.tied = flat.flags.writeable, weights.tied
    if tables is not None:
        m.units = GRU_UNITS_BYTES if model.vocabulary.units == "bytes" else GRU_UNITS_CHARS
        m.points, m.codes = <const uint32_t *>_at(tables.points), <int32_t *>_at(tables.codes)
        m.n_codes, m.separator_size = len(tables.codes), len(tables.separator)
        m.separator = <const int32_t *>_at(tables.separator) if m.separator_size else NULL
    m.owner = <PyObject *>owner
    Py_XINCREF(m.owner)
    return handle


cdef int own_training(gru_model *model, state) except -1:
    # Add a training state to a handle of own_model, which is freed if there is no memory.
    cdef Handle *m = <Handle *>model
    cdef gru_settings *s = <gru_settings *>calloc(1, sizeof(gru_settings))
    if s is NULL:
        free_model(model)
        raise MemoryError()
    s.size, s.optimizer = sizeof(gru_settings), state.optimizer
    s.seed, s.step = state.seed, state.step
    (s.learning_rate, s.beta1, s.beta2, s.clip, s.clip_norm, s.eps, s.weight_decay,
     s.dropout) = state.numbers
    m.settings, m.memory, m.hidden = s, _at(state.memory), _at(state.hidden)
    m.mean = NULL if state.mean is None else _at(state.mean)
    m.B, m.T, m.position = state.hidden.shape[1], state.seq_length, state.position
    owner = (*<object>m.owner, state)
    Py_XDECREF(m.owner)
    m.owner = <PyObject *>owner
    Py_XINCREF(m.owner)
    return 0


cdef object object_of(const gru_model *model):
    # The gru_ext.Model or Parameters of a handle.
    if model is NULL or handle_of(model).owner is NULL:
        raise ValueError("a wrapped buffer has no Python object")
    return (<object>handle_of(model).owner)[0]


cdef void free_model(gru_model *model) noexcept nogil:
    cdef Handle *m = <Handle *>model
    if m is NULL:
        return
    if m.owner is not NULL and Py_IsInitialized():
        with gil:
            Py_XDECREF(m.owner)
    free(m.settings)
    free(m)


cdef int use_isa(gru_model *model, const char *name) noexcept nogil:
    # The kernels of all later calls with this handle, and of workspaces that it prepares later.
    cdef const gru_kernels *k
    if model is NULL:
        return GRU_NULL
    k = kernels.named(name)
    if k is NULL:
        return GRU_NO_ISA
    (<Handle *>model).w.k = k
    return GRU_OK


cdef const char *isa_name(int i) noexcept nogil:
    return kernels.isa_name(i)


cdef Py_ssize_t get_number(const gru_model *model, int what) noexcept nogil:
    cdef const Handle *m = handle_of(model)
    cdef Py_ssize_t values[NUMBERS]
    if m is NULL:
        return GRU_NULL
    values[GRU_VOCABULARY_SIZE], values[GRU_HIDDEN_SIZE] = m.w.p.V, m.w.p.H
    values[GRU_LAYERS], values[GRU_ITEMSIZE], values[GRU_TIED] = m.w.p.layers, m.itemsize, m.tied
    values[GRU_STATE_SIZE], values[GRU_LOGITS_SIZE] = m.w.p.layers * m.w.p.Hp, m.w.p.Vp
    values[GRU_FLAT_SIZE], values[GRU_SCRATCH_SIZE] = m.w.p.size, scratch_size_of(m)
    values[GRU_SAMPLE_SCRATCH_SIZE] = sample_scratch_size_of(m)
    values[GRU_OFFSET_W], values[GRU_OFFSET_B] = m.w.p.w, m.w.p.b
    values[GRU_OFFSET_UZR], values[GRU_OFFSET_UH] = m.w.p.uzr, m.w.p.uh
    values[GRU_OFFSET_WY], values[GRU_OFFSET_BY] = m.w.p.wy, m.w.p.by
    values[GRU_UNITS], values[GRU_SEPARATOR_SIZE] = m.units, m.separator_size
    values[GRU_BATCH_SIZE], values[GRU_SEQ_LENGTH], values[GRU_POSITION] = m.B, m.T, m.position
    values[GRU_OFFSET_ABOVE], values[GRU_LAYER_SIZE] = m.w.p.above, m.w.p.layer_size
    return values[what] if 0 <= what < NUMBERS else GRU_BAD_NUMBER


cdef int settings_of(const gru_model *model, gru_settings *settings) noexcept nogil:
    cdef const Handle *m = handle_of(model)
    if model is NULL or settings is NULL:
        return GRU_NULL
    if m.settings is NULL:
        return GRU_NO_TRAINING
    if not FIRST_SETTINGS_SIZE <= settings.size <= m.settings.size:
        return GRU_BAD_SIZE
    # all but the size
    memcpy(<char *>settings + sizeof(int64_t), <const char *>m.settings + sizeof(int64_t),
           settings.size - sizeof(int64_t))
    return GRU_OK


cdef void *training_array(const gru_model *model, int what) noexcept nogil:
    cdef const Handle *m = handle_of(model)
    if model is NULL:
        return NULL
    if what == GRU_MEMORY:
        return m.memory
    if what == GRU_MEAN:
        return m.mean
    return m.hidden if what == GRU_HIDDEN else NULL
