# SPDX-License-Identifier: MIT
"""Streams: the state of a model that reads symbol by symbol, and what it predicts next."""
import numpy as np

from gru_ext.core.arrays import Array
from gru_ext.core.matmul import one_blas_thread
from gru_ext.core.windows import aligned_zeros, check_count

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport isfinite
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy

from gru_ext.core.bptt cimport Window, choose_packing, load_state, pack_weights
from gru_ext.core.native cimport gru_flush_subnormals, gru_restore_float_state, real
from gru_ext.core.reading cimport log_softmax, losses_of, predict, read_symbols, separator_ends
from gru_ext.core.windows cimport Workspace

cdef double BITS_PER_NAT = 1.4426950408889634

cdef enum:
    WINDOW = 256       # the most time steps that are read together
    WINDOW_ROWS = 4096  # the most rows of them


def copied_symbols(what, symbols, ndim, vocabulary_size):
    """Return an int32 copy of an array of symbols, of which each is checked.

    What is checked is the copy: another thread may write into the caller's array at any time.
    """
    symbols = np.array(symbols, order="C")
    if symbols.size == 0 and symbols.dtype.kind == "f":  # an empty list
        symbols = symbols.astype(np.int32)
    if symbols.dtype.kind not in "iu":
        raise TypeError(f"`{what}` must be text or an array of integers, not {symbols.dtype}")
    if symbols.ndim != ndim:
        raise ValueError(f"`{what}` must have {ndim} dimension(s), not {symbols.ndim}")
    if symbols.size and (symbols.min() < 0 or symbols.max() >= vocabulary_size):
        place = tuple(map(int, np.argwhere((symbols < 0) | (symbols >= vocabulary_size))[0]))
        where = place[0] if ndim == 1 else f"{place[0]} of stream {place[1]}"
        raise ValueError(f"`{what}` must be from 0 to {vocabulary_size - 1}, not "
                         f"{symbols[place]} in time step {where}")
    return symbols.astype(np.int32, copy=False)


cdef class SymbolStream:
    """The state of a model that reads B sequences of symbols, and what it predicts next.

    Parameters
    ----------
    parameters : gru_ext.Parameters
        They are read at each call; a change of their values changes what comes next.
    batch_size : int
        B.
    separator : ndarray of symbols, shape (k,), optional
        What stands between documents. The state is reset where it is read.
    vocabulary : gru_ext.Vocabulary, optional
        It encodes text that is read.
    like : SymbolStream, optional
        A stream whose state is copied, and whose buffers are used in turn.
    """

    def __cinit__(self, parameters, batch_size=1, separator=None, vocabulary=None,
                  SymbolStream like=None):
        cdef const Window *w
        cdef Py_ssize_t reals
        if like is not None:
            self._share(like)
        else:
            self._create(parameters, batch_size, separator, vocabulary)
        w = &self.work.window
        self.B = w.B
        self.itemsize = self.work.itemsize
        reals = (w.p.layers * w.p.Hp + w.p.Vp) * w.B
        self.memory = aligned_zeros(reals, self.flat.dtype)
        self.base = <char *>_data(self.memory)
        self.logits_at = w.p.layers * w.B * w.p.Hp
        self._recent = np.full((w.B, max(1, len(self._separator))), -1, np.int32)
        self.separator.symbols = <const int32_t *>_data(self._separator)
        self.separator.length = len(self._separator)
        self.separator.recent = <int32_t *>_data(self._recent)
        if like is not None:
            self.rewind(like)

    cdef _create(self, parameters, batch_size, separator, vocabulary):
        V, B = parameters.vocabulary_size, batch_size
        check_count("`batch_size`", B, 1, 1 << 20)
        steps = max(1, min(WINDOW, WINDOW_ROWS // B))
        self.parameters = parameters
        self.flat = Array().check("parameters", parameters.flat)
        self.work = Workspace(V, parameters.hidden_size, B, steps, parameters.dtype, training=False,
                              resetting=True, layers=parameters.layers)
        self.work._check_flat("parameters", len(self.flat), self.flat.dtype.itemsize)
        self._separator = np.empty(0, np.int32)
        if separator is not None:
            self._separator = copied_symbols("separator", separator, 1, V)
        self.vocabulary = vocabulary
        self._codes = np.empty(0, np.int32) if vocabulary is None else vocabulary.table()
        self.codes = <const int32_t *>_data(self._codes)
        self.n_codes = len(self._codes)
        self.flat_data = _data(self.flat)
        self.resets = <const unsigned char *>_data(self.work._resets)
        self._one = np.zeros(1)
        self.one = <double *>_data(self._one)

    cdef _share(self, SymbolStream other):
        self.parameters, self.flat, self.work = other.parameters, other.flat, other.work
        self._separator, self.vocabulary = other._separator, other.vocabulary
        self._codes, self.codes, self.n_codes = other._codes, other.codes, other.n_codes
        self.flat_data, self.resets = other.flat_data, other.resets
        self._one, self.one = other._one, other.one

    # ---------------------------------------------------------------- the state

    @property
    def batch_size(self):
        """The number of sequences, B."""
        return self.B

    @property
    def layers(self):
        """The number of layers."""
        return self.work.window.p.layers

    @property
    def hidden_size(self):
        """The number of units of a layer, H."""
        return self.work.window.p.H

    @property
    def vocabulary_size(self):
        """The number of symbols, V."""
        return self.work.window.p.V

    @property
    def dtype(self):
        """The dtype of the parameters and the state."""
        return self.flat.dtype

    @property
    def started(self):
        """Whether anything was read, or a state set: without, there is nothing to predict from."""
        return self._started

    cdef _state_view(self):
        cdef const Window *w = &self.work.window
        shape = w.p.layers, w.B, w.p.Hp
        return self.memory[:self.logits_at].reshape(shape)[..., :w.p.H]

    @property
    def state(self):
        """The hidden states, shape (layers, B, H): a copy.

        It can be set to an array of that shape. What was read before is then unknown, so that a
        document separator that has begun is not recognised.

        Raises
        ------
        TypeError, ValueError
            The new state has another shape, or values that are not finite real numbers.
        """
        with self.work._lock:
            return self._state_view().copy()

    @state.setter
    def state(self, value):
        value = np.array(value)
        shape = self.work.window.p.layers, self.B, self.work.window.p.H
        if value.dtype.kind not in "fiu":
            raise TypeError(f"`state` must be an array of real numbers, not {value.dtype}")
        if value.shape != shape:
            raise ValueError(f"`state` must have shape {shape}, not {value.shape}")
        with np.errstate(over="ignore"):
            value = value.astype(self.dtype)
        if not np.isfinite(value).all():
            raise ValueError(f"`state` must have finite values of {self.dtype}")
        with self.work._lock:
            self._state_view()[...] = value
            self._recent[...] = -1
            self._started, self.predicted = True, False

    def reset(self):
        """Forget all that was read: the state is zero again."""
        with self.work._lock:
            self._state_view()[...] = 0
            self._recent[...] = -1
            self._started = self.predicted = False

    def copy(self):
        """Return another stream with the same state.

        The copies compute in the same buffers, one at a time. For several threads, make a stream
        for each with :meth:`Model.stream`.
        """
        return type(self)(self.parameters, like=self)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def rewind(self, SymbolStream to not None):
        """Take the state of another stream of the same model and batch size, such as a copy.

        Raises
        ------
        ValueError
            The other stream has other parameters or another batch size.
        """
        if to.parameters is not self.parameters or to.B != self.B:
            raise ValueError("`to` must be a stream of the same model and batch size")
        with self.work._lock:
            memcpy(self.base, to.base, self.memory.nbytes)
            self._recent[...] = to._recent
            self._started, self.predicted = to._started, to.predicted

    def assign(self, streams, rows):
        """Take the states of other streams of the same model: that of a row of each.

        Parameters
        ----------
        streams : sequence of B streams
        rows : sequence of B int
            Which of its streams each of them gives. No stream may be this one: take a copy.
        """
        cdef SymbolStream other
        cdef Py_ssize_t b, row, layer, size = self.work.window.p.Hp * self.itemsize
        if len(streams) != self.B or len(rows) != self.B:
            raise ValueError(f"`streams` and `rows` must have {self.B} elements, not "
                             f"{len(streams)} and {len(rows)}")
        with self.work._lock:
            for b in range(self.B):
                other, row = streams[b], rows[b]
                if other is self or other.parameters is not self.parameters:
                    raise ValueError("`streams` must be other streams of the same model")
                if not 0 <= row < other.B:
                    raise ValueError(f"`rows` must be from 0 to {other.B - 1}, not {row}")
                for layer in range(self.work.window.p.layers):
                    memcpy(self.base + (layer * self.B + b) * size,
                           other.base + (layer * other.B + row) * size, size)
                self._recent[b] = other._recent[row]
                self._started = other._started
            self.predicted = False

    # ---------------------------------------------------------------- reading

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
            self._read_window(1, &symbol, NULL, NULL)
            self.one[0] = self.work.window.losses[0] * BITS_PER_NAT
            return self._one.copy()
        finally:
            release()

    def read(self, symbols, starts=None, resets=None, states=None):
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

        Returns
        -------
        ndarray, float64, shape (n, B)
            -log p of each symbol; 0 where there is no prediction.
        """
        cdef Py_ssize_t start, stop, n, layer
        cdef const Window *w = &self.work.window
        symbols = copied_symbols("symbols", symbols, 2, w.p.V)
        if symbols.shape[1] != self.B:
            raise ValueError(f"`symbols` must have shape (n, {self.B}), not {symbols.shape}")
        n = len(symbols)
        nats = np.empty(symbols.shape)
        starts, resets = (_copied_mask(name, mask, symbols.shape)
                          for name, mask in (("starts", starts), ("resets", resets)))
        for start in range(0, n, w.T_max):
            stop = min(start + w.T_max, n)
            with self.work._lock:
                self._read_part(symbols[start:stop], nats[start:stop],
                                None if starts is None else starts[start:stop],
                                None if resets is None else resets[start:stop])
                for layer in range(0 if states is None else w.p.layers):
                    states[start:stop, :, layer] = self._window_states(layer)
            PyErr_CheckSignals()
        return nats

    cdef _read_part(self, symbols, nats, starts, resets):
        self._read_window(len(symbols), <const int32_t *>_data(symbols),
                          <const unsigned char *>_data(starts),
                          <const unsigned char *>_data(resets))
        nats[...] = self.work._losses[:nats.size].reshape(nats.shape)

    cdef _window_states(self, Py_ssize_t layer):
        # the states of a layer after each time step of the last window, (T, B, H)
        cdef const Window *w = &self.work.window
        first = layer * w.o.layer + w.o.h
        states = self.work._view(first, (w.T + 1, w.B, w.p.Hp), w.p.H)
        return states[1:]

    cdef _read_window(self, Py_ssize_t n, const int32_t *symbols, const unsigned char *starts,
                      const unsigned char *resets):
        # Read n <= T_max symbols of each stream; their losses are then in the workspace. The caller
        # holds its lock, and has checked the symbols.
        cdef Window *w = &self.work.window
        cdef Py_ssize_t i
        w.T, w.targets, w.dropout = n, NULL, 0
        choose_packing(w, n)
        memcpy(<void *>w.inputs, symbols, n * self.B * sizeof(int32_t))
        w.resets = NULL
        if starts != NULL or resets != NULL or self.separator.length:
            w.resets = self.resets
            self._mark_resets(n, <unsigned char *>w.resets, starts, resets)
        if w.blas != NULL:
            with one_blas_thread(True):
                self._compute()
        else:
            self._compute()
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

    cdef void _compute(self) noexcept:
        with nogil:
            if self.itemsize == sizeof(float):
                _read[float](self, <const float *>self.flat_data, <float *>self.work.base)
            else:
                _read[double](self, <const double *>self.flat_data, <double *>self.work.base)

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
        return self._shaped(self._log_softmax(temperature)[0])

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
        return self._shaped(np.exp(self._log_softmax(temperature)[0]))

    def entropy(self):
        """Return the entropy of the next symbol in bits: a float, or shape (B,) for a batch."""
        entropies = self._log_softmax(1.0)[1] * BITS_PER_NAT
        return float(entropies[0]) if self.B == 1 else entropies

    def _shaped(self, rows):
        return rows[0] if self.B == 1 else rows

    def _log_softmax(self, double temperature):
        # log p (B, V) in nats, and the entropies (B,) in nats
        if not (temperature > 0 and isfinite(temperature)):
            raise ValueError(f"`temperature` must be a positive finite number, not {temperature}")
        out = np.empty((self.B, self.work.window.p.V))
        entropies = np.empty(self.B)
        cdef double[:, ::1] rows = out
        cdef double[::1] each = entropies
        cdef Py_ssize_t b
        with self.work._lock:
            self._predict()
            for b in range(self.B):
                if self.itemsize == sizeof(float):
                    each[b] = _log_softmax_of[float](self, b, temperature, &rows[b, 0],
                                                     <float *>self.base)
                else:
                    each[b] = _log_softmax_of[double](self, b, temperature, &rows[b, 0],
                                                      <double *>self.base)
        return out, entropies

    cdef _predict(self):
        # Compute Wy h of the state, unless it is there already. The caller holds the lock.
        if not self._started:
            raise ValueError("this stream has read nothing yet, so that there is nothing to "
                             "predict from: feed it text first, such as a newline")
        if self.predicted:
            return
        cdef Window *w = &self.work.window
        w.T, w.packed = 1, False
        with one_blas_thread(w.blas != NULL):
            if self.itemsize == sizeof(float):
                predict_next[float](self, <const float *>self.flat_data, <float *>self.work.base)
            else:
                predict_next[double](self, <const double *>self.flat_data, <double *>self.work.base)


cdef const char *_data(array):
    if array is None:
        return NULL
    return <const char *><size_t>array.ctypes.data


def _copied_mask(name, mask, shape):
    if mask is None:
        return None
    mask = np.array(mask, order="C")
    if mask.dtype != np.bool_ or mask.shape != shape:
        raise ValueError(f"`{name}` must be bool of shape {shape}, not {mask.dtype} of "
                         f"{mask.shape}")
    return mask.view(np.uint8)


cdef void load(SymbolStream s, real *ws) noexcept nogil:
    memcpy(ws + s.work.window.o.state, s.base, s.logits_at * sizeof(real))


cdef void store(SymbolStream s, const real *ws) noexcept nogil:
    memcpy(s.base, ws + s.work.window.o.state, s.logits_at * sizeof(real))


cdef void _read(SymbolStream s, const real *p, real *ws) noexcept nogil:
    cdef Window *w = &s.work.window
    cdef uint64_t float_state = gru_flush_subnormals()
    load(s, ws)
    pack_weights(w, p, ws, 0, 1)
    read_symbols(w, p, ws)
    if s.predicted and w.T == 1:
        memcpy(ws + w.o.y, <real *>s.base + s.logits_at, w.B * w.p.Vp * sizeof(real))
    else:
        predict(w, p, ws, w.T)
    losses_of(w, p, ws + w.o.y, w.inputs, w.losses, w.T * w.B)
    store(s, ws)
    gru_restore_float_state(float_state)


cdef void predict_next(SymbolStream s, const real *p, real *ws) noexcept nogil:
    # Wy h (B, Vp) of the state -> the stream's memory
    cdef Window *w = &s.work.window
    cdef uint64_t float_state = gru_flush_subnormals()
    load(s, ws)
    load_state(w, ws, 0, w.B)
    predict(w, p, ws, 1)
    memcpy(<real *>s.base + s.logits_at, ws + w.o.y, w.B * w.p.Vp * sizeof(real))
    s.predicted = True
    gru_restore_float_state(float_state)


cdef double _log_softmax_of(SymbolStream s, Py_ssize_t b, double temperature, double *out,
                            real *memory) noexcept nogil:
    cdef const Window *w = &s.work.window
    return log_softmax(w, <const real *>s.flat_data, memory + s.logits_at + b * w.p.Vp, temperature,
                       <real *>s.work.base + w.o.y, out)
