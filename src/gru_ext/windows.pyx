# SPDX-License-Identifier: MIT
"""The door to the compiled core: workspaces, one window at a time, whole training runs, sampling.

Every array is checked here, once; nothing below checks anything.
"""
import threading

import numpy as np

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from gru_ext cimport kernels
from gru_ext._bptt cimport (
    Window,
    backward,
    buffers_of,
    forward,
    output,
    pack_weights,
    share,
    step,
    update,
    weight_gradients,
)
from gru_ext._layout cimport layout_of
from gru_ext._native cimport (
    GRU_LINE_BYTES,
    gru_draw,
    gru_float_state_enter,
    gru_float_state_leave,
    real,
)

cdef extern from "team.h" nogil:
    ctypedef struct gru_team:
        long members
        long arrived
        long generation
        long abandoned
    void gru_team_abandon(gru_team *team) noexcept
    int gru_team_wait(gru_team *team) noexcept


def aligned_zeros(n, dtype):
    """A one-dimensional array of n zeros that begins on a cache line."""
    dtype = np.dtype(dtype)
    raw = np.zeros(n * dtype.itemsize + GRU_LINE_BYTES, np.uint8)
    start = -raw.ctypes.data % GRU_LINE_BYTES
    return raw[start:start + n * dtype.itemsize].view(dtype)


cdef _check_count(what, n, least, most):
    if not least <= n <= most:
        raise ValueError(f"{what} must be from {least} to {most}, not {n}")
    return n


cdef class Workspace:
    """Scratch memory for windows of up to T steps of B streams, and what the last one left there.

    Parameters
    ----------
    vocabulary_size, hidden_size : int
        V and H.
    batch_size : int
        Streams B.
    seq_length : int
        The longest window, T.
    dtype : dtype
        float32 or float64.
    training : bool
        Whether to make room for the backward pass.
    threads : int
        The largest number of threads that will share a window.
    """

    cdef Window window
    cdef Py_ssize_t itemsize
    cdef char *base
    cdef readonly object memory
    cdef object _inputs, _targets, _losses, _touched

    def __cinit__(self, vocabulary_size, hidden_size, batch_size, seq_length, dtype=np.float32,
                  training=True, threads=1):
        dtype = np.dtype(dtype)
        if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise TypeError(f"dtype must be float32 or float64, not {dtype}")
        # A check of the sizes: layout() is where their bounds are.
        from gru_ext.kernels import layout
        layout(vocabulary_size, hidden_size, dtype.itemsize)
        cdef Window *w = &self.window
        w.k = kernels.active()
        w.B = _check_count("batch size", batch_size, 1, 1 << 20)
        w.T = w.T_max = _check_count("sequence length", seq_length, 1, 1 << 24)
        w.parts_max = _check_count("threads", threads, 1, 1 << 12)
        w.training = bool(training)
        w.p = layout_of(vocabulary_size, hidden_size, dtype.itemsize)
        self.itemsize = dtype.itemsize
        w.o = buffers_of(w, self.itemsize)
        self.memory = aligned_zeros(w.o.size, dtype)
        rows = w.T_max * w.B
        self._inputs = np.zeros(rows, np.int32)
        self._targets = np.zeros(rows, np.int32)
        self._losses = np.zeros(rows, np.float64)
        self._touched = np.zeros(w.p.V, np.uint8)
        self.base = <char *><size_t>self.memory.ctypes.data
        w.inputs = <const int32_t *><size_t>self._inputs.ctypes.data
        w.targets = NULL
        w.losses = <double *><size_t>self._losses.ctypes.data
        w.touched = <const unsigned char *><size_t>self._touched.ctypes.data

    cdef _view(self, Py_ssize_t offset, shape, Py_ssize_t last):
        n = 1
        for size in shape:
            n *= size
        return self.memory[offset:offset + n].reshape(shape)[..., :last]

    @property
    def hidden(self):
        """The state that the next window starts from, shape (B, H), writable."""
        return self._view(self.window.o.carry, (self.window.B, self.window.p.Hp), self.window.p.H)

    @property
    def states(self):
        """Hidden states of the last window, shape (T+1, B, H); the first is the one before it."""
        cdef Window *w = &self.window
        return self._view(w.o.h, (w.T + 1, w.B, w.p.Hp), w.p.H)

    @property
    def probabilities(self):
        """Softmax of the last window, shape (T, B, V); after the backward pass, its gradient."""
        cdef Window *w = &self.window
        return self._view(w.o.y, (w.T, w.B, w.p.Vp), w.p.V)

    @property
    def losses(self):
        """-log p of each target of the last window in nats, shape (T, B), float64."""
        cdef Window *w = &self.window
        return self._losses[:w.T * w.B].reshape(w.T, w.B)

    @property
    def dtype(self):
        """float32 or float64."""
        return self.memory.dtype

    @property
    def nbytes(self):
        """Bytes this workspace holds."""
        return (self.memory.nbytes + self._inputs.nbytes + self._targets.nbytes
                + self._losses.nbytes + self._touched.nbytes)

    cdef _check_flat(self, what, Py_ssize_t n, Py_ssize_t itemsize):
        if itemsize != self.itemsize:
            raise TypeError(f"{what} must be {self.dtype} as the workspace, "
                            f"not float{8 * itemsize}")
        if n != self.window.p.size:
            raise ValueError(f"{what} must have {self.window.p.size} elements, not {n}")

    cdef _check_team(self, threads):
        _check_count("threads", threads, 1, self.window.parts_max)

    cdef _check_symbols(self, what, symbols):
        symbols = np.asarray(symbols)
        if symbols.dtype != np.int32:
            raise TypeError(f"{what} must be int32, not {symbols.dtype}")
        if symbols.ndim != 2 or symbols.shape[1] != self.window.B:
            raise ValueError(f"{what} must have shape (T, {self.window.B}), not {symbols.shape}")
        _check_count("sequence length", symbols.shape[0], 1, self.window.T_max)
        if symbols.min() < 0 or symbols.max() >= self.window.p.V:
            raise ValueError(f"{what} must be from 0 to {self.window.p.V - 1}, "
                             f"not {symbols.min()} to {symbols.max()}")
        return symbols


cdef void _enter(Window *w, real *ws, Py_ssize_t s0, Py_ssize_t s1) noexcept nogil:
    # carry -> h[0]
    memcpy(ws + w.o.h + s0 * w.p.Hp, ws + w.o.carry + s0 * w.p.Hp,
           (s1 - s0) * w.p.Hp * sizeof(real))


cdef void _leave(Window *w, real *ws, Py_ssize_t s0, Py_ssize_t s1) noexcept nogil:
    # h[T] -> carry
    memcpy(ws + w.o.carry + s0 * w.p.Hp, ws + w.o.h + (w.T * w.B + s0) * w.p.Hp,
           (s1 - s0) * w.p.Hp * sizeof(real))


def forward_window(const real[::1] parameters, inputs, targets, Workspace workspace not None):
    """One window forward.

    The state goes on from ``workspace.hidden`` and is left there; ``workspace`` then also has
    ``states``, ``probabilities`` and ``losses``.

    Parameters
    ----------
    parameters : ndarray, float32 or float64, 1-D contiguous
        The flat buffer, as :class:`gru_ext.Parameters` lays it out.
    inputs : ndarray, int32, shape (T, B)
        Symbols read, from 0 to V - 1.
    targets : ndarray, int32, shape (T, B), or None
        Symbols to predict.
    workspace : Workspace

    Returns
    -------
    float
        The sum of -log p[target] over the window, in nats; 0 without targets.

    Raises
    ------
    TypeError, ValueError
        Where a dtype, a shape or a symbol is not as above.
    """
    cdef Workspace s = workspace
    s._check_flat("parameters", parameters.shape[0], sizeof(real))
    cdef Window *w = &s.window
    cdef real *ws = <real *>s.base
    cdef uint64_t state
    cdef Py_ssize_t i
    cdef double total = 0
    inputs = s._check_symbols("inputs", inputs)
    if targets is not None:
        targets = s._check_symbols("targets", targets)
        if targets.shape != inputs.shape:
            raise ValueError(f"inputs and targets must have one shape, not {inputs.shape} "
                             f"and {targets.shape}")
    w.targets = NULL
    s._inputs[:inputs.size] = inputs.reshape(-1)
    if targets is not None:
        s._targets[:targets.size] = targets.reshape(-1)
        w.targets = <const int32_t *><size_t>s._targets.ctypes.data
    w.T = inputs.shape[0]
    with nogil:
        state = gru_float_state_enter()
        pack_weights(w, &parameters[0], ws, 0, 1)
        _enter(w, ws, 0, w.B)
        forward(w, &parameters[0], ws, 0, w.B)
        _leave(w, ws, 0, w.B)
        gru_float_state_leave(state)
        if w.targets != NULL:
            for i in range(w.T * w.B):
                total += w.losses[i]
    return total


def backward_window(const real[::1] parameters, real[::1] gradients, Workspace workspace not None,
                    double scale=1.0):
    """Gradients of the window that went forward last, added to ``gradients``.

    The gradient is that of ``scale`` times the sum of the window's losses, with no gradient coming
    in from later windows. It uses up the activations: once per forward pass.

    Parameters
    ----------
    parameters : ndarray, 1-D contiguous
        As in the forward pass.
    gradients : ndarray, 1-D contiguous
        Of the same length and dtype; added to.
    workspace : Workspace
    scale : float

    Raises
    ------
    TypeError, ValueError
        Where a dtype or a length is wrong, or no window with targets went forward before.
    """
    cdef Workspace s = workspace
    s._check_flat("parameters", parameters.shape[0], sizeof(real))
    s._check_flat("gradients", gradients.shape[0], sizeof(real))
    cdef Window *w = &s.window
    cdef real *ws = <real *>s.base
    cdef uint64_t state
    if not w.training:
        raise ValueError("this workspace has no room for the backward pass: training=False")
    if w.targets == NULL:
        raise ValueError("run forward_window with targets before each backward_window")
    with nogil:
        state = gru_float_state_enter()
        backward(w, &parameters[0], ws, scale, 0, w.B)
        weight_gradients(w, ws, &gradients[0], True, 0, 1)
        gru_float_state_leave(state)
    w.targets = NULL


cdef struct Run:
    gru_team team
    const void *symbols
    int symbol_bytes
    Py_ssize_t stream_length
    Py_ssize_t position
    Py_ssize_t windows      # to do
    Py_ssize_t done         # since the loop was made
    bint fresh              # this window starts from a zero state
    long refused            # a symbol that is none
    double learning_rate, clip, eps
    double *losses          # (windows)


cdef inline int32_t _symbol(const Run *run, Py_ssize_t i) noexcept nogil:
    if run.symbol_bytes == 1:
        return (<const uint8_t *>run.symbols)[i]
    if run.symbol_bytes == 2:
        return (<const uint16_t *>run.symbols)[i]
    return (<const int32_t *>run.symbols)[i]


cdef void _gather(Window *w, Run *run) noexcept nogil:
    # The next window's inputs and targets; a symbol that is none ends the run.
    cdef Py_ssize_t t, s, at
    cdef int32_t x, target
    cdef int32_t *inputs = <int32_t *>w.inputs
    cdef int32_t *targets = <int32_t *>w.targets
    cdef unsigned char *touched = <unsigned char *>w.touched
    run.fresh = run.position + w.T + 1 >= run.stream_length or run.position == 0
    if run.fresh:
        run.position = 0
    memset(touched, 0, w.p.V)
    for s in range(w.B):
        at = s * (run.stream_length - 1) + run.position
        x = _symbol(run, at)
        for t in range(w.T):
            target = _symbol(run, at + t + 1)
            if x < 0 or x >= w.p.V or target < 0 or target >= w.p.V:
                run.refused = 1
                return
            inputs[t * w.B + s] = x
            targets[t * w.B + s] = target
            touched[x] = 1
            x = target


cdef void _train_part(Window *w, Run *run, real *p, real *m, real *g, real *ws,
                      Py_ssize_t part) noexcept nogil:
    # What every thread of the team does, window by window: share the packing; take its streams
    # through the window; make the gradients of its columns and update them.
    cdef Py_ssize_t parts = run.team.members, n, i
    cdef Py_ssize_t s0 = share(w.B, part, parts), s1 = share(w.B, part + 1, parts)
    cdef double total
    cdef uint64_t state = gru_float_state_enter()
    for n in range(run.windows):
        if part == 0:
            _gather(w, run)
        pack_weights(w, p, ws, part, parts)
        if gru_team_wait(&run.team) != 0 or run.refused:
            break
        if s1 > s0:
            if run.fresh:
                memset(ws + w.o.carry + s0 * w.p.Hp, 0, (s1 - s0) * w.p.Hp * sizeof(real))
            _enter(w, ws, s0, s1)
            forward(w, p, ws, s0, s1)
            _leave(w, ws, s0, s1)
            backward(w, p, ws, 1.0 / w.B, s0, s1)
        if gru_team_wait(&run.team) != 0:
            break
        weight_gradients(w, ws, g, False, part, parts)
        update(w, p, m, g, run.learning_rate, run.clip, run.eps, part, parts)
        if part == 0:
            total = 0
            for i in range(w.T * w.B):
                total += w.losses[i]
            run.losses[n] = total
            run.position += w.T
            run.done += 1
        if gru_team_wait(&run.team) != 0:
            break
    gru_float_state_leave(state)


cdef class TrainingLoop:
    """Windows of truncated BPTT over B streams of one text, each with an Adagrad update.

    The text of n symbols is cut into B streams of ``(n - 1) // B`` predictions. Windows follow one
    another along the streams and hand the hidden state on; where the next one would reach the
    streams' end, all start again at the beginning with a zero state.

    The gradient is that of the loss summed over the window and averaged over the streams.

    Parameters
    ----------
    parameters, memory : ndarray, 1-D contiguous, float32 or float64
        The flat buffer and Adagrad's sums of squares; both are updated in place.
    workspace : Workspace
        Its batch size, sequence length, dtype and threads are the loop's.
    symbols : ndarray, uint8, uint16 or int32, 1-D contiguous
    """

    cdef readonly Workspace workspace
    cdef readonly object parameters, memory
    cdef object _gradients, _symbols
    cdef Run *run

    def __cinit__(self, parameters, memory, Workspace workspace not None, symbols):
        cdef Window *w = &workspace.window
        self.run = <Run *>calloc(1, sizeof(Run))
        if self.run is NULL:
            raise MemoryError()
        if not w.training:
            raise ValueError("the workspace must be made with training=True")
        for what, array in (("parameters", parameters), ("memory", memory)):
            if not (isinstance(array, np.ndarray) and array.ndim == 1
                    and array.flags.c_contiguous and array.flags.writeable):
                raise TypeError(f"{what} must be a writable contiguous 1-D array")
            if array.dtype != workspace.dtype:
                raise TypeError(f"{what} must be {workspace.dtype} as the workspace, "
                                f"not {array.dtype}")
            workspace._check_flat(what, array.size, array.itemsize)
        symbols = np.asarray(symbols)
        if (symbols.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.int32))
                or symbols.ndim != 1 or not symbols.flags.c_contiguous):
            raise TypeError("symbols must be a contiguous 1-D array of uint8, uint16 or int32")
        stream_length = (symbols.size - 1) // w.B + 1
        if stream_length < w.T_max + 1:
            raise ValueError(f"{w.B} streams of windows of {w.T_max} characters need a text of "
                             f"at least {w.B * w.T_max + 1}, not {symbols.size}")
        self.workspace = workspace
        self.parameters, self.memory, self._symbols = parameters, memory, symbols
        self._gradients = aligned_zeros(parameters.size, parameters.dtype)
        self.run.symbols = <const void *><size_t>symbols.ctypes.data
        self.run.symbol_bytes = symbols.itemsize
        self.run.stream_length = stream_length

    def __dealloc__(self):
        free(self.run)

    @property
    def position(self):
        """Where in the streams the next window begins; 0 resets the state there."""
        return self.run.position

    @position.setter
    def position(self, value):
        self.run.position = _check_count("position", value, 0, self.run.stream_length - 1)

    @property
    def windows_done(self):
        """Windows trained on since the loop was made."""
        return self.run.done

    @property
    def windows_per_epoch(self):
        """Windows from one reset of the state to the next."""
        return max(1, (self.run.stream_length - 2) // self.workspace.window.T_max)

    def steps(self, windows, double learning_rate, double clip=5.0, double eps=1e-8, threads=1):
        """Train on the next windows.

        Parameters
        ----------
        windows : int
        learning_rate, clip, eps : float
            As in :func:`gru_ext.kernels.adagrad_update`.
        threads : int
            Threads that share each window; the result has the same bits for any number.

        Returns
        -------
        ndarray, float64, shape (windows,)
            Each window's loss before its update: the sum of -log p over its T * B characters, in
            nats.
        """
        cdef Workspace s = self.workspace
        cdef Window *w = &s.window
        if not clip > 0:
            raise ValueError(f"clip must be a positive number, not {clip}")
        s._check_team(threads)
        losses = np.zeros(_check_count("windows", windows, 1, 1 << 30), np.float64)
        run = self.run
        run.team.members = threads
        run.team.arrived = run.team.generation = run.team.abandoned = 0
        run.windows = windows
        run.refused = 0
        run.learning_rate, run.clip, run.eps = learning_rate, clip, eps
        run.losses = <double *><size_t>losses.ctypes.data
        w.T = w.T_max
        w.targets = <const int32_t *><size_t>s._targets.ctypes.data
        helpers = [threading.Thread(target=self._part, args=(part,), daemon=True)
                   for part in range(1, threads)]
        try:
            for helper in helpers:
                helper.start()
        except BaseException:
            gru_team_abandon(&run.team)
            for helper in helpers:
                if helper.ident is not None:
                    helper.join()
            raise
        self._part(0)
        for helper in helpers:
            helper.join()
        w.targets = NULL
        if run.refused:
            raise ValueError(f"symbols must be from 0 to {w.p.V - 1}")
        return losses

    def _part(self, Py_ssize_t part):
        cdef Workspace s = self.workspace
        cdef void *p = <void *><size_t>self.parameters.ctypes.data
        cdef void *m = <void *><size_t>self.memory.ctypes.data
        cdef void *g = <void *><size_t>self._gradients.ctypes.data
        with nogil:
            if s.itemsize == 4:
                _train_part(&s.window, self.run, <float *>p, <float *>m, <float *>g,
                            <float *>s.base, part)
            else:
                _train_part(&s.window, self.run, <double *>p, <double *>m, <double *>g,
                            <double *>s.base, part)


cdef Py_ssize_t _largest(const real *p, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i, best = 0
    for i in range(1, n):
        if p[i] > p[best]:
            best = i
    return best


def sample_streams(const real[::1] parameters, first, uniforms, Workspace workspace not None,
                   double temperature=1.0):
    """Draw characters one after the other, B streams side by side.

    Each step feeds the symbol before into the cell and draws the next from the softmax of the
    logits divided by the temperature. The state goes on from ``workspace.hidden``.

    Parameters
    ----------
    parameters : ndarray, 1-D contiguous
    first : ndarray, int32, shape (B,)
        The symbols that the first step reads.
    uniforms : ndarray, float64, shape (n, B)
        Numbers in [0, 1), one for each draw.
    workspace : Workspace
    temperature : float
        0 takes the likeliest symbol each time.

    Returns
    -------
    ndarray, int32, shape (n, B)
    """
    cdef Workspace s = workspace
    s._check_flat("parameters", parameters.shape[0], sizeof(real))
    cdef Window *w = &s.window
    cdef real *ws = <real *>s.base
    cdef const double[:, ::1] u = uniforms
    cdef Py_ssize_t n = u.shape[0], i, b
    cdef uint64_t state
    cdef real *row
    if u.shape[1] != w.B:
        raise ValueError(f"uniforms must have shape (n, {w.B}), not {np.shape(uniforms)}")
    if not temperature >= 0 or temperature == float("inf"):
        raise ValueError(f"temperature must be a number from 0 on, not {temperature}")
    s._inputs[:w.B] = s._check_symbols("first", np.reshape(first, (1, -1)))[0]
    drawn = np.empty((n, w.B), np.int32)
    cdef int32_t[:, ::1] out = drawn
    cdef int32_t *x = <int32_t *>w.inputs
    cdef double inverse = 1.0 / temperature if temperature > 1e-6 else 1e6
    w.T = 1
    w.targets = NULL
    with nogil:
        state = gru_float_state_enter()
        pack_weights(w, &parameters[0], ws, 0, 1)
        for i in range(n):
            _enter(w, ws, 0, w.B)
            step(w, &parameters[0], ws, 0, 0, w.B)
            output(w, &parameters[0], ws, 0, 0, w.B, inverse)
            _leave(w, ws, 0, w.B)
            for b in range(w.B):
                row = ws + w.o.y + b * w.p.Vp
                if temperature <= 1e-6:
                    x[b] = _largest(row, w.p.V)
                else:
                    x[b] = gru_draw(w.k, row, u[i, b], w.p.V)
                out[i, b] = x[b]
        gru_float_state_leave(state)
    return drawn
