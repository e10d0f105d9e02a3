# SPDX-License-Identifier: MIT
"""The sampler: from the logits of one time step to the next symbol of each stream.

The methods here check all their arguments. The C-level functions that they call check nothing.
"""
import threading

import numpy as np

from gru_ext.core.checks import (
    LARGEST_TABLE,
    bias_of,
    integers,
    number,
    reals,
    regex_of,
    stop_of,
    whole,
)

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy

from gru_ext.core cimport kernels
from gru_ext.core.filters cimport Candidate
from gru_ext.core.layout cimport LARGEST_SIZE, MOST_STREAMS, padded
from gru_ext.core.native cimport (
    gru_flush_subnormals,
    gru_kernels,
    gru_restore_float_state,
    real,
)
from gru_ext.core.sampling cimport GOES_ON, Sampling, choose_symbol, observe, read_symbol
from gru_ext.core.temperature cimport inverse_temperature, is_cold

ENDINGS = (None, "stop", "regex", "length")


cdef void _choose_all(Sampling *s, const gru_kernels *k, const real *logits, real *y,
                      const real *by, const double[:, ::1] uniforms,
                      int32_t[:, ::1] symbols) noexcept nogil:
    # logits (n, B, V); y (Vp) and by (Vp) as in choose_symbol.
    cdef Py_ssize_t i, b
    for i in range(uniforms.shape[0]):
        for b in range(s.B):
            symbols[i, b] = -1
            if s.ended[b] == GOES_ON:
                memcpy(y, logits + (i * s.B + b) * s.V, s.V * sizeof(real))
                symbols[i, b] = choose_symbol(s, k, b, y, by, uniforms[i, b])
                if symbols[i, b] >= 0:
                    observe(s, b, symbols[i, b])


cdef size_t _kept(list arrays, array) except? 0:
    # The address of an array, which is appended to `arrays`: it lives as long as these.
    arrays.append(array)
    return array.ctypes.data


cdef class Sampler:
    """How symbols are sampled from logits, and what that depends on in each of B streams.

    A symbol is chosen in these steps. Each filter works with the probabilities that the steps
    before it left, divided by their sum. Ties are broken by the symbol's number, lowest first.

    1. logits: ``y + by + bias``.
    2. DRY, "don't repeat yourself" (Weidmann 2024, text-generation-webui and llama.cpp): for each
       symbol c let L be the length of the longest suffix of the history that was followed by c
       earlier in the history. If ``L >= dry_length``, the logit of c is lowered by
       ``dry * dry_base ** (L - dry_length)``, at most 1e30. The history is what the stream read and
       sampled, its last ``dry_range`` symbols. A suffix does not contain breakers, and the logits
       of breakers are not lowered.
    3. regex: the logits of symbols that cannot lead to a complete match within the remaining length
       are -inf. If the match is already complete, symbols that the regex does not allow keep their
       logits; the sample ends when one of them is chosen. So the probability that it ends is
       that of all these symbols.
    4. ``p = softmax(logits / temperature)``. If the temperature is 1e-6 or lower, the most likely
       symbol is chosen and the steps below do not apply.
    5. top_k: the k most likely symbols.
    6. top_p (Holtzman et al. 2020, "The curious case of neural text degeneration"): the fewest most
       likely symbols whose sum reaches top_p.
    7. min_p (Nguyen et al. 2024, "Turning up the heat"): the symbols with
       ``p >= min_p * max(p)``.
    8. typical_p (Meister et al. 2023, "Locally typical sampling"): the fewest symbols whose sum
       reaches typical_p, taken in ascending order of ``abs(-log(p) - entropy)``.
    9. surprise (Basu et al. 2021, "Mirostat"; llama.cpp calls this form version 2): the symbols
       with ``-log2(p) <= mu``, and the most likely one. mu starts at ``2 * surprise``. After each
       symbol ``mu -= surprise_rate * (-log2(p) - surprise)``, with p of the symbol chosen at step
       4, before any symbol was removed, as in the authors' program. The mean of -log2(p)
       approaches ``surprise`` if that is between the mean of the most likely symbols and the
       entropy.
    10. The first symbol for which the cumulative sum of p exceeds the random number times the sum
        of p.

    A sample ends after a symbol that completes a stop string; when a match is complete and the
    regex allows no further symbol, or one that it does not allow is chosen; or when it has
    ``length`` symbols.

    Parameters
    ----------
    vocabulary_size, batch_size : int
        V and B.
    dtype : dtype
        The dtype of the logits, float32 or float64.
    temperature : float
        A finite number, 0 or more.
    top_k : int
        0 keeps all symbols.
    top_p, typical_p : float
        Above 0; 1 keeps all symbols.
    min_p : float
        From 0, which keeps all symbols, to 1.
    surprise : float, optional
        The target of the mean surprise, in bits per character, above 0, at most 1e6. It excludes
        the other filters.
    surprise_rate : float
        Above 0, at most 1.
    bias : array of float, shape (V,), optional
        Added to the logits, from -1e6 to 1e6; -inf bans a symbol. At least one must be finite.
    dry : float
        The penalty of a repetition of ``dry_length`` symbols, in nats, from 0, which is no penalty,
        to 1e6.
    dry_base : float
        The factor for each symbol more, from 1 to 1e6. The usual 1.75 is for a token; with four
        characters to a token, 1.15 is ``1.75 ** (1 / 4)``.
    dry_length : int
        The shortest repetition with a penalty, in characters.
    dry_range : int
        The longest history, in characters; it must be greater than ``dry_length``.
    dry_breakers : array of int, optional
        Symbols that end a repetition.
    regex : tuple of 3 arrays, optional
        ``next`` (S, V), for each state the state after a symbol, or -1 if it is not allowed;
        ``accepting`` (S,), bool; ``to_accept`` (S,), the smallest number of symbols to an accepting
        state, or 2**31 - 1 if there is none. State 0 is initial.
    stop : tuple of 2 arrays, optional
        ``next`` (S, V), all 0 or more, and ``accepting`` (S,), which state 0 is not.
    length : int, optional
        The largest number of symbols of a sample. With ``regex`` it is required.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """

    def __cinit__(self, vocabulary_size, batch_size, dtype, *, temperature=1.0, top_k=0, top_p=1.0,
                  min_p=0.0, typical_p=1.0, surprise=None, surprise_rate=0.1, bias=None, dry=0.0,
                  dry_base=1.15, dry_length=20, dry_range=1024, dry_breakers=None, regex=None,
                  stop=None, length=None):
        cdef Sampling *s = &self.sampling
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise TypeError(f"`dtype` must be float32 or float64, not {self.dtype}")
        self._lock = threading.Lock()
        self._tables = []
        s.V = whole("vocabulary_size", vocabulary_size, 1, LARGEST_SIZE)
        s.Vp = padded(s.V, self.dtype.itemsize)
        s.B = whole("batch_size", batch_size, 1, MOST_STREAMS)
        self._set_filters(temperature, top_k, top_p, min_p, typical_p, surprise, surprise_rate)
        if bias is not None:
            s.bias = <const void *>_kept(self._tables, bias_of(bias, s.V, s.Vp, self.dtype))
        self._set_dry(dry, dry_base, dry_length, dry_range, dry_breakers)
        self._set_automata(regex, stop, length)
        s.edits = s.bias != NULL or s.dry.strength > 0 or s.regex.next != NULL
        self._allocate()

    cdef _acquire(self):
        # One call at a time: a second one would change the state that the first one reads.
        if not self._lock.acquire(False):
            raise RuntimeError("this sampler is in use by another thread: create one per thread")

    cdef _set_filters(self, temperature, top_k, top_p, min_p, typical_p, surprise, surprise_rate):
        cdef Sampling *s = &self.sampling
        temperature = number("temperature", temperature, np.inf)
        s.cold = is_cold(temperature)
        s.inverse = inverse_temperature(temperature)
        s.top_k = min(whole("top_k", top_k, 0, LARGEST_SIZE) or s.V, s.V)
        s.top_p = number("top_p", top_p, 1, above=True)
        s.min_p = number("min_p", min_p, 1)
        s.typical_p = number("typical_p", typical_p, 1, above=True)
        s.surprise_rate = number("surprise_rate", surprise_rate, 1, above=True)
        if surprise is not None:
            s.surprise = number("surprise", surprise, 1e6, above=True)
            for name, given, off in (("top_k", top_k, 0), ("top_p", top_p, 1), ("min_p", min_p, 0),
                                     ("typical_p", typical_p, 1)):
                if given != off:
                    raise ValueError(f"`{name}` must be {off} with `surprise`, which excludes "
                                     f"other filters, not {given}")
        s.filters = (s.top_k < s.V or s.top_p < 1 or s.min_p > 0 or s.typical_p < 1
                     or s.surprise > 0)

    cdef _set_dry(self, dry, dry_base, dry_length, dry_range, dry_breakers):
        cdef Sampling *s = &self.sampling
        s.dry.strength = number("dry", dry, 1e6)
        s.dry.base = number("dry_base", dry_base, 1e6, least=1)
        s.dry.length = whole("dry_length", dry_length, 1, LARGEST_SIZE)
        s.dry.range = whole("dry_range", dry_range, 2, LARGEST_SIZE)
        breakers = integers("dry_breakers", () if dry_breakers is None else dry_breakers, 1, 0,
                            s.V - 1)
        if s.dry.strength == 0:
            return
        if s.dry.range <= s.dry.length:
            raise ValueError(f"`dry_range` must be greater than `dry_length`, {dry_length}, "
                             f"not {dry_range}")
        if s.B * s.dry.range > LARGEST_TABLE:
            raise ValueError(f"`dry_range` times `batch_size`, {s.B}, must be at most "
                             f"{LARGEST_TABLE}, not {s.B * s.dry.range}")
        breaks = np.zeros(s.V, np.uint8)
        breaks[breakers] = 1
        s.dry.breaks = <const unsigned char *>_kept(self._tables, breaks)

    cdef _set_automata(self, regex, stop, length):
        cdef Sampling *s = &self.sampling
        if length is not None:
            s.length = whole("length", length, 1, 2**53)
        if regex is not None:
            table, accepting, final, to_accept = regex_of(regex, s.V)
            if length is None:
                raise ValueError("`length` must be given with `regex`, not None")
            if to_accept[0] > s.length:
                raise ValueError(f"`length` must be at least {to_accept[0]}, the length of the "
                                 f"shortest match of `regex`, not {length}")
            s.regex.next = <const int32_t *>_kept(self._tables, table)
            s.regex.accepting = <const unsigned char *>_kept(self._tables, accepting)
            s.regex.final = <const unsigned char *>_kept(self._tables, final)
            s.regex.to_accept = <const int32_t *>_kept(self._tables, to_accept)
            s.regex.farthest = to_accept.max()
        if stop is not None:
            table, accepting = stop_of(stop, s.V)
            s.stop.next = <const int32_t *>_kept(self._tables, table)
            s.stop.accepting = <const unsigned char *>_kept(self._tables, accepting)

    cdef _allocate(self):
        # Allocates the state of the streams and the scratch memory.
        cdef Sampling *s = &self.sampling
        cdef Py_ssize_t history = s.B * s.dry.range if s.dry.strength > 0 else 0
        cdef list state = [], scratch = []
        s.largest_surprise = <double *>_kept(state, np.zeros(s.B, np.float64))
        s.count = <int64_t *>_kept(state, np.zeros(s.B, np.int64))
        s.ended = <int32_t *>_kept(state, np.zeros(s.B, np.int32))
        s.regex.state = <int32_t *>_kept(state, np.zeros(s.B, np.int32))
        s.stop.state = <int32_t *>_kept(state, np.zeros(s.B, np.int32))
        s.dry.past = <int32_t *>_kept(state, np.zeros(2 * history, np.int32))
        s.dry.run = <int32_t *>_kept(state, np.zeros(history, np.int32))
        s.dry.longest_run = <int32_t *>_kept(state, np.zeros(s.B, np.int32))
        s.dry.newest = <Py_ssize_t *>_kept(state, np.zeros(s.B, np.intp))
        s.dry.count = <Py_ssize_t *>_kept(state, np.zeros(s.B, np.intp))
        s.dry.longest = <int32_t *>_kept(scratch, np.zeros(s.V if history else 0, np.int32))
        s.heap = <Candidate *>_kept(
            scratch, np.zeros(s.V if s.filters else 0, f"V{sizeof(Candidate)}"))
        self._state, self._scratch = state, scratch
        self._begin()

    cdef _begin(self):
        # Sets the state of the streams to that before the first symbol.
        cdef Sampling *s = &self.sampling
        cdef Py_ssize_t b
        for array in self._state:
            array[...] = 0
        for b in range(s.B):
            s.largest_surprise[b] = 2 * s.surprise
            s.dry.newest[b] = 2 * s.dry.range

    @property
    def vocabulary_size(self):
        """V."""
        return self.sampling.V

    @property
    def batch_size(self):
        """The number of streams, B."""
        return self.sampling.B

    @property
    def ended(self):
        """Why each stream ended, shape (B,), int32: indices of ``ENDINGS``; 0 if it goes on."""
        cdef Sampling *s = &self.sampling
        return np.array(<int32_t[:s.B]>s.ended)

    def reset(self):
        """Set the state of all streams to that before the first symbol."""
        self._acquire()
        try:
            self._begin()
        finally:
            self._lock.release()

    def copy(self):
        """Return a sampler with the same settings and a copy of the state of the streams."""
        cdef Sampler other = Sampler(self.sampling.V, self.sampling.B, self.dtype)
        other.sampling = self.sampling
        other._tables = self._tables
        other._allocate()
        self._acquire()
        try:
            for to, array in zip(other._state, self._state, strict=True):
                to[...] = array
        finally:
            self._lock.release()
        return other

    def read(self, symbols):
        """Append what the streams read before their samples, such as a prompt, to the history.

        It is the history of DRY. The length, the regex and the stop strings apply to the sample
        only.

        Parameters
        ----------
        symbols : array of int, shape (n, B)
            Symbols from 0 to V - 1.

        Raises
        ------
        TypeError, ValueError
            If a dtype, a shape or a symbol is not as above.
        """
        cdef Sampling *s = &self.sampling
        symbols = integers("symbols", symbols, 2, 0, s.V - 1)
        if symbols.shape[1] != s.B:
            raise ValueError(f"`symbols` must have shape (n, {s.B}), not {symbols.shape}")
        cdef const int32_t[:, ::1] x = symbols
        cdef Py_ssize_t i, b
        self._acquire()
        try:
            with nogil:
                for i in range(x.shape[0]):
                    for b in range(s.B):
                        read_symbol(s, b, x[i, b])
        finally:
            self._lock.release()

    def read_stream(self, Py_ssize_t stream, symbols):
        """Append what one stream read before its sample, symbols (n,), to the history."""
        cdef Sampling *s = &self.sampling
        if not 0 <= stream < s.B:
            raise ValueError(f"`stream` must be from 0 to {s.B - 1}, not {stream}")
        cdef const int32_t[::1] x = integers("symbols", symbols, 1, 0, s.V - 1)
        cdef Py_ssize_t i
        self._acquire()
        try:
            for i in range(x.shape[0]):
                read_symbol(s, stream, x[i])
        finally:
            self._lock.release()

    def choose(self, logits, uniforms):
        """Choose the next n symbols of each stream from given logits.

        Parameters
        ----------
        logits : ndarray of the sampler's dtype, shape (n, B, V)
        uniforms : array of float, shape (n, B)
            Random numbers in [0, 1).

        Returns
        -------
        symbols : ndarray, int32, shape (n, B)
            The symbols, and -1 after the end of a sample.
        ended : ndarray, int32, shape (B,)
            As the attribute ``ended``.

        Raises
        ------
        TypeError, ValueError
            If a dtype, a shape or a random number is not as above.
        """
        cdef Sampling *s = &self.sampling
        cdef const gru_kernels *k = kernels.active()
        cdef uint64_t float_state
        logits = np.array(logits, order="C")
        uniforms = reals("uniforms", uniforms)
        if logits.dtype != self.dtype:
            raise TypeError(f"`logits` must be {self.dtype}, not {logits.dtype}")
        if logits.ndim != 3 or logits.shape[1:] != (s.B, s.V):
            raise ValueError(f"`logits` must have shape (n, {s.B}, {s.V}), not {logits.shape}")
        if uniforms.shape != logits.shape[:2]:
            raise ValueError(f"`uniforms` must have shape {logits.shape[:2]}, not {uniforms.shape}")
        if not ((uniforms >= 0) & (uniforms < 1)).all():
            raise ValueError("`uniforms` must be from 0 to below 1")
        symbols = np.empty(uniforms.shape, np.int32)
        scratch = np.zeros((2, s.Vp), self.dtype)
        cdef size_t x = logits.ctypes.data, y = scratch[0].ctypes.data, by = scratch[1].ctypes.data
        cdef const double[:, ::1] u = uniforms
        cdef int32_t[:, ::1] out = symbols
        cdef bint single = self.dtype == np.float32
        self._acquire()
        try:
            with nogil:
                float_state = gru_flush_subnormals()
                if single:
                    _choose_all(s, k, <const float *>x, <float *>y, <const float *>by, u, out)
                else:
                    _choose_all(s, k, <const double *>x, <double *>y, <const double *>by, u, out)
                gru_restore_float_state(float_state)
        finally:
            self._lock.release()
        return symbols, self.ended
