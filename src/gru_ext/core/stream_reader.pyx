# SPDX-License-Identifier: MIT
"""Streams that read: windows of symbols and their losses, on one thread or several."""
from time import perf_counter

import numpy as np

from gru_ext.core.checks import integers
from gru_ext.core.helper_threads import Contention, HelperThreads
from gru_ext.core.matmul import one_blas_thread

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy

from gru_ext.core.bptt cimport Window
from gru_ext.core.native cimport gru_flush_subnormals, gru_restore_float_state, real
from gru_ext.core.products cimport choose_packing
from gru_ext.core.reading cimport read_window, separator_ends
from gru_ext.core.stream_group cimport StreamGroup
from gru_ext.core.stream_state cimport StreamState, address, load, store
from gru_ext.core.team cimport Share, whole_share

cdef enum:
    FEWEST_PACKED = 4         # time steps from which packing the weights pays off
    FEWEST_SHARED = 1000_000  # nanoseconds of reading from which helper threads pay off
    LONG_PART = 50_000_000    # nanoseconds of reading between two looks at signals, with helpers


cdef class StreamReader(StreamState):
    """A model that reads B sequences of symbols.

    The parameters are those of StreamState (stream_state.pyx).
    """

    def __cinit__(self, *arguments, **options):
        cdef double step = StreamGroup(self, True).step_nanoseconds()
        self._window = self.work.window.T_max * step
        self._contention = Contention(1e-9 * self._window)
        self._step_contention = Contention(1e-9 * step)

    def read(self, symbols, starts=None, resets=None, states=None, threads=1):
        """Read symbols, and return the loss of each of them in nats.

        Parameters
        ----------
        symbols : ndarray of integers, shape (n, B)
        starts : ndarray of bool, shape (n, B), optional
            Where another text begins: the state is reset, and nothing predicts the symbol.
        resets : ndarray of bool, shape (n, B), optional
            Where the state is reset before a symbol is read; the state before still predicts it.
        states : ndarray, shape (n, B, layers, H), optional
            An array to which the states after each symbol are written.
        threads : int
            The most threads that share the hidden units of all streams. The result is bit-identical
            for any number.

        Returns
        -------
        ndarray, float64, shape (n, B)
            -log p of each symbol; 0 where there is no prediction.
        """
        cdef Py_ssize_t done = 0, n, windows
        cdef const Window *w = &self.work.window
        symbols = integers("symbols", symbols, 2, 0, w.p.V - 1)
        if symbols.shape[1] != self.B:
            raise ValueError(f"`symbols` must have shape (n, {self.B}), not {symbols.shape}")
        n = len(symbols)
        nats = np.empty(symbols.shape)
        starts, resets = (_copied_mask(name, mask, symbols.shape)
                          for name, mask in (("starts", starts), ("resets", resets)))
        if n * self._window < FEWEST_SHARED * w.T_max:
            threads = 1
        arrays = symbols, starts, resets, nats, states
        while done < n:
            if threads > 1:
                windows = min(max(1, <Py_ssize_t>(LONG_PART / self._window)),
                              (n - done + w.T_max - 1) // w.T_max)
                done = self._read_together(threads, windows, arrays, done)
            else:
                with self.work._lock:
                    done = self._read_windows(arrays, done, done + w.T_max, None)
            PyErr_CheckSignals()
        return nats

    cdef Py_ssize_t _read_together(self, threads, windows, arrays, Py_ssize_t begin) except -1:
        # Read so many windows, or fewer, on several threads. A window in which they wait too long
        # is read on one. Returns the end of what was read.
        cdef StreamGroup group = StreamGroup(self, True)
        cdef Py_ssize_t end = begin, T_max = self.work.window.T_max
        used, windows = self._contention.plan(threads, windows)
        helpers = HelperThreads(group.help, group.abandon)
        started = perf_counter()
        with self.work._lock:
            helpers.gather(group.useful(used) - 1)  # as many as can be started
            group.begin(1 + len(helpers.parts))
            helpers.go.release()
            try:
                end = self._read_windows(arrays, begin, begin + windows * T_max, group)
            finally:
                group.end()
                helpers.join()
            if helpers.error is not None:
                raise RuntimeError("a helper thread of the reading failed") from helpers.error
            seconds = (perf_counter() - started) * T_max / max(T_max, end - begin)
            if group.contended:
                end = self._read_windows(arrays, end, end + T_max, None)
        self._contention.note(threads, seconds, group.contended, group.grid.members > 1)
        return end

    cdef Py_ssize_t _read_windows(self, arrays, Py_ssize_t begin, Py_ssize_t end,
                                  StreamGroup group) except -1:
        # Read windows from `begin` to `end`, or to one in which the group waits too long or fails.
        # The caller holds the lock. Returns the end of what was read.
        cdef Py_ssize_t start, stop, layer
        cdef const Window *w = &self.work.window
        symbols, starts, resets, nats, states = arrays
        end = min(end, len(symbols))
        for start in range(begin, end, w.T_max):
            stop = min(start + w.T_max, end)
            if not self._read_part(symbols[start:stop], nats[start:stop],
                                   None if starts is None else starts[start:stop],
                                   None if resets is None else resets[start:stop], group):
                return start
            for layer in range(0 if states is None else w.p.layers):
                states[start:stop, :, layer] = self._window_states(layer)
        return end

    cdef bint _read_part(self, symbols, nats, starts, resets, StreamGroup group) except -1:
        recent = None if group is None else self._recent.copy()
        if not self._read_window(len(symbols), <const int32_t *>address(symbols),
                                 <const unsigned char *>address(starts),
                                 <const unsigned char *>address(resets), group):
            self._recent[...] = recent
            return False
        nats[...] = self.work._losses[:nats.size].reshape(nats.shape)
        return True

    cdef _window_states(self, Py_ssize_t layer):
        # the states of a layer after each time step of the last window, (T, B, H)
        cdef const Window *w = &self.work.window
        first = layer * w.o.layer + w.o.h
        states = self.work._view(first, (w.T + 1, w.B, w.p.Hp), w.p.H)
        return states[1:]

    cdef bint _read_window(self, Py_ssize_t n, const int32_t *symbols, const unsigned char *starts,
                           const unsigned char *resets, StreamGroup group) except -1:
        # Read n <= T_max symbols of each stream, on the threads of a group or on one thread; their
        # losses are then in the workspace. The caller holds its lock, and has checked the symbols.
        # False if the group was abandoned; the state is then that of before.
        cdef Window *w = &self.work.window
        cdef Py_ssize_t i
        cdef bint done
        w.T, w.targets, w.dropout = n, NULL, 0
        choose_packing(w, n)
        if n < FEWEST_PACKED:
            w.packed = w.inputs_packed = False
        memcpy(<void *>w.inputs, symbols, n * self.B * sizeof(int32_t))
        w.resets = NULL
        if starts != NULL or resets != NULL or self.separator.length:
            w.resets = self.resets
            self._mark_resets(n, <unsigned char *>w.resets, starts, resets)
        if w.blas != NULL:
            with one_blas_thread(True):
                done = self._compute(group)
        else:
            done = self._compute(group)
        if not done:
            group.contended = True
            return False
        for i in range(self.B if not self._started else 0):
            w.losses[i] = 0
        for i in range(n * self.B if starts != NULL else 0):
            if starts[i]:
                w.losses[i] = 0
        self._started, self.predicted = True, False
        return True

    cdef void _mark_resets(self, Py_ssize_t n, unsigned char *marks, const unsigned char *starts,
                           const unsigned char *resets) noexcept:
        cdef Py_ssize_t i, k, B = self.B
        for i in range(n * B):
            marks[i] = resets != NULL and resets[i]
            if starts != NULL and starts[i]:
                marks[i] = True
                for k in range(self.separator.length):
                    self.separator.recent[i % B * self.separator.length + k] = -1
            marks[i] |= separator_ends(&self.separator, i % B, self.work.window.inputs[i])

    cdef bint _compute(self, StreamGroup group) noexcept:
        with nogil:
            if self.itemsize == sizeof(float):
                return _read[float](self, group, <const float *>self.flat_data,
                                    <float *>self.work.base)
            return _read[double](self, group, <const double *>self.flat_data,
                                 <double *>self.work.base)


def _copied_mask(name, mask, shape):
    if mask is None:
        return None
    mask = np.array(mask, order="C")
    if mask.dtype != np.bool_ or mask.shape != shape:
        raise ValueError(f"`{name}` must be bool of shape {shape}, not {mask.dtype} of "
                         f"{mask.shape}")
    return mask.view(np.uint8)


cdef bint _read(StreamReader s, StreamGroup group, const real *p, real *ws) noexcept nogil:
    # False if the group was abandoned.
    cdef Window *w = &s.work.window
    cdef const real *logits = NULL
    cdef Share share = whole_share(&w.p, w.B) if group is None else group.share(0)
    cdef uint64_t float_state = gru_flush_subnormals()
    cdef bint done
    if s.predicted and w.T == 1:
        logits = <real *>s.base + s.logits_at
    load(s, ws)
    done = ((group is None or group.meet() == 0)
            and read_window(w, p, ws, &share, logits) == 0)
    if done:
        store(s, ws)
    gru_restore_float_state(float_state)
    return done
