# SPDX-License-Identifier: MIT
"""The state of a stream, and the buffers in which it computes (declarations: stream_state.pxd)."""
import numpy as np

from gru_ext.core.arrays import Array
from gru_ext.core.checks import integers
from gru_ext.core.windows import aligned_zeros, check_count

from libc.stdint cimport int32_t
from libc.string cimport memcpy

from gru_ext.core.bptt cimport Window
from gru_ext.core.native cimport real
from gru_ext.core.windows cimport Workspace

cdef enum:
    WINDOW = 256        # the most time steps that are read together
    WINDOW_ROWS = 4096  # the most rows of them


cdef const char *address(array):
    if array is None:
        return NULL
    return <const char *><size_t>array.ctypes.data


cdef void load(StreamState s, real *ws) noexcept nogil:
    memcpy(ws + s.work.window.o.state, s.base, s.logits_at * sizeof(real))


cdef void store(StreamState s, const real *ws) noexcept nogil:
    memcpy(s.base, ws + s.work.window.o.state, s.logits_at * sizeof(real))


cdef class StreamState:
    """The hidden states and last logits of a model that reads B sequences of symbols.

    Parameters
    ----------
    parameters : gru_ext.Parameters
        They are read at each call; a change of their values changes what comes next. Narrow
        parameters never change.
    batch_size : int
        B.
    separator : ndarray of symbols, shape (k,), optional
        What stands between documents. The state is reset where it is read.
    vocabulary : gru_ext.Vocabulary, optional
        It encodes text that is read.
    like : StreamState, optional
        A stream whose state is copied, and whose buffers are used in turn.
    """

    def __cinit__(self, parameters, batch_size=1, separator=None, vocabulary=None,
                  StreamState like=None):
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
        self.base = <char *>address(self.memory)
        self.logits_at = w.p.layers * w.B * w.p.Hp
        self._recent = np.full((w.B, max(1, len(self._separator))), -1, np.int32)
        self.separator.symbols = <const int32_t *>address(self._separator)
        self.separator.length = len(self._separator)
        self.separator.recent = <int32_t *>address(self._recent)
        if like is not None:
            self.rewind(like)

    cdef _create(self, parameters, batch_size, separator, vocabulary):
        V, B = parameters.vocabulary_size, batch_size
        check_count("`batch_size`", B, 1, 1 << 20)
        steps = max(1, min(WINDOW, WINDOW_ROWS // B))
        self.parameters = parameters
        narrow = parameters.narrow
        self.flat = Array().check(
            "parameters", parameters.flat if narrow is None else parameters.packed)
        self.work = Workspace(V, parameters.hidden_size, B, steps, parameters.dtype, training=False,
                              resetting=True, layers=parameters.layers, weights=narrow)
        self.work._check_flat("parameters", len(self.flat), self.flat.dtype.itemsize)
        self._separator = np.empty(0, np.int32)
        if separator is not None:
            self._separator = integers("separator", separator, 1, 0, V - 1)
        self.vocabulary = vocabulary
        self._codes = np.empty(0, np.int32) if vocabulary is None else vocabulary.table()
        self.codes = <const int32_t *>address(self._codes)
        self.n_codes = len(self._codes)
        self.flat_data = address(self.flat)
        self.resets = <const unsigned char *>address(self.work._resets)
        self._bits = np.zeros(1)
        self.bits = <double *>address(self._bits)
        self._predictions, self._entropies = np.zeros((B, V)), np.zeros(B)
        self.predictions = <double *>address(self._predictions)
        self.entropies = <double *>address(self._entropies)

    cdef _share(self, StreamState other):
        self.parameters, self.flat, self.work = other.parameters, other.flat, other.work
        self._separator, self.vocabulary = other._separator, other.vocabulary
        self._codes, self.codes, self.n_codes = other._codes, other.codes, other.n_codes
        self.flat_data, self.resets = other.flat_data, other.resets
        self._bits, self.bits = other._bits, other.bits
        self._predictions, self.predictions = other._predictions, other.predictions
        self._entropies, self.entropies = other._entropies, other.entropies

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
        """Set the state to zero, as if nothing had been read."""
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

    def rewind(self, StreamState to not None):
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
        cdef StreamState other
        cdef const Window *w = &self.work.window
        cdef Py_ssize_t b, row, layer, size = w.p.Hp * self.itemsize
        cdef Py_ssize_t logits = w.p.Vp * self.itemsize
        cdef bint started = True, predicted = True
        if len(streams) != self.B or len(rows) != self.B:
            raise ValueError(f"`streams` and `rows` must have {self.B} elements, not "
                             f"{len(streams)} and {len(rows)}")
        with self.work._lock:
            for b in range(self.B):
                stream, row = streams[b], rows[b]
                if not isinstance(stream, StreamState):
                    raise TypeError(f"`streams` must be streams, not {type(stream).__name__}")
                other = stream
                if (other is self or other.parameters is not self.parameters
                        or other.separator.length != self.separator.length):
                    raise ValueError("`streams` must be other streams of the same model")
                if not 0 <= row < other.B:
                    raise ValueError(f"`rows` must be from 0 to {other.B - 1}, not {row}")
                for layer in range(w.p.layers):
                    memcpy(self.base + (layer * self.B + b) * size,
                           other.base + (layer * other.B + row) * size, size)
                memcpy(self.base + self.logits_at * self.itemsize + b * logits,
                       other.base + other.logits_at * self.itemsize + row * logits, logits)
                self._recent[b] = other._recent[row]
                started, predicted = started and other._started, predicted and other.predicted
            self._started, self.predicted = started, predicted
