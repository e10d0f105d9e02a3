# SPDX-License-Identifier: MIT
"""Streams: a model that reads symbol by symbol, and what it predicts next."""
import numpy as np

from gru_ext.core.matmul import one_blas_thread

from libc.math cimport isfinite
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy

from gru_ext.core.bptt cimport Window, load_state
from gru_ext.core.native cimport (
    gru_flush_subnormals,
    gru_restore_float_state,
    gru_softmax_cross_entropy,
    real,
)
from gru_ext.core.reading cimport log_softmax, predict
from gru_ext.core.stream_reader cimport StreamReader
from gru_ext.core.stream_state cimport load
from gru_ext.core.temperature cimport inverse_temperature

cdef double BITS_PER_NAT = 1.4426950408889634


cdef class SymbolStream(StreamReader):
    """A model that reads B sequences of symbols, and what it predicts next.

    The parameters are those of StreamState (stream_state.pyx).
    """

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
