# SPDX-License-Identifier: MIT
"""The functions of gru_ext.capi, called through ctypes as Cython and C code would call them."""

import ctypes

import numpy as np

import gru_ext
from gru_ext import capi

POINTER, INT32, SIZE, DOUBLE = ctypes.c_void_p, ctypes.c_int32, ctypes.c_ssize_t, ctypes.c_double
CONSTANTS = {
    "OK": 0,
    "NULL": -1,
    "WRONG_DTYPE": -2,
    "BAD_SYMBOL": -3,
    "BAD_SIZE": -4,
    "TOO_SMALL": -5,
    "BAD_NUMBER": -6,
    "OUT_OF_ORDER": -7,
    "READ_ONLY": -8,
    "NO_VOCABULARY": -9,
    "BAD_TEXT": -10,
    "NO_TRAINING": -11,
    "NO_ISA": -12,
}
(
    OK,
    NULL,
    WRONG_DTYPE,
    BAD_SYMBOL,
    BAD_SIZE,
    TOO_SMALL,
    BAD_NUMBER,
    OUT_OF_ORDER,
    READ_ONLY,
    NO_VOCABULARY,
    BAD_TEXT,
    NO_TRAINING,
    NO_ISA,
) = CONSTANTS.values()
GUARD = 16
ITEMSIZE = 2
STATE_SIZE, LOGITS_SIZE, FLAT_SIZE, SCRATCH_SIZE = 3, 4, 5, 6
LAYERS, OFFSET_ABOVE, LAYER_SIZE, TIED = 13, 14, 15, 16
UNITS, SEPARATOR_SIZE, BATCH_SIZE, SEQ_LENGTH, POSITION = 17, 18, 19, 20, 21
FOR_TRAINING, FOR_RESETS, FOR_DROPOUT = 1, 2, 4
SAMPLE_SCRATCH_SIZE = 22
OPTIMIZERS = {"adagrad": 0, "rmsprop": 1, "adam": 2, "adamw": 2}


class Settings(ctypes.Structure):
    """gru_settings; what is not given is neutral."""

    _fields_ = (
        ("size", ctypes.c_int64),
        ("optimizer", ctypes.c_int64),
        ("learning_rate", DOUBLE),
        ("beta1", DOUBLE),
        ("beta2", DOUBLE),
        ("clip", DOUBLE),
        ("clip_norm", DOUBLE),
        ("eps", DOUBLE),
        ("weight_decay", DOUBLE),
        ("dropout", DOUBLE),
        ("seed", ctypes.c_uint64),
        ("step", ctypes.c_int64),
    )

    def __init__(self, optimizer="adagrad", **given):
        neutral = {"learning_rate": 0.1, "clip": np.inf, "clip_norm": np.inf, "eps": 1e-8}
        values = {"size": ctypes.sizeof(self), "step": 1} | neutral | given
        super().__init__(optimizer=OPTIMIZERS[optimizer], **values)


class Sampling(ctypes.Structure):
    """gru_sampling; the mask is an array, which must stay alive."""

    _fields_ = (
        ("size", ctypes.c_int64),
        ("temperature", DOUBLE),
        ("top_k", ctypes.c_int64),
        ("top_p", DOUBLE),
        ("min_p", DOUBLE),
        ("typical_p", DOUBLE),
        ("mask", POINTER),
    )

    def __init__(self, mask=None, **given):
        at = None if mask is None else mask.ctypes.data
        super().__init__(**{"size": ctypes.sizeof(self), "temperature": 1.0, "mask": at} | given)


_ARGUMENTS = {
    "step": (POINTER, INT32, POINTER, POINTER, SIZE),
    "logits": (POINTER, POINTER, POINTER, POINTER, SIZE),
    "log_probabilities": (POINTER, POINTER, DOUBLE, POINTER, POINTER, SIZE),
    "cost": (POINTER, POINTER, INT32, POINTER, POINTER, SIZE),
    "draw": (POINTER, POINTER, DOUBLE, DOUBLE, POINTER, POINTER, SIZE),
    "forward": (POINTER, POINTER, POINTER, POINTER, SIZE, POINTER),
    "backward": (POINTER, POINTER, POINTER, POINTER, DOUBLE, POINTER),
    "adagrad": (POINTER, POINTER, POINTER, DOUBLE, DOUBLE, DOUBLE),
    "train_step": (*(POINTER,) * 5, SIZE, DOUBLE, DOUBLE, DOUBLE, POINTER),
    "forward_window": (*(POINTER,) * 6, SIZE, POINTER),
    "update": (*(POINTER,) * 6,),
    "step_batch": (POINTER, SIZE, *(POINTER,) * 4, SIZE),
    "logits_batch": (POINTER, SIZE, POINTER, POINTER),
    "log_probabilities_of": (POINTER, POINTER, DOUBLE, POINTER, POINTER, SIZE),
    "cost_of": (POINTER, POINTER, INT32, POINTER, POINTER, SIZE),
    "draw_of": (POINTER, POINTER, DOUBLE, DOUBLE, POINTER, POINTER, SIZE),
    "read_window": (*(POINTER,) * 4, SIZE),
    "sample": (POINTER, POINTER, POINTER, DOUBLE, POINTER, POINTER, SIZE),
    "train_window": (*(POINTER,) * 8, SIZE, POINTER),
}


def signature(name):
    get = ctypes.pythonapi.PyCapsule_GetName
    get.restype, get.argtypes = ctypes.c_char_p, [ctypes.py_object]
    return get(capi.__pyx_capi__[name]).decode()


def address(name):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = POINTER, [ctypes.py_object, ctypes.c_char_p]
    return get(capi.__pyx_capi__[name], signature(name).encode())


def function(name, result, *arguments, kind=ctypes.CFUNCTYPE):
    return kind(result, *arguments)(address(name))


borrow = function("gru_model_borrow", POINTER, ctypes.py_object, kind=ctypes.PYFUNCTYPE)
open_model = function("gru_model_open", POINTER, ctypes.py_object, kind=ctypes.PYFUNCTYPE)
resume_model = function("gru_model_resume", POINTER, ctypes.py_object, kind=ctypes.PYFUNCTYPE)
object_of = function("gru_model_object", ctypes.py_object, POINTER, kind=ctypes.PYFUNCTYPE)
encode = function(
    "gru_encode", ctypes.c_int, POINTER, ctypes.c_char_p, SIZE, POINTER, SIZE, POINTER
)
decode = function("gru_decode", ctypes.c_int, POINTER, POINTER, SIZE, POINTER, SIZE, POINTER)
mark_resets = function("gru_mark_resets", ctypes.c_int, POINTER, SIZE, SIZE, *(POINTER,) * 3)
characters_of = function("gru_model_characters", POINTER, POINTER)
separator_of = function("gru_model_separator", POINTER, POINTER)
settings_of = function("gru_model_settings", ctypes.c_int, POINTER, POINTER)
train_text = function("gru_train_text", ctypes.c_int, *(POINTER,) * 6, SIZE, POINTER, POINTER)
training_of = function("gru_model_training", POINTER, POINTER, ctypes.c_int)
wrap = {
    4: function("gru_model_wrap_f32", POINTER, POINTER, SIZE, SIZE),
    8: function("gru_model_wrap_f64", POINTER, POINTER, SIZE, SIZE),
}
wrap_layers = {
    4: function("gru_model_wrap_layers_f32", POINTER, POINTER, SIZE, SIZE, SIZE),
    8: function("gru_model_wrap_layers_f64", POINTER, POINTER, SIZE, SIZE, SIZE),
}
flat_size = function("gru_flat_size", SIZE, SIZE, SIZE, SIZE, SIZE)
free = function("gru_model_free", None, POINTER)
get = function("gru_model_get", SIZE, POINTER, ctypes.c_int)
isa_of = function("gru_model_isa", ctypes.c_char_p, POINTER)
use_isa = function("gru_model_use_isa", ctypes.c_int, POINTER, ctypes.c_char_p)
isa_name = function("gru_isa_name", ctypes.c_char_p, ctypes.c_int)
status_name = function("gru_status_name", ctypes.c_char_p, ctypes.c_int)
api_version = function("gru_api_version", ctypes.c_int)
workspace_bytes = function("gru_workspace_bytes", SIZE, POINTER, SIZE, SIZE, ctypes.c_int)
workspace_init = function(
    "gru_workspace_init", ctypes.c_int, POINTER, POINTER, SIZE, SIZE, SIZE, ctypes.c_int
)
workspace_bytes_for = function("gru_workspace_bytes_for", SIZE, POINTER, SIZE, SIZE, ctypes.c_int)
workspace_init_for = function(
    "gru_workspace_init_for", ctypes.c_int, POINTER, POINTER, SIZE, SIZE, SIZE, ctypes.c_int
)
workspace_state = function("gru_workspace_state", POINTER, POINTER, POINTER)

workspace_states = function("gru_workspace_states", POINTER, POINTER, POINTER, SIZE)
workspace_probabilities = function("gru_workspace_probabilities", POINTER, POINTER, POINTER)
workspace_losses = function("gru_workspace_losses", POINTER, POINTER, POINTER)
batch_scratch_size = function("gru_batch_scratch_size", SIZE, POINTER, SIZE)


def at(address, dtype, *shape):
    """The array of this shape at an address, or None for NULL."""
    if address is None:
        return None
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(address), dtype).reshape(shape)


def call(name, dtype, *arguments):
    """Call gru_NAME_f32 or gru_NAME_f64; arrays and structs are passed as their addresses."""
    bits = 8 * np.dtype(dtype).itemsize
    passed = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments]
    passed = [ctypes.addressof(a) if isinstance(a, ctypes.Structure) else a for a in passed]
    return function(f"gru_{name}_f{bits}", ctypes.c_int, *_ARGUMENTS[name])(*passed)


def model_of(parameters, tied):
    vocabulary = gru_ext.Vocabulary("abcdefghijk"[: parameters.vocabulary_size])
    return gru_ext.Model(vocabulary, parameters, {"options": {"tied": tied}})


class Stream:
    """A handle, and the state and scratch memory of one stream, between guard elements.

    A handle that is given is freed with the stream.
    """

    def __init__(self, parameters=None, handle=None):
        self.parameters = parameters
        self.model = borrow(parameters) if handle is None else handle
        self.dtype = np.dtype(f"f{get(self.model, ITEMSIZE)}")
        sizes = [get(self.model, what) for what in (STATE_SIZE, SCRATCH_SIZE)]
        self.buffers = [np.full(size + 2 * GUARD, 7, self.dtype) for size in sizes]
        self.state, self.scratch = (buffer[GUARD:-GUARD] for buffer in self.buffers)
        self.state[:], self.scratch[:] = 0, np.nan

    def call(self, name, *arguments):
        return call(name, self.dtype, self.model, *arguments, self.scratch, self.scratch.size)

    def guarded(self):
        guards = [end for buffer in self.buffers for end in (buffer[:GUARD], buffer[-GUARD:])]
        return all((guard == 7).all() for guard in guards)

    def step(self, symbol):
        return self.call("step", symbol, self.state)

    def cost(self, symbol):
        bits = np.zeros(1)
        assert self.call("cost", self.state, symbol, bits) == OK
        return bits[0]

    def __del__(self):
        free(self.model)


class Windows:
    """A handle and a workspace, in memory between guard bytes.

    A handle that is given is freed with them.
    """

    def __init__(self, model, B, T, training=True, shift=8, what=None, of=None):
        self.parameters = getattr(model, "parameters", model)
        self.dtype = self.parameters.flat.dtype
        self.model = borrow(model) if of is None else of
        size, init, what = (
            (workspace_bytes, workspace_init, training)
            if what is None
            else (workspace_bytes_for, workspace_init_for, what)
        )
        self.bytes = size(self.model, B, T, what)
        self.memory = np.full(self.bytes + 128, 7, np.uint8)
        self.at = self.memory[shift:].ctypes.data
        assert init(self.model, self.at, self.bytes, B, T, what) == OK
        self.B, self.shift = B, shift

    @property
    def state(self):
        """The hidden states, shape (B, Hp), or (layers, B, Hp) for several layers."""
        size, layers = get(self.model, STATE_SIZE), get(self.model, LAYERS)
        start = workspace_state(self.model, self.at)
        states = at(start, self.dtype, layers, self.B, size // layers)
        return states[0] if layers == 1 else states

    def guarded(self):
        ends = self.memory[: self.shift], self.memory[self.shift + self.bytes :]
        return all((end == 7).all() for end in ends)

    def call(self, name, *arguments):
        return call(name, self.dtype, self.model, self.at, *arguments)

    def __del__(self):
        free(self.model)
