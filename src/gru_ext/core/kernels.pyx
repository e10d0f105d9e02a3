# SPDX-License-Identifier: MIT
"""The instruction set in use, the parameter layout, argument checks, and kernels on arrays."""
import os
import warnings

import numpy as np

from gru_ext.core.arrays import REAL, WRITABLE, Array, checks_arrays

from libc.float cimport DBL_MAX, DBL_MIN, FLT_MAX, FLT_MIN

from gru_ext.core.layout cimport BFLOAT16, FULL, INT8, LARGEST_SIZE, MOST_INT8, layout_with
from gru_ext.core.layout cimport MOST_LAYERS as _MOST_LAYERS
from gru_ext.core.native cimport (
    gru_bfloat16_instruction,
    gru_bfloat16_products,
    gru_clip,
    gru_compiler,
    gru_dropout,
    gru_dropout_key,
    gru_kernels,
    gru_kernels_available,
    gru_kernels_not_built,
    gru_kernels_select,
    GRU_ADAM,
    GRU_RMSPROP,
    gru_apply,
    gru_update,
    gru_vexp,
    gru_vlog,
    gru_vsigmoid,
    gru_vtanh,
    real,
)
from gru_ext.core.updates cimport UpdateRule, make_adagrad_update, make_update

cdef const gru_kernels *_active = NULL

MOST_LAYERS = _MOST_LAYERS


cdef const gru_kernels *active() noexcept nogil:
    return _active


cdef const gru_kernels *named(const char *name) noexcept nogil:
    # The kernels of an instruction set, by default the best one; NULL if it is not available.
    return gru_kernels_select(name)


cdef const gru_bfloat16_products *with_instruction(const gru_kernels *k) noexcept nogil:
    # The products in bfloat16 by the processor's instruction for them; NULL: there is none.
    return gru_bfloat16_instruction(k)


cdef const char *isa_name(int i) noexcept nogil:
    # The available instruction sets, slowest first; NULL after the last.
    return gru_kernels_available(i)


def use_isa(name=None):
    """Choose the instruction set of the kernels.

    Parameters
    ----------
    name : str, optional
        One of :func:`available_isas`; by default the best one available. With ``-plain`` after it
        products of int8 do without VNNI, to the same bits.

    Raises
    ------
    ValueError
        If this machine or this build does not have it.
    """
    global _active
    cdef const gru_kernels *chosen
    if name is None:
        chosen = gru_kernels_select(NULL)
    else:
        encoded = str(name).encode()
        chosen = gru_kernels_select(encoded)
        if chosen is NULL:
            raise ValueError(f"instruction set {name!r} is not available here: "
                             f"choose one of {', '.join(available_isas())}")
    _active = chosen


def available_isas():
    """Return the available instruction sets as a list of str, slowest first."""
    names = []
    while gru_kernels_available(len(names)) is not NULL:
        names.append(gru_kernels_available(len(names)).decode())
    return names


def not_built():
    """Return the instruction sets of this platform that this build lacks, as a list of str.

    The list is empty for GCC and Clang; other compilers have no vector extensions.
    """
    return gru_kernels_not_built().decode().split()


def active_isa():
    """Return the instruction set in use, as a str."""
    return _active.isa.decode()


def compiler():
    """Return the C compiler that built the kernels, as a str."""
    return gru_compiler().decode()


_WEIGHTS = {None: FULL, "bfloat16": BFLOAT16, "int8": INT8}


def layout(vocabulary_size, hidden_size, itemsize, layers=1, weights=None):
    """Return offsets, padded sizes and total size of the flat parameter buffer, in elements.

    Parameters
    ----------
    vocabulary_size, hidden_size : int
        V and H, from 1 to 2**24.
    itemsize : int
        4 for float32, 8 for float64.
    layers : int
        The number of layers, from 1 to 16.
    weights : {"bfloat16", "int8"}, optional
        How the matrices whose columns are hidden units are stored, if not in elements. With int8
        the hidden size is at most 2**16.

    Returns
    -------
    dict
        The sizes ``V H Vp Hp layers``; the offsets ``w b uzr uh wy by``; ``above``, the offset of
        the second layer; ``layer_size``, the size of each layer above the first; the total
        ``size``; and ``weights``, a number for how they are stored.
    """
    for what, size in (("vocabulary size", vocabulary_size), ("hidden size", hidden_size)):
        if not 1 <= size <= LARGEST_SIZE:
            raise ValueError(f"{what} must be from 1 to {LARGEST_SIZE}, not {size}")
    if itemsize not in (4, 8):
        raise ValueError(f"itemsize must be 4 or 8, not {itemsize}")
    if not 1 <= layers <= MOST_LAYERS:
        raise ValueError(f"layers must be from 1 to {MOST_LAYERS}, not {layers}")
    if weights == "int8" and hidden_size > MOST_INT8:
        raise ValueError(f"hidden size must be at most {MOST_INT8} with int8, not {hidden_size}")
    return layout_with(vocabulary_size, hidden_size, itemsize, layers, _WEIGHTS[weights])


@checks_arrays(gradients=WRITABLE)
def clip(real[::1] gradients, double limit):
    """Clip the gradients by value to [-limit, limit], in place."""
    check_clip(limit)
    if gradients.shape[0] > 0:
        with nogil:
            gru_clip(_active, &gradients[0], limit, gradients.shape[0])


def check_eps(eps, itemsize):
    """Raise a ValueError unless eps is a positive normal number of the dtype of that itemsize."""
    cdef double smallest = FLT_MIN if itemsize == 4 else DBL_MIN
    cdef double largest = FLT_MAX if itemsize == 4 else DBL_MAX
    if not smallest <= eps <= largest:
        raise ValueError(f"eps must be a positive number from {smallest:.3g} on, not {eps}")


def check_beta(what, beta):
    """Raise a ValueError unless the decay rate of a moment is from 0 to below 1."""
    if not 0 <= beta < 1:
        raise ValueError(f"{what} must be from 0 to below 1, not {beta}")


def check_weight_decay(weight_decay, learning_rate):
    """Raise a ValueError if the weight decay is negative or a step would change a weight's sign."""
    if weight_decay != 0 and not (weight_decay > 0 and weight_decay * learning_rate <= 1):
        raise ValueError(f"weight decay must be from 0 to 1 / learning rate, not {weight_decay}")


def check_clip(clip):
    """Raise a ValueError unless the limit of clipping by value is a positive number or infinity."""
    if not clip > 0:
        raise ValueError(f"`clip` must be a positive number, not {clip}")


def check_learning_rate(learning_rate, itemsize):
    """Raise a ValueError unless the learning rate is a positive number of the dtype."""
    if not 0 < learning_rate <= (FLT_MAX if itemsize == 4 else DBL_MAX):
        raise ValueError(f"`learning_rate` must be a positive finite number, not {learning_rate}")


def check_dropout(dropout, what="dropout"):
    """Raise a ValueError unless the dropout probability is from 0 to below 1."""
    if not 0 <= dropout < 1:
        raise ValueError(f"{what} must be from 0 to below 1, not {dropout}")


@checks_arrays(x=Array(2), out=Array(2, writable=True))
def dropout(const real[:, ::1] x, real[:, ::1] out, double dropout, seed, update, row=0):
    """Apply dropout: out = x with random elements set to zero, the others divided by 1 - dropout.

    The random numbers are a function of seed, update, row and column
    (docs/explanation/equations.md). Training applies it to the outputs of layer l (from 0), time
    step t and stream s with the row number
    ``(l * T + t) * B + s``.

    Parameters
    ----------
    x, out : ndarray, shape (R, N), one dtype, contiguous
        Input and output; they may be the same array.
    dropout : float
        The probability that an element is set to zero, from 0 to below 1.
    seed, update, row : int
        The seed of the run, the number of the update (from 1), the number of the first row.
    """
    if (x.shape[0], x.shape[1]) != (out.shape[0], out.shape[1]):
        raise ValueError(f"x and out must have the same shape, not {np.shape(x)} and "
                         f"{np.shape(out)}")
    check_dropout(dropout)
    if x.shape[0] and x.shape[1]:
        gru_dropout(_active, &out[0, 0], &x[0, 0], gru_dropout_key(seed, update), row, 0,
                    x.shape[0], x.shape[1], x.shape[1], dropout, False)


@checks_arrays(parameters=WRITABLE, memory=WRITABLE, gradients=REAL)
def adagrad_update(real[::1] parameters, real[::1] memory, const real[::1] gradients,
                   double learning_rate, double clip=5.0, double eps=1e-8):
    """Do one Adagrad step on flat buffers, in place (Duchi, Hazan and Singer, 2011).

    ``g = min(max(gradients, -clip), clip)``, ``memory += g**2``,
    ``parameters -= learning_rate * g / sqrt(memory + eps)``. eps is inside the root.

    Parameters
    ----------
    parameters, memory, gradients : ndarray, shape (n,), one dtype, contiguous
        The parameters, the optimiser state (the sum of squared gradients) and the gradients.
    learning_rate, clip, eps : float
        The settings; the learning rate is positive and finite, clip clips the gradients by value.
    """
    _check_update(parameters.shape[0], memory.shape[0], gradients.shape[0], clip)
    check_learning_rate(learning_rate, sizeof(real))
    check_eps(eps, sizeof(real))
    cdef gru_update update
    if gradients.shape[0] > 0:
        update = make_adagrad_update(&parameters[0], &memory[0], learning_rate, clip, eps)
        _apply(gradients, &update)


@checks_arrays(parameters=WRITABLE, memory=WRITABLE, gradients=REAL)
def rmsprop_update(real[::1] parameters, real[::1] memory, const real[::1] gradients,
                   double learning_rate, double beta2=0.95, double clip=5.0, double eps=1e-8):
    """Do one RMSprop step on flat buffers, in place (Tieleman and Hinton, 2012).

    ``g = min(max(gradients, -clip), clip)``, ``memory = beta2 * memory + (1 - beta2) * g**2``,
    ``parameters -= learning_rate * g / (sqrt(memory) + eps)``. eps is outside the root.

    Parameters
    ----------
    parameters, memory, gradients : ndarray, shape (n,), one dtype, contiguous
        The parameters, the optimiser state (the second moment) and the gradients.
    learning_rate, beta2, clip, eps : float
        The settings; clip clips the gradients by value.
    """
    _check_update(parameters.shape[0], memory.shape[0], gradients.shape[0], clip)
    check_learning_rate(learning_rate, sizeof(real))
    check_eps(eps, sizeof(real))
    check_beta("beta2", beta2)
    cdef UpdateRule rule = UpdateRule(GRU_RMSPROP, 0, beta2, clip, eps, 0)
    cdef gru_update update
    if gradients.shape[0] > 0:
        update = make_update(&rule, &parameters[0], &memory[0], NULL, learning_rate, 1)
        _apply(gradients, &update)


@checks_arrays(parameters=WRITABLE, memory=WRITABLE, mean=WRITABLE, gradients=REAL)
def adam_update(real[::1] parameters, real[::1] memory, real[::1] mean,
                const real[::1] gradients, step, double learning_rate, double beta1=0.9,
                double beta2=0.999, double weight_decay=0.0, double clip=5.0, double eps=1e-8):
    """Do one Adam or AdamW step on flat buffers, in place.

    With ``g = min(max(gradients, -clip), clip)`` and t the number of the step (Kingma and Ba, 2015;
    weight decay after Loshchilov and Hutter, 2019)::

        mean = beta1 * mean + (1 - beta1) * g
        memory = beta2 * memory + (1 - beta2) * g**2
        parameters = (1 - learning_rate * weight_decay) * parameters - learning_rate
                     * mean / (1 - beta1**t) / (sqrt(memory / (1 - beta2**t)) + eps)

    Parameters
    ----------
    parameters, memory, mean, gradients : ndarray, shape (n,), one dtype, contiguous
        The parameters, the second and first moment, and the gradients.
    step : int
        The number of the step, t, from 1.
    learning_rate, beta1, beta2, weight_decay, clip, eps : float
        The settings; with a weight decay other than 0 this is AdamW.
    """
    _check_update(parameters.shape[0], memory.shape[0], gradients.shape[0], clip)
    if mean.shape[0] != memory.shape[0]:
        raise ValueError(f"mean must be as long as memory, {memory.shape[0]}, "
                         f"not {mean.shape[0]}")
    check_learning_rate(learning_rate, sizeof(real))
    check_eps(eps, sizeof(real))
    check_beta("beta1", beta1)
    check_beta("beta2", beta2)
    check_weight_decay(weight_decay, learning_rate)
    if not 1 <= step <= 1 << 53:
        raise ValueError(f"step must be 1 or more, not {step}")
    cdef UpdateRule rule = UpdateRule(GRU_ADAM, beta1, beta2, clip, eps, weight_decay)
    cdef gru_update update
    if gradients.shape[0] > 0:
        update = make_update(&rule, &parameters[0], &memory[0], &mean[0], learning_rate, step)
        _apply(gradients, &update)


cdef int _check_update(Py_ssize_t parameters, Py_ssize_t memory, Py_ssize_t gradients,
                       double clip) except -1:
    if not parameters == memory == gradients:
        raise ValueError(f"parameters, memory and gradients must be of the same length, not "
                         f"{parameters}, {memory} and {gradients}")
    check_clip(clip)
    return 0


cdef void _apply(const real[::1] gradients, const gru_update *update) noexcept:
    with nogil:
        gru_apply(_active, <real *>&gradients[0], update, gradients.shape[0])


cdef int _check_lengths(Py_ssize_t out, Py_ssize_t x) except -1:
    if out != x:
        raise ValueError(f"out has {out} elements, x has {x}: they must be the same")
    return 0


@checks_arrays(x=REAL, out=WRITABLE)
def exp(const real[::1] x, real[::1] out):
    """Compute out = exp(x) element-wise; the largest finite number instead of infinity."""
    if _check_lengths(out.shape[0], x.shape[0]) == 0 and x.shape[0]:
        gru_vexp(_active, &out[0], &x[0], x.shape[0])


@checks_arrays(x=REAL, out=WRITABLE)
def sigmoid(const real[::1] x, real[::1] out):
    """Compute out = 1 / (1 + exp(-x)) element-wise."""
    if _check_lengths(out.shape[0], x.shape[0]) == 0 and x.shape[0]:
        gru_vsigmoid(_active, &out[0], &x[0], x.shape[0])


@checks_arrays(x=REAL, out=WRITABLE)
def tanh(const real[::1] x, real[::1] out):
    """Compute out = tanh(x) element-wise."""
    if _check_lengths(out.shape[0], x.shape[0]) == 0 and x.shape[0]:
        gru_vtanh(_active, &out[0], &x[0], x.shape[0])


@checks_arrays(x=REAL, out=WRITABLE)
def log(const real[::1] x, real[::1] out):
    """Compute out = log(x) element-wise, for positive normal x."""
    if _check_lengths(out.shape[0], x.shape[0]) == 0 and x.shape[0]:
        gru_vlog(_active, &out[0], &x[0], x.shape[0])


use_isa(os.environ.get("GRU_EXT_ISA") or None)
if not_built():
    warnings.warn(f"this build of gru_ext, by {compiler()}, has no kernels for "
                  f"{' and '.join(not_built())} and is several times slower: install a prebuilt "
                  "wheel, or build with GCC or Clang (clang-cl on Windows)",
                  RuntimeWarning, stacklevel=2)
