# SPDX-License-Identifier: MIT
"""The lines of a log that a model did not expect, while the log is being written.

    gru-ext train yesterday.log --document-separator '\\n'
    tail -f today.log | python -c "import line_anomalies as a; a.watch('model.npz')"
"""
import math
import sys

from libc.math cimport INFINITY
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from gru_ext.capi cimport (
    GRU_BAD_SYMBOL,
    GRU_BAD_TEXT,
    GRU_ITEMSIZE,
    GRU_NULL,
    GRU_OK,
    GRU_SCRATCH_SIZE,
    GRU_STATE_SIZE,
    gru_cost_f32,
    gru_encode,
    gru_model,
    gru_model_free,
    gru_model_get,
    gru_model_open,
    gru_status_name,
    gru_step_f32,
)


cdef class Scorer:
    """Computes how surprising lines are to a model. Each thread needs one of its own.

    Parameters
    ----------
    path : path-like
        A model in float32.
    """

    cdef gru_model *model
    cdef float *state
    cdef float *scratch
    cdef Py_ssize_t state_size, scratch_size
    cdef int32_t newline    # its symbol; -1: the model has none

    def __cinit__(self, path):
        cdef Py_ssize_t count = 0
        self.model = gru_model_open(path)
        if gru_model_get(self.model, GRU_ITEMSIZE) != sizeof(float):
            raise ValueError(f"the model {path} must be float32")
        self.state_size = gru_model_get(self.model, GRU_STATE_SIZE)
        self.scratch_size = gru_model_get(self.model, GRU_SCRATCH_SIZE)
        self.state = <float *>calloc(self.state_size, sizeof(float))
        self.scratch = <float *>calloc(self.scratch_size, sizeof(float))
        if self.state is NULL or self.scratch is NULL:
            raise MemoryError()
        if gru_encode(self.model, b"\n", 1, &self.newline, 1, &count) != GRU_OK:
            self.newline = -1

    def __dealloc__(self):
        gru_model_free(self.model)
        free(self.state)
        free(self.scratch)

    def bits_per_char(self, bytes line not None):
        """Return the mean of -log2 p of the characters of a line and of its end.

        Infinite if the line has a character that the model does not know, or is not UTF-8.
        """
        cdef const char *text = line
        cdef Py_ssize_t size = len(line)
        cdef double bits = 0
        cdef int status
        with nogil:
            status = self._score(text, size, &bits)
        if status == GRU_BAD_SYMBOL or status == GRU_BAD_TEXT:
            return math.inf
        if status != GRU_OK:
            raise RuntimeError(f"gru_ext: {gru_status_name(status).decode()}")
        return bits

    cdef int _score(self, const char *text, Py_ssize_t size, double *bits) noexcept nogil:
        # The symbols are newline, line, newline: what comes before and after a line.
        cdef int32_t *x = <int32_t *>calloc(size + 2, sizeof(int32_t))
        cdef Py_ssize_t count = 0, i
        cdef double cost = 0
        cdef int status = GRU_NULL
        if x:
            status = gru_encode(self.model, text, size, x + 1, size, &count)
        x[0] = x[count + 1] = self.newline
        memset(self.state, 0, self.state_size * sizeof(float))
        for i in range(count + 1):
            if status == GRU_OK and x[i] >= 0 and x[i + 1] >= 0:
                status = gru_step_f32(self.model, x[i], self.state, self.scratch,
                                      self.scratch_size)
                if status == GRU_OK:
                    status = gru_cost_f32(self.model, self.state, x[i + 1], &cost, self.scratch,
                                          self.scratch_size)
                bits[0] += cost
        free(x)
        bits[0] /= count + 1
        return status


def watch(path, lines=None, double deviations=4, Py_ssize_t first=100, out=None):
    """Print the lines that are more surprising than those before them.

    Parameters
    ----------
    path : path-like
        The model.
    lines : iterable of bytes, optional
        By default the lines of the standard input.
    deviations : float
        A line is printed if its bits per character are so many standard deviations above the mean.
    first : int
        The number of lines from which mean and deviation are learned before a line is printed,
        unless it has an unknown character.
    out : file, optional
        By default the standard output.

    Notes
    -----
    Mean and deviation are running ones (Welford, 1962), of the lines that were not printed.
    """
    scorer = Scorer(path)
    cdef double mean = 0, squares = 0, bits, limit, delta
    cdef Py_ssize_t n = 0, number
    for number, line in enumerate(sys.stdin.buffer if lines is None else lines, 1):
        line = line.rstrip(b"\r\n")
        bits = scorer.bits_per_char(line)
        limit = mean + deviations * math.sqrt(squares / n) if n > 0 and n >= first else INFINITY
        if bits == INFINITY or bits > limit:
            text = line.decode(errors="backslashreplace")
            print(f"{number}: {bits:.2f} bits per character (mean {mean:.2f}): {text}", file=out,
                  flush=True)
            continue
        n += 1
        delta = bits - mean
        mean += delta / n
        squares += delta * (bits - mean)
