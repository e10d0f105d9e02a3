# SPDX-License-Identifier: MIT
"""The streams of one thread: predicted and coded symbol by symbol, then learned from in a window.

Everything here is done by the C-level functions of gru_ext, without the GIL, in memory that a
``Group`` allocates once.
"""
import numpy as np

from libc.stdint cimport int32_t, uint16_t, uint32_t
from libc.string cimport memset

from gru_ext.capi cimport (
    GRU_API_VERSION,
    GRU_FOR_TRAINING,
    GRU_LOGITS_SIZE,
    GRU_OK,
    GRU_STATE_SIZE,
    gru_api_version,
    gru_backward_f32,
    gru_batch_scratch_size,
    gru_forward_f32,
    gru_logits_batch_f32,
    gru_model,
    gru_step_batch_f32,
    gru_update_f32,
    gru_workspace_bytes_for,
    gru_workspace_init_for,
)

from gru_compress._frequencies cimport FREQUENCY_BITS, STEP_BITS, to_frequencies
from gru_compress._matches cimport (
    LONGEST,
    ODDS,
    Match,
    chance_of,
    enter,
    find,
    follow,
    learn_chance,
)
from gru_compress._network cimport Network
from gru_compress._range_coder cimport (
    SYMBOL_BYTES,
    decode_point,
    encode,
    finish,
    start,
    take_symbol,
)
from gru_compress._status cimport check

if gru_api_version() < GRU_API_VERSION:
    raise ImportError("gru_compress was built with a newer gru_ext than the installed one")

POWERS = np.floor(2.0**FREQUENCY_BITS * 2.0 ** (-np.arange(2**STEP_BITS) / 2**STEP_BITS))
cdef const uint32_t[::1] _powers = POWERS.astype(np.uint32)


cdef class Group:
    """B of the streams into which the data is cut, and a range coder for them.

    Parameters
    ----------
    network : Network
        The network that predicts them. Groups with one network may work at the same time.
    plan : Plan
        How the data is cut: stream s is ``data[s * plan.length:(s + 1) * plan.length]``.
    first, B : int
        The first of the streams, and their number.
    code : bytes, optional
        What another group has written, to decode; by default this group encodes.
    """

    def __cinit__(self, Network network, plan, Py_ssize_t first, Py_ssize_t B, code=None):
        cdef Py_ssize_t room
        cdef gru_model *model = network.model
        self.network, self.first, self.B = network, first, B
        self.size, self.length, self.T = plan.size, plan.length, plan.window
        self.points, self.codes = network.points, network.codes
        self.gradients = network.like()
        self.Vp = network.get(GRU_LOGITS_SIZE)
        self.states = np.zeros(B * network.get(GRU_STATE_SIZE), np.float32)
        self.logits = np.zeros(B * self.Vp, np.float32)
        self.scratch = np.zeros(gru_batch_scratch_size(model, B), np.float32)
        self.frequencies = np.zeros(network.V, np.uint32)
        self.symbols = np.zeros((self.T + 1) * B, np.int32)
        room = gru_workspace_bytes_for(model, B, self.T, GRU_FOR_TRAINING)
        self.workspace = np.empty(room, np.uint8)
        check(gru_workspace_init_for(model, &self.workspace[0], room, B, self.T,
                                     GRU_FOR_TRAINING))
        self._make_matches(plan.slots)
        self.encoding = code is None
        self.code = np.frombuffer(bytearray(code or 1), np.uint8)    # there is always a byte
        self.coder.size = 0 if code is None else len(code)
        self._point_coder()
        start(&self.coder, not self.encoding)

    def _make_matches(self, slots):
        # A chance is (count + 1) / (count + 2) at first: the rule of succession.
        counts = np.arange(LONGEST + 1).repeat(ODDS)
        self.chances = (65536 * (counts + 1) // (counts + 2)).astype(np.uint16)
        self.positions = np.full(slots, -1, np.intp)
        self.found = np.full((self.B, 2), -1, np.intp)
        self.matches.size, self.matches.length = self.size, self.length
        self.matches.positions, self.matches.mask = &self.positions[0], slots - 1
        self.matches.chances = &self.chances[0]

    cdef void _point_coder(self):
        self.coder.bytes = &self.code[0]

    def work(self, unsigned char[::1] data not None, Py_ssize_t begin, bint learn):
        """Code the time steps of each stream from `begin` on, at most one window.

        Parameters
        ----------
        data : writable buffer of bytes
            Read when this group encodes, and else written: only what belongs to its streams.
        begin : int
            The number of time steps that were coded before.
        learn : bool
            Whether to compute the gradients of this window, for :func:`update`.
        """
        cdef Py_ssize_t steps = min(self.T, self.length - begin), room
        cdef int status
        if data.shape[0] != self.size:
            raise ValueError(f"data must have {self.size} bytes, not {data.shape[0]}")
        if self.encoding:    # room for the window, and for what `finish` writes
            room = self.coder.at + (steps * self.B + 1) * SYMBOL_BYTES
            if room > self.code.shape[0]:
                grown = np.zeros(2 * room, np.uint8)
                grown[:self.code.shape[0]] = self.code
                self.code = grown
                self._point_coder()
        with nogil:
            status = self._code(data, begin, steps)
            if status == GRU_OK and learn:
                status = self._learn()
        check(status)

    @property
    def state(self):
        """The hidden states of the streams, shape (layers * B * Hp,), as an array."""
        return np.asarray(self.states)

    def finish(self):
        """Return what was encoded."""
        finish(&self.coder)
        return bytes(self.code[:self.coder.at])

    cdef int _code(self, unsigned char[::1] data, Py_ssize_t begin,
                   Py_ssize_t steps) noexcept nogil:
        cdef Py_ssize_t t, s, at
        cdef int32_t *x = &self.symbols[0]
        cdef int32_t symbol
        cdef int status
        for s in range(self.B):    # the last symbols of the window before
            x[s] = x[self.T * self.B + s]
        for t in range(steps):
            status = gru_step_batch_f32(self.network.model, self.B, x + t * self.B,
                                        &self.states[0], &self.states[0], &self.scratch[0],
                                        self.scratch.shape[0])
            if status == GRU_OK:
                status = gru_logits_batch_f32(self.network.model, self.B, &self.states[0],
                                              &self.logits[0])
            if status != GRU_OK:
                return status
            for s in range(self.B):
                at = (self.first + s) * self.length + begin + t
                symbol = 0    # behind the end of the data
                if at < self.size:
                    symbol = self._code_byte(&self.logits[s * self.Vp], &data[0], at,
                                             <Match *>&self.found[s, 0])
                x[(t + 1) * self.B + s] = symbol
            for s in range(self.B):
                at = (self.first + s) * self.length + begin + t
                if at < self.size:
                    enter(&self.matches, &data[0], at)
        return GRU_OK

    cdef int32_t _code_byte(self, const float *logits, unsigned char *data, Py_ssize_t at,
                            Match *match) noexcept nogil:
        # Encode or decode data[at], and return its symbol. A byte that is not in the vocabulary is
        # coded as a symbol more, V, and eight bits; the network reads symbol 0 in its place.
        cdef uint32_t *f = &self.frequencies[0]
        cdef uint32_t total = to_frequencies(logits, self.frequencies.shape[0], &_powers[0], f)
        cdef uint32_t begin = 0, point
        cdef int32_t symbol = 0, i
        if match.at < 0:
            find(&self.matches, data, at, match)
        if match.at >= 0 and self._code_match(data, at, match, &total):
            symbol = max(self.codes[data[at]], 0)
        elif self.encoding:
            symbol = self.codes[data[at]]
            if symbol < 0:
                encode(&self.coder, total, 1, total + 1)
                encode(&self.coder, data[at], 1, 256)
                symbol = 0
            else:
                for i in range(symbol):
                    begin += f[i]
                encode(&self.coder, begin, f[symbol], total + 1)
        else:
            point = decode_point(&self.coder, total + 1)
            if point == total:
                take_symbol(&self.coder, total, 1)
                data[at] = <unsigned char>decode_point(&self.coder, 256)
                take_symbol(&self.coder, data[at], 1)
            else:
                while point - begin >= f[symbol]:
                    begin += f[symbol]
                    symbol += 1
                take_symbol(&self.coder, begin, f[symbol])
                data[at] = self.points[symbol]
        if match.at >= 0:
            follow(&self.matches, data, at, match)
        return symbol

    cdef bint _code_match(self, unsigned char *data, Py_ssize_t at, const Match *match,
                          uint32_t *total) noexcept nogil:
        # Encode or decode whether data[at] is the byte that a match offers. If it is not, its
        # frequency is taken out.
        cdef unsigned char offered = data[match.at]
        cdef int32_t symbol = self.codes[offered]
        cdef uint32_t frequency = self.frequencies[symbol] if symbol >= 0 else 0
        cdef uint16_t *chance = chance_of(&self.matches, match, frequency, total[0])
        cdef uint32_t limit = chance[0]
        cdef bint hit
        if self.encoding:
            hit = data[at] == offered
            encode(&self.coder, 0 if hit else limit, limit if hit else 65536 - limit, 65536)
        else:
            hit = decode_point(&self.coder, 65536) < limit
            take_symbol(&self.coder, 0 if hit else limit, limit if hit else 65536 - limit)
        learn_chance(chance, hit)
        if hit:
            data[at] = offered
        elif symbol >= 0:
            self.frequencies[symbol] = 0
            total[0] -= frequency
        return hit

    cdef int _learn(self) noexcept nogil:
        # gradients = the gradient of this window's loss in nats per stream of the network
        cdef const int32_t *x = &self.symbols[0]
        cdef int status
        memset(&self.gradients[0], 0, self.gradients.shape[0] * sizeof(float))
        status = gru_forward_f32(self.network.model, &self.workspace[0], x, x + self.B, self.T,
                                 NULL)
        if status == GRU_OK:
            status = gru_backward_f32(self.network.model, &self.workspace[0], x, x + self.B,
                                      self.network.scale, &self.gradients[0])
        return status


def update(Network network, list groups, Py_ssize_t step, double learning_rate):
    """Add the gradients of the groups in their order, and update the weights by Adam.

    The sum has one order, so that it does not depend on which thread was faster. Nothing else may
    use the network during the call.
    """
    cdef Group first = groups[0], other
    cdef float[::1] total = first.gradients, more
    cdef Py_ssize_t i
    cdef int status
    for other in groups[1:]:
        more = other.gradients
        with nogil:
            for i in range(total.shape[0]):
                total[i] += more[i]
    network.settings.step, network.settings.learning_rate = step, learning_rate
    with nogil:
        status = gru_update_f32(network.model, &first.workspace[0], &network.settings,
                                &network.memory[0], &network.mean[0], &total[0])
    check(status)
