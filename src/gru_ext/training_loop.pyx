# SPDX-License-Identifier: MIT
"""Whole runs of training windows without the GIL, on a team of threads."""
import threading

import numpy as np

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from gru_ext._bptt cimport (
    Window,
    backward,
    choose_packing,
    enter,
    forward,
    leave,
    pack_weights,
    share,
    weight_gradients,
)
from gru_ext._native cimport gru_float_state_enter, gru_float_state_leave, gru_update, real
from gru_ext.windows cimport Workspace

from gru_ext.kernels import check_eps
from gru_ext.matmul import one_blas_thread
from gru_ext.windows import aligned_zeros, check_count

cdef extern from "team.h" nogil:
    ctypedef struct gru_team:
        long members
        long arrived
        long generation
        long abandoned
    void gru_team_abandon(gru_team *team) noexcept
    int gru_team_wait(gru_team *team) noexcept


cdef struct Run:
    gru_team team
    const void *symbols
    int symbol_bytes
    const int32_t *separator  # (separator_length)
    Py_ssize_t separator_length
    Py_ssize_t stream_length
    Py_ssize_t position
    Py_ssize_t windows      # to do
    Py_ssize_t done         # since the loop was made
    bint fresh              # this window starts from a zero state
    long refused            # a symbol that is none
    const double *learning_rates  # (windows)
    double clip, eps
    double *losses          # (windows)


cdef inline int32_t _symbol(const Run *run, Py_ssize_t i) noexcept nogil:
    if run.symbol_bytes == 1:
        return (<const uint8_t *>run.symbols)[i]
    if run.symbol_bytes == 2:
        return (<const uint16_t *>run.symbols)[i]
    return (<const int32_t *>run.symbols)[i]


cdef inline bint _document_starts(const Run *run, Py_ssize_t i) noexcept nogil:
    # The first that a document's state reads is the last symbol of the separator before it.
    cdef Py_ssize_t k, n = run.separator_length
    if i + 1 < n:
        return False
    for k in range(n):
        if _symbol(run, i - k) != run.separator[n - 1 - k]:
            return False
    return True


cdef void _gather(Window *w, Run *run) noexcept nogil:
    # The next window's inputs and targets; a symbol that is none ends the run.
    cdef Py_ssize_t t, s, at
    cdef int32_t x, target
    cdef int32_t *inputs = <int32_t *>w.inputs
    cdef int32_t *targets = <int32_t *>w.targets
    cdef unsigned char *touched = <unsigned char *>w.touched
    cdef unsigned char *resets = <unsigned char *>w.resets
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
            if resets != NULL:
                resets[t * w.B + s] = _document_starts(run, at + t)
            x = target


cdef void _train_part(Window *w, Run *run, real *p, real *m, real *g, real *ws,
                      Py_ssize_t part) noexcept nogil:
    # What every thread of the team does, window by window: share the packing; take its streams
    # through the window; make the gradients of its columns and update them.
    cdef Py_ssize_t parts = run.team.members, n, i
    cdef Py_ssize_t s0 = share(w.B, part, parts), s1 = share(w.B, part + 1, parts)
    cdef double total
    cdef gru_update update = gru_update(p, m, 0, run.clip, run.eps)
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
            enter(w, ws, s0, s1)
            forward(w, p, ws, s0, s1)
            leave(w, ws, s0, s1)
            backward(w, p, ws, 1.0 / w.B, s0, s1)
        if gru_team_wait(&run.team) != 0:
            break
        update.learning_rate = run.learning_rates[n]
        weight_gradients(w, ws, g, False, &update, part, parts)
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
    separator : ndarray of symbols, 1-D, optional
        Where these symbols follow one another a document starts: a stream's state is zero before
        it reads the last of them. The workspace must be made with ``resetting=True``.
    """

    cdef readonly Workspace workspace
    cdef readonly object parameters, memory
    cdef object _gradients, _symbols, _separator
    cdef Run *run

    def __cinit__(self, parameters, memory, Workspace workspace not None, symbols,
                  separator=None):
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
        if separator is None:
            return
        self._separator = np.ascontiguousarray(separator, np.int32)
        if self._separator.ndim != 1 or not self._separator.size:
            raise ValueError("separator must be 1-D and have a symbol at least")
        if not w.resetting:
            raise ValueError("the workspace must be made with resetting=True")
        self.run.separator = <const int32_t *><size_t>self._separator.ctypes.data
        self.run.separator_length = self._separator.size

    def __dealloc__(self):
        free(self.run)

    @property
    def position(self):
        """Where in the streams the next window begins; 0 resets the state there."""
        return self.run.position

    @position.setter
    def position(self, value):
        position = check_count("position", value, 0, self.run.stream_length - 1)
        self.workspace._take()
        self.run.position = position
        self.workspace._lock.release()

    @property
    def windows_done(self):
        """Windows trained on since the loop was made."""
        return self.run.done

    @property
    def windows_per_epoch(self):
        """Windows from one reset of the state to the next."""
        return max(1, (self.run.stream_length - 2) // self.workspace.window.T_max)

    def steps(self, windows, learning_rate, double clip=5.0, double eps=1e-8, threads=1):
        """Train on the next windows.

        Parameters
        ----------
        windows : int
        learning_rate : float or array of floats, shape (windows,)
            One for all updates, or one each.
        clip, eps : float
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
        check_count("threads", threads, 1, w.parts_max)
        check_eps(eps, s.itemsize)
        losses = np.zeros(check_count("windows", windows, 1, 1 << 30), np.float64)
        rates = np.ascontiguousarray(np.broadcast_to(learning_rate, windows), np.float64)
        s._take()
        try:
            run = self.run
            run.team.members = threads
            run.team.arrived = run.team.generation = run.team.abandoned = 0
            run.windows = windows
            run.refused = 0
            run.learning_rates = <const double *><size_t>rates.ctypes.data
            run.clip, run.eps = clip, eps
            run.losses = <double *><size_t>losses.ctypes.data
            w.T = w.T_max
            choose_packing(w, w.T)
            w.targets = <const int32_t *><size_t>s._targets.ctypes.data
            w.resets = NULL
            if self._separator is not None:
                w.resets = <const unsigned char *><size_t>s._resets.ctypes.data
            with one_blas_thread(w.blas != NULL):
                self._run_team(threads)
            w.targets = NULL
        finally:
            s._lock.release()
        if self.run.refused:
            raise ValueError(f"symbols must be from 0 to {w.p.V - 1}")
        return losses

    def _run_team(self, threads):
        helpers = [threading.Thread(target=self._part, args=(part,), daemon=True)
                   for part in range(1, threads)]
        try:
            for helper in helpers:
                helper.start()
        except BaseException:
            gru_team_abandon(&self.run.team)
            for helper in helpers:
                if helper.ident is not None:
                    helper.join()
            raise
        self._part(0)
        for helper in helpers:
            helper.join()

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
