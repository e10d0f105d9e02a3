# SPDX-License-Identifier: MIT
"""Streams: a model that reads symbol by symbol, and what it predicts next."""
from time import perf_counter

import numpy as np

from gru_ext.core.checks import integers
from gru_ext.core.helper_threads import Contention, HelperThreads
from gru_ext.core.matmul import one_blas_thread

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport isfinite
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy

from gru_ext.core.bptt cimport Window, choose_packing, load_state
from gru_ext.core.native cimport (
    gru_flush_subnormals,
    gru_restore_float_state,
    gru_softmax_cross_entropy,
    real,
)
from gru_ext.core.reading cimport log_softmax, predict, read_window, separator_ends
from gru_ext.core.stream_group cimport StreamGroup
from gru_ext.core.stream_state cimport StreamState, address, load, store
from gru_ext.core.team cimport Share, whole_share
from gru_ext.core.temperature cimport inverse_temperature

cdef double BITS_PER_NAT = 1.4426950408889634

cdef enum:
    FEWEST_PACKED = 4         # time steps from which packing the weights pays off
    FEWEST_SHARED = 1000_000  # nanoseconds of reading from which helper threads pay off
    LONG_PART = 50_000_000    # nanoseconds of reading between two looks at signals, with helpers


cdef class SymbolStream(StreamState):
    """A model that reads B sequences of symbols, and what it predicts next.

    The parameters are those of StreamState (stream_state.pyx).
    """

    def __cinit__(self, *arguments, **options):
        self._window = self.work.window.T_max * StreamGroup(self, True).step_nanoseconds()
        self._contention = Contention(1e-9 * self._window)

    def feed(self, text):
        """Read text, and return how many bits each of its characters cost.

        Parameters
        ----------
        text : str, bytes, int or array of symbols
            With a batch size of 1 text, or symbols of shape (n,). With a batch of B streams a
            sequence of B texts of the same length, or symbols of shape (n, B), or one text that
            all streams read.

        Returns
        -------
        ndarray, float64, shape (n,), or (n, B) for a batch
            -log2 p of each character (or byte) given all that was read before. It is 0 for the
            first character of a stream that has read nothing: there is no prediction for it.

        Raises
        ------
        TypeError, ValueError
            The text has characters that the model does not know, or a shape or a symbol is wrong.
        """
        cdef Py_ssize_t code = -1
        if self.B == 1 and type(text) is str and len(text) == 1:
            code = ord(text)
            code = self.codes[code] if code < self.n_codes else -1
        elif self.B == 1 and type(text) is int and 0 <= text < self.work.window.p.V:
            code = text
        if code >= 0:
            return self._feed_one(<int32_t>code)
        bits = self.read(self._symbols(text))
        bits *= BITS_PER_NAT
        return bits[:, 0] if self.B == 1 else bits

    def _symbols(self, text):
        # symbols (n, B) of what feed() takes
        if isinstance(text, (str, bytes)):
            symbols = self._encode(text).reshape(-1, 1)
            return symbols if self.B == 1 else np.repeat(symbols, self.B, axis=1)
        if isinstance(text, (list, tuple)) and text and isinstance(text[0], (str, bytes)):
            if len(text) != self.B:
                raise ValueError(f"`text` must be {self.B} texts, one for each stream, not "
                                 f"{len(text)}")
            each = [self._encode(part) for part in text]
            if len({len(part) for part in each}) != 1:
                raise ValueError("`text` must be texts of the same length, not of "
                                 f"{min(map(len, each))} to {max(map(len, each))} characters")
            return np.stack(each, axis=1)
        symbols = np.asarray(text)
        if symbols.ndim == 0 and self.B == 1:
            symbols = symbols.reshape(1)
        return symbols[:, None] if symbols.ndim == 1 and self.B == 1 else symbols

    def _encode(self, text):
        if self.vocabulary is None:
            raise TypeError("`text` must be symbols: this stream has no vocabulary")
        return self.vocabulary.encode(text)

    cdef _feed_one(self, int32_t symbol):
        # one stream, one symbol: what a loop in Python calls
        acquire, release = self.work._lock.acquire, self.work._lock.release
        acquire()
        try:
            self._read_window(1, &symbol, NULL, NULL, None)
            self.bits[0] = self.work.window.losses[0] * BITS_PER_NAT
            return self._bits.copy()
        finally:
            release()

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
        # Read so many windows, or fewer, on several threads. Returns the end of what was read.
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
        seconds = (perf_counter() - started) * T_max / (end - begin)
        self._contention.note(threads, seconds, group.waited, group.grid.members > 1)
        return end

    cdef Py_ssize_t _read_windows(self, arrays, Py_ssize_t begin, Py_ssize_t end,
                                  StreamGroup group) except -1:
        # Read windows from `begin` to `end`, or to where the group waits too long. The caller holds
        # the lock. Returns the end of what was read.
        cdef Py_ssize_t start, stop, layer
        cdef const Window *w = &self.work.window
        symbols, starts, resets, nats, states = arrays
        end = min(end, len(symbols))
        for start in range(begin, end, w.T_max):
            stop = min(start + w.T_max, end)
            self._read_part(symbols[start:stop], nats[start:stop],
                            None if starts is None else starts[start:stop],
                            None if resets is None else resets[start:stop], group)
            for layer in range(0 if states is None else w.p.layers):
                states[start:stop, :, layer] = self._window_states(layer)
            if group is not None and group.waits_too_long():
                return stop
        return end

    cdef _read_part(self, symbols, nats, starts, resets, StreamGroup group):
        self._read_window(len(symbols), <const int32_t *>address(symbols),
                          <const unsigned char *>address(starts),
                          <const unsigned char *>address(resets), group)
        nats[...] = self.work._losses[:nats.size].reshape(nats.shape)

    cdef _window_states(self, Py_ssize_t layer):
        # the states of a layer after each time step of the last window, (T, B, H)
        cdef const Window *w = &self.work.window
        first = layer * w.o.layer + w.o.h
        states = self.work._view(first, (w.T + 1, w.B, w.p.Hp), w.p.H)
        return states[1:]

    cdef _read_window(self, Py_ssize_t n, const int32_t *symbols, const unsigned char *starts,
                      const unsigned char *resets, StreamGroup group):
        # Read n <= T_max symbols of each stream, on the threads of a group or on one thread; their
        # losses are then in the workspace. The caller holds its lock, and has checked the symbols.
        cdef Window *w = &self.work.window
        cdef Py_ssize_t i
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
                self._compute(group)
        else:
            self._compute(group)
        for i in range(self.B if not self._started else 0):
            w.losses[i] = 0
        for i in range(n * self.B if starts != NULL else 0):
            if starts[i]:
                w.losses[i] = 0
        self._started, self.predicted = True, False

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

    cdef void _compute(self, StreamGroup group) noexcept:
        with nogil:
            if self.itemsize == sizeof(float):
                _read[float](self, group, <const float *>self.flat_data, <float *>self.work.base)
            else:
                _read[double](self, group, <const double *>self.flat_data,
                              <double *>self.work.base)

    # ---------------------------------------------------------------- predictions

    def logits(self):
        """Return the logits of the next symbol: shape (V,), or (B, V) for a batch of B.

        Raises
        ------
        ValueError
            The stream has read nothing yet, as in all predictions.
        """
        with self.work._lock:
            self._predict()
            first = self.logits_at
            y = self.memory[first:].reshape(self.B, -1)[:, :self.work.window.p.V]
            return self._shaped(y + self.parameters["by"][:, 0])

    def log_probabilities(self, temperature=1.0):
        """Return log p of each symbol that may come next, in nats, as :meth:`probabilities`."""
        return self._prediction(temperature, True)

    def probabilities(self, temperature=1.0):
        """Return the probability of each symbol that may come next.

        Parameters
        ----------
        temperature : float
            A positive number by which the logits are divided.

        Returns
        -------
        ndarray, float64, shape (V,), or (B, V) for a batch of B
            In the order of the vocabulary's characters.
        """
        return self._prediction(temperature, False)

    def entropy(self):
        """Return the entropy of the next symbol in bits: a float, or shape (B,) for a batch."""
        with self.work._lock:
            self._fill_predictions(1.0, True)
            bits = self._entropies * BITS_PER_NAT
        return float(bits[0]) if self.B == 1 else bits

    def _prediction(self, double temperature, bint log):
        if not (temperature > 0 and isfinite(temperature)):
            raise ValueError(f"`temperature` must be a positive finite number, not {temperature}")
        acquire, release = self.work._lock.acquire, self.work._lock.release
        acquire()
        try:
            self._fill_predictions(temperature, log)
            return self._shaped(self._predictions).copy()
        finally:
            release()

    cdef _fill_predictions(self, double temperature, bint log):
        # p, or log p (B, V) and the entropies (B) in nats. The caller holds the lock.
        self._predict()
        if self.itemsize == sizeof(float):
            _fill[float](self, temperature, log, <float *>self.base)
        else:
            _fill[double](self, temperature, log, <double *>self.base)

    def _shaped(self, rows):
        return rows[0] if self.B == 1 else rows

    cdef _predict(self):
        # Compute Wy h of the state, unless it is there already. The caller holds the lock.
        if not self._started:
            raise ValueError("this stream has read nothing yet, so that there is nothing to "
                             "predict from: feed it text first, such as a newline")
        if self.predicted:
            return
        cdef Window *w = &self.work.window
        w.T, w.packed = 1, False
        if w.blas != NULL:
            with one_blas_thread(True):
                self._compute_logits()
        else:
            self._compute_logits()

    cdef void _compute_logits(self) noexcept:
        with nogil:
            if self.itemsize == sizeof(float):
                _predict_next[float](self, <const float *>self.flat_data, <float *>self.work.base)
            else:
                _predict_next[double](self, <const double *>self.flat_data,
                                      <double *>self.work.base)


def _copied_mask(name, mask, shape):
    if mask is None:
        return None
    mask = np.array(mask, order="C")
    if mask.dtype != np.bool_ or mask.shape != shape:
        raise ValueError(f"`{name}` must be bool of shape {shape}, not {mask.dtype} of "
                         f"{mask.shape}")
    return mask.view(np.uint8)


cdef void _read(SymbolStream s, StreamGroup group, const real *p, real *ws) noexcept nogil:
    cdef Window *w = &s.work.window
    cdef const real *logits = NULL
    cdef Share share = whole_share(&w.p, w.B) if group is None else group.share(0)
    cdef uint64_t float_state = gru_flush_subnormals()
    if s.predicted and w.T == 1:
        logits = <real *>s.base + s.logits_at
    load(s, ws)
    if group is None or group.meet() == 0:
        if read_window(w, p, ws, &share, logits) == 0:
            store(s, ws)
    gru_restore_float_state(float_state)


cdef void _predict_next(SymbolStream s, const real *p, real *ws) noexcept nogil:
    # Wy h (B, Vp) of the state -> the stream's memory
    cdef Window *w = &s.work.window
    cdef uint64_t float_state = gru_flush_subnormals()
    load(s, ws)
    load_state(w, ws, 0, w.B)
    predict(w, p, ws, 0, 1)
    memcpy(<real *>s.base + s.logits_at, ws + w.o.y, w.B * w.p.Vp * sizeof(real))
    s.predicted = True
    gru_restore_float_state(float_state)


cdef void _fill(SymbolStream s, double temperature, bint log, real *memory) noexcept nogil:
    cdef const Window *w = &s.work.window
    cdef real *p = <real *>s.work.base + w.o.y  # (Vp)
    cdef double *out
    cdef Py_ssize_t b, v
    for b in range(s.B):
        out = s.predictions + b * w.p.V
        if log:
            s.entropies[b] = log_softmax(w, <const real *>s.flat_data,
                                         memory + s.logits_at + b * w.p.Vp, temperature, p, out)
        else:
            memcpy(p, memory + s.logits_at + b * w.p.Vp, w.p.Vp * sizeof(real))
            gru_softmax_cross_entropy(w.k, p, NULL, NULL, <const real *>s.flat_data + w.p.by,
                                      inverse_temperature(temperature), 1, w.p.V, w.p.Vp)
            for v in range(w.p.V):
                out[v] = p[v]
