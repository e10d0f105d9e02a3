# SPDX-License-Identifier: MIT
"""The struct that a ``gru_model *`` of capi.pxd points to, and what is read from it."""
from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, uint32_t

from gru_ext.capi cimport gru_model, gru_settings
from gru_ext.core.bptt cimport Window
from gru_ext.core.native cimport real

cdef enum:
    FIRST_SETTINGS_SIZE = 96    # of gru_settings in the first version of the interface


cdef struct Handle:
    Window w              # of one stream and time step, for one_stream.pyx
    Py_ssize_t itemsize
    void *flat            # the flat parameter buffer
    bint writable
    bint tied             # Wy = Wh^T, which updates preserve
    PyObject *owner       # (model, arrays ..), a strong reference; NULL: the caller keeps all
    # The vocabulary; units 0: none
    int units             # GRU_UNITS_CHARS or GRU_UNITS_BYTES
    const uint32_t *points    # (V): code point or byte
    const int32_t *codes      # (n_codes): symbol of a code; the last is that of all larger codes
    Py_ssize_t n_codes
    const int32_t *separator  # (separator_size)
    Py_ssize_t separator_size
    # The training state
    gru_settings *settings    # of the handle's own; NULL: there is no training state
    void *memory          # (size)
    void *mean            # (size) or NULL
    void *hidden          # (layers, B, Hp)
    Py_ssize_t B, T, position


cdef inline const Handle *handle_of(const gru_model *model) noexcept nogil:
    return <const Handle *>model


cdef inline real *flat_of(const gru_model *model, real *unused) noexcept nogil:
    return <real *>handle_of(model).flat


cdef inline Py_ssize_t scratch_size_of(const Handle *m) noexcept nogil:
    # z, r, h_hat; r * h'; W x of the layers above the first; two rows of logits
    return (7 if m.w.p.layers > 1 else 4) * m.w.p.Hp + 2 * m.w.p.Vp


cdef inline bint is_symbol(const gru_model *model, int32_t symbol) noexcept nogil:
    return 0 <= symbol < handle_of(model).w.p.V


cdef inline const char *isa_of(const gru_model *model) noexcept nogil:
    if model is NULL:
        return NULL
    return handle_of(model).w.k.isa


cdef inline const uint32_t *characters_of(const gru_model *model) noexcept nogil:
    if model is NULL:
        return NULL
    return handle_of(model).points


cdef inline const int32_t *separator_of(const gru_model *model) noexcept nogil:
    if model is NULL:
        return NULL
    return handle_of(model).separator


cdef Py_ssize_t flat_size(Py_ssize_t V, Py_ssize_t H, Py_ssize_t layers,
                          Py_ssize_t itemsize) noexcept nogil
cdef gru_model *wrap_model(void *flat, Py_ssize_t V, Py_ssize_t H, Py_ssize_t layers,
                           Py_ssize_t itemsize) noexcept nogil
cdef gru_model *own_model(model, weights) except NULL
cdef int own_training(gru_model *model, state) except -1
cdef object object_of(const gru_model *model)
cdef void free_model(gru_model *model) noexcept nogil
cdef int use_isa(gru_model *model, const char *name) noexcept nogil
cdef const char *isa_name(int i) noexcept nogil
cdef Py_ssize_t get_number(const gru_model *model, int what) noexcept nogil
cdef int settings_of(const gru_model *model, gru_settings *settings) noexcept nogil
cdef void *training_array(const gru_model *model, int what) noexcept nogil
