# SPDX-License-Identifier: MIT
"""Workspaces, and the forward and backward pass of one window.

The functions here check all their arguments. The C-level functions that they call check nothing.
"""
import threading

import numpy as np

from gru_ext.core.arrays import REAL, WRITABLE, checks_arrays
from gru_ext.core.kernels import check_dropout, layout
from gru_ext.core.matmul import one_blas_thread

from libc.math cimport isfinite
from libc.stdint cimport int32_t, uint64_t

from gru_ext.core cimport kernels, matmul
from gru_ext.core.bfloat16 cimport fastest_products
from gru_ext.core.bptt cimport (
    Window,
    backward_pass,
    forward_pass,
)
from gru_ext.core.gradients cimport weight_gradients
from gru_ext.core.layout cimport INT8, LARGEST_SIZE, MOST_ROWS, MOST_STREAMS, layout_with
from gru_ext.core.native cimport (
    GRU_INT8_ROWS,
    GRU_LINE_BYTES,
    gru_dropout_key,
    gru_flush_subnormals,
    gru_restore_float_state,
    real,
)
from gru_ext.core.products cimport buffer_offsets


def aligned_zeros(n, dtype):
    """Return a one-dimensional array of n zeros that is aligned to a cache line."""
    dtype = np.dtype(dtype)
    raw = np.zeros(n * dtype.itemsize + GRU_LINE_BYTES, np.uint8)
    start = -raw.ctypes.data % GRU_LINE_BYTES
    return raw[start:start + n * dtype.itemsize].view(dtype)


def check_count(what, n, least, most):
    """Return n if it is from least to most; otherwise raise a ValueError that names it."""
    if not least <= n <= most:
        raise ValueError(f"{what} must be from {least} to {most}, not {n}")
    return n


cdef class Workspace:
    """The activations of a window of up to T time steps and batch size B, and the hidden state.

    A batch has B streams: sequences whose hidden state is carried from one window to the next.

    Parameters
    ----------
    vocabulary_size, hidden_size : int
        V and H.
    batch_size : int
        The number of streams, B.
    seq_length : int
        The largest number of time steps of a window, T.
    dtype : dtype
        float32 or float64.
    training : bool
        Whether to allocate memory for the backward pass.
    threads : int
        The largest number of threads that will work on a window.
    resetting : bool
        Whether to allocate memory for hidden states that are reset within a window.
    layers : int
        The number of layers.
    dropping : bool
        Whether to allocate memory for dropout.
    weights : {"bfloat16", "int8"}, optional
        How the weights are stored that are read, if not in the dtype: float32, and not in training.
    products : {"bfloat16"}, optional
        Round the factors of all matrix products of training to bfloat16. The sums are float32, as
        all else, and so is the dtype.
    """

    def __cinit__(self, vocabulary_size, hidden_size, batch_size, seq_length, dtype=np.float32,
                  training=True, threads=1, resetting=False, layers=1, dropping=False,
                  weights=None, products=None):
        dtype = np.dtype(dtype)
        if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise TypeError(f"dtype must be float32 or float64, not {dtype}")
        if weights is not None and (training or dtype != np.float32):
            raise ValueError(f"`weights` of {weights} are for reading in float32")
        if products not in (None, "bfloat16"):
            raise ValueError(f"`products` must be 'bfloat16' or None, not {products!r}")
        if products is not None and (not training or dtype != np.float32):
            raise ValueError("`products` in bfloat16 are for training in float32")
        if products is not None and matmul.active() != NULL:
            raise ValueError("`products` in bfloat16 need matmul 'native', not 'blas'")
        stored = layout(vocabulary_size, hidden_size, dtype.itemsize, layers, weights)
        cdef Window *w = &self.window
        w.k = kernels.active()
        w.blas = matmul.active()
        if products is not None:
            w.pairs = fastest_products(w.k)
        w.B = check_count("batch size", batch_size, 1, MOST_STREAMS)
        w.T = w.T_max = check_count("sequence length", seq_length, 1, LARGEST_SIZE)
        w.parts_max = check_count("threads", threads, 1, 1 << 12)
        check_count("batch size times sequence length", w.B * w.T, 1, MOST_ROWS)
        w.training = bool(training)
        w.resetting = bool(resetting)
        w.dropping = bool(dropping)
        w.p = layout_with(vocabulary_size, hidden_size, dtype.itemsize, layers, stored["weights"])
        self.itemsize = dtype.itemsize
        w.o = buffer_offsets(w, self.itemsize)
        self.memory = aligned_zeros(w.o.size, dtype)
        self._lock = threading.Lock()
        rows = w.T_max * w.B
        self._inputs = np.zeros(rows, np.int32)
        self._targets = np.zeros(rows, np.int32)
        self._losses = np.zeros(rows, np.float64)
        self._touched = np.zeros(w.p.V, np.uint8)
        self._resets = np.zeros(rows if w.resetting else 0, np.uint8)
        self._scratch = aligned_zeros(
            GRU_INT8_ROWS * w.p.Hp if w.p.weights == INT8 else 0, np.uint8)
        w.scratch = <unsigned char *><size_t>self._scratch.ctypes.data
        self.base = <char *><size_t>self.memory.ctypes.data
        w.inputs = <const int32_t *><size_t>self._inputs.ctypes.data
        w.targets = NULL
        w.losses = <double *><size_t>self._losses.ctypes.data
        w.touched = <const unsigned char *><size_t>self._touched.ctypes.data

    cdef _acquire(self):
        # One call at a time: a second one would overwrite the activations of the first.
        if not self._lock.acquire(False):
            raise RuntimeError("this workspace is in use by another thread: create one per thread")

    cdef _view(self, Py_ssize_t offset, shape, Py_ssize_t last):
        n = 1
        for size in shape:
            n *= size
        return self.memory[offset:offset + n].reshape(shape)[..., :last]

    @property
    def hidden(self):
        """The hidden state that the next window starts from, writable.

        The shape is (B, H), or (layers, B, H) with several layers.
        """
        cdef Window *w = &self.window
        layers = (w.p.layers,) if w.p.layers > 1 else ()
        return self._view(w.o.state, (*layers, w.B, w.p.Hp), w.p.H)

    @property
    def states(self):
        """The hidden states of the top layer in the last window, shape (T+1, B, H).

        The first one is the state before the window.
        """
        cdef Window *w = &self.window
        return self._view((w.p.layers - 1) * w.o.layer + w.o.h, (w.T + 1, w.B, w.p.Hp), w.p.H)

    @property
    def probabilities(self):
        """The softmax of the last window, shape (T, B, V); after the backward pass its gradient."""
        cdef Window *w = &self.window
        return self._view(w.o.y, (w.T, w.B, w.p.Vp), w.p.V)

    @property
    def losses(self):
        """-log p of each target of the last window, in nats, shape (T, B), float64."""
        cdef Window *w = &self.window
        return self._losses[:w.T * w.B].reshape(w.T, w.B)

    @property
    def dtype(self):
        """The dtype, float32 or float64."""
        return self.memory.dtype

    @property
    def nbytes(self):
        """The size of this workspace in bytes."""
        return (self.memory.nbytes + self._inputs.nbytes + self._targets.nbytes
                + self._losses.nbytes + self._touched.nbytes + self._resets.nbytes
                + self._scratch.nbytes)

    def __repr__(self):
        cdef Window *w = &self.window
        layers = f"{w.p.layers} layers of " if w.p.layers > 1 else ""
        kind = "training" if w.training else "reading"
        return (f"<gru_ext.Workspace for {kind}: batch size {w.B}, sequence length {w.T_max}, "
                f"vocabulary size {w.p.V}, {layers}hidden size {w.p.H}, {self.dtype}, "
                f"{self.nbytes:,} bytes>")

    cdef _check_flat(self, what, Py_ssize_t n, Py_ssize_t itemsize):
        if itemsize != self.itemsize:
            raise TypeError(f"{what} must be {self.dtype} like the workspace, "
                            f"not float{8 * itemsize}")
        if n != self.window.p.size:
            raise ValueError(f"{what} must have {self.window.p.size} elements, not {n}")

    cdef _copy_symbols(self, what, symbols):
        # Returns an int32 copy. What is checked is the copy: another thread may write into the
        # caller's array at any time.
        symbols = np.array(symbols, order="C")
        if symbols.dtype.kind not in "iu":
            raise TypeError(f"`{what}` must be an array of integers, not {symbols.dtype}")
        if symbols.ndim != 2 or symbols.shape[1] != self.window.B:
            raise ValueError(f"`{what}` must have shape (T, {self.window.B}), not {symbols.shape}")
        check_count("sequence length", symbols.shape[0], 1, self.window.T_max)
        if symbols.min() < 0 or symbols.max() >= self.window.p.V:
            t, s = np.argwhere((symbols < 0) | (symbols >= self.window.p.V))[0]
            raise ValueError(f"`{what}` must be from 0 to {self.window.p.V - 1}, not "
                             f"{symbols[t, s]} in time step {t} of stream {s}")
        return symbols.astype(np.int32, copy=False)

    cdef const unsigned char *_store_resets(self, resets, shape) except? NULL:
        # Copy the resets of the next window to where the kernels read them.
        resets = np.asarray(resets)
        if not self.window.resetting:
            raise ValueError("this workspace has no memory for resets: resetting=False")
        if resets.dtype != np.bool_ or resets.shape != shape:
            raise ValueError(f"resets must be bool of shape {shape}, not {resets.dtype} "
                             f"of {resets.shape}")
        self._resets[:resets.size] = resets.reshape(-1)
        return <const unsigned char *><size_t>self._resets.ctypes.data


@checks_arrays(parameters=REAL)
def forward_window(const real[::1] parameters, inputs, targets, Workspace workspace not None,
                   resets=None, double dropout=0.0, seed=0, update=0):
    """Compute the forward pass of one window.

    The window starts from the state ``workspace.hidden`` and replaces it by its last state. It also
    sets ``states``, ``probabilities`` and ``losses`` of ``workspace``.

    Parameters
    ----------
    parameters : ndarray, float32 or float64, 1-D contiguous
        The flat buffer of :class:`gru_ext.Parameters`.
    inputs : ndarray of integers, shape (T, B)
        The input symbols, from 0 to V - 1, of any integer dtype. They are copied.
    targets : ndarray of integers, shape (T, B), or None
        The symbols to predict.
    workspace : Workspace
    resets : ndarray, bool, shape (T, B), optional
        Where the hidden state of a stream is reset to zero before it reads the input, as at the
        start of a document. The workspace must be created with ``resetting=True``.
    dropout : float
        The probability that an output of a layer is set to zero. If it is not 0, the workspace must
        be created with ``dropping=True``.
    seed, update : int
        The seed of the run and the number of the update, which determine the outputs that are set
        to zero (:func:`gru_ext.core.kernels.dropout`).

    Returns
    -------
    float
        The sum of -log p[target] over the window, in nats, or 0 without targets.

    Raises
    ------
    TypeError, ValueError
        If a dtype, a shape or a symbol is not as above.
    """
    cdef Workspace s = workspace
    s._check_flat("parameters", parameters.shape[0], sizeof(real))
    cdef Window *w = &s.window
    cdef real *ws = <real *>s.base
    cdef uint64_t float_state
    cdef double total = 0
    inputs = s._copy_symbols("inputs", inputs)
    if targets is not None:
        targets = s._copy_symbols("targets", targets)
        if targets.shape != inputs.shape:
            raise ValueError(f"inputs and targets must have the same shape, not {inputs.shape} "
                             f"and {targets.shape}")
    check_dropout(dropout)
    if dropout > 0 and not w.dropping:
        raise ValueError("this workspace has no memory for dropout: dropping=False")
    cdef uint64_t key = gru_dropout_key(seed, update)
    s._acquire()
    try:
        w.targets = NULL
        w.resets = NULL
        if resets is not None:
            w.resets = s._store_resets(resets, inputs.shape)
        s._inputs[:inputs.size] = inputs.reshape(-1)
        if targets is not None:
            s._targets[:targets.size] = targets.reshape(-1)
            w.targets = <const int32_t *><size_t>s._targets.ctypes.data
        w.T = inputs.shape[0]
        w.dropout, w.dropout_key = dropout, key
        with one_blas_thread(w.blas != NULL), nogil:
            float_state = gru_flush_subnormals()
            total = forward_pass(w, &parameters[0], ws)
            gru_restore_float_state(float_state)
    finally:
        s._lock.release()
    return total


@checks_arrays(parameters=REAL, gradients=WRITABLE)
def backward_window(const real[::1] parameters, real[::1] gradients, Workspace workspace not None,
                    double scale=1.0):
    """Compute the gradients of the last forward pass and add them to ``gradients``.

    They are the gradients of ``scale`` times the sum of the window's losses, without those of later
    windows (truncated BPTT). The activations are overwritten: each backward pass needs a forward
    pass before it.

    Parameters
    ----------
    parameters : ndarray, 1-D contiguous
        The same as in the forward pass.
    gradients : ndarray, 1-D contiguous
        A buffer of the same length and dtype, to which the gradients are added.
    workspace : Workspace
    scale : float
        The factor of the loss, a finite number.

    Raises
    ------
    TypeError, ValueError
        If a dtype, a length or the scale is wrong, or if there was no forward pass with targets
        before.
    """
    cdef Workspace s = workspace
    s._check_flat("parameters", parameters.shape[0], sizeof(real))
    s._check_flat("gradients", gradients.shape[0], sizeof(real))
    cdef Window *w = &s.window
    cdef real *ws = <real *>s.base
    cdef uint64_t float_state
    if not w.training:
        raise ValueError("this workspace has no memory for the backward pass: training=False")
    if not isfinite(scale):
        raise ValueError(f"`scale` must be a finite number, not {scale}")
    s._acquire()
    try:
        if w.targets == NULL:
            raise ValueError("run forward_window with targets before each backward_window")
        with one_blas_thread(w.blas != NULL), nogil:
            float_state = gru_flush_subnormals()
            backward_pass(w, &parameters[0], ws, scale)
            weight_gradients(w, ws, &gradients[0], True, NULL, 0, 1)
            gru_restore_float_state(float_state)
        w.targets = NULL
    finally:
        s._lock.release()
