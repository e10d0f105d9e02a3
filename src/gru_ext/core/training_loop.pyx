# SPDX-License-Identifier: MIT
"""Many training steps in one call, without the GIL, on a team of threads."""
import logging
from time import perf_counter

import numpy as np

from libc.stdint cimport int32_t, uint64_t
from libc.stdlib cimport calloc, free

from gru_ext.core cimport kernels
from gru_ext.core.bptt cimport Window
from gru_ext.core.layout cimport Layout, layout_with, weights_of
from gru_ext.core.native cimport GRU_ADAGRAD, GRU_ADAM, GRU_RMSPROP, gru_kernels, real
from gru_ext.core.products cimport choose_packing
from gru_ext.core.team cimport best_grid, gru_team, gru_team_abandon, gru_team_begin
from gru_ext.core.training_step cimport TrainingRun, apply_part, train_part
from gru_ext.core.updates cimport square_sum_count
from gru_ext.core.windows cimport Workspace

from gru_ext.core.arrays import WRITABLE, Array
from gru_ext.core.helper_threads import Contention, HelperThreads
from gru_ext.core.kernels import (
    check_beta,
    check_clip,
    check_dropout,
    check_eps,
    check_learning_rate,
    check_weight_decay,
)
from gru_ext.core.matmul import one_blas_thread
from gru_ext.core.windows import aligned_zeros, check_count

_SYMBOLS = Array(dtypes=(np.uint8, np.uint16, np.int32))
_KINDS = {"adagrad": GRU_ADAGRAD, "rmsprop": GRU_RMSPROP, "adam": GRU_ADAM, "adamw": GRU_ADAM}


def step_time(hidden_size, Py_ssize_t batch_size, Py_ssize_t itemsize, Py_ssize_t threads):
    """Estimate the time of one time step of one layer on so many threads, in nanoseconds."""
    cdef const gru_kernels *k = kernels.active()
    cdef Layout p = layout_with(1, hidden_size, max(itemsize, 4), 1, weights_of(itemsize))
    cdef double time
    if itemsize != sizeof(double):
        best_grid(k, &p, batch_size, threads, True, &time, <float *>NULL)
    else:
        best_grid(k, &p, batch_size, threads, True, &time, <double *>NULL)
    return time


cdef class TrainingLoop:
    """Truncated BPTT over B streams of one text, with an optimiser step per window.

    The text of n symbols is cut into B streams of ``(n - 1) // B`` predictions. Each window
    continues from the hidden state of the window before it. When the next window would reach the
    end of the streams, all streams restart at their beginning with a zero state.

    The gradient is that of the loss summed over the time steps and averaged over the streams.

    Parameters
    ----------
    parameters, memory : ndarray, 1-D contiguous, float32 or float64
        The flat parameter buffer and the optimiser state: Adagrad's sums of the squared gradients,
        or the second moment. Updated in place.
    workspace : Workspace
        It determines batch size, sequence length, dtype and the largest number of threads.
    symbols : ndarray, uint8, uint16 or int32, 1-D contiguous
    separator : ndarray of symbols, 1-D, optional
        The sequence of symbols between two documents. The hidden state of a stream is reset to zero
        before it reads the last of them. The workspace must be created with ``resetting=True``.
    optimizer : {"adagrad", "rmsprop", "adam", "adamw"}
        The optimiser; docs/explanation/equations.md has the equations.
    mean : ndarray, as memory, optional
        The first moment, the moving average of the gradients. Required for Adam and AdamW only.
    beta1, beta2 : float
        The decay rates of the first and second moment.
    tied : bool
        Whether the weights are tied: Wy = Wh^T of the first layer. The parameters must fulfil this
        at the start; each step preserves it.
    average : ndarray, as parameters, optional
        The average of the parameters, which is updated by steps with an ``average_over``.
    """

    cdef readonly Workspace workspace
    cdef readonly object parameters, memory, mean, average
    cdef object _dropped, _gradients, _symbols, _separator, _square_sums
    cdef TrainingRun *run
    cdef bint _reported, _applying
    cdef object _contention

    def __cinit__(self, parameters, memory, Workspace workspace not None, symbols, separator=None,
                  optimizer="adagrad", mean=None, double beta1=0.9, double beta2=0.999,
                  tied=False, average=None):
        cdef Window *w = &workspace.window
        self.run = <TrainingRun *>calloc(1, sizeof(TrainingRun))
        if self.run is NULL:
            raise MemoryError()
        self.run.groups = <gru_team *>calloc(w.parts_max, sizeof(gru_team))
        if self.run.groups is NULL:
            raise MemoryError()
        if not w.training:
            raise ValueError("the workspace must be created with training=True")
        if optimizer not in _KINDS:
            raise ValueError(f"optimizer must be {' or '.join(_KINDS)}, not {optimizer!r}")
        self.run.rule.kind = _KINDS[optimizer]
        if (mean is None) == (self.run.rule.kind == GRU_ADAM):
            raise ValueError("adam and adamw need mean, the other optimizers must not have it")
        for what, beta in (("beta1", beta1), ("beta2", beta2)):
            check_beta(what, beta)
        self.run.rule.beta1, self.run.rule.beta2 = beta1, beta2
        self.run.tied = bool(tied)
        parameters = self._checked("parameters", parameters, workspace)
        memory = self._checked("memory", memory, workspace)
        if mean is not None:
            mean = self._checked("mean", mean, workspace)
        if average is not None:
            self.average = average = self._checked("average", average, workspace)
            self.run.average = <void *><size_t>average.ctypes.data
        symbols = _SYMBOLS.check("symbols", symbols)
        stream_length = (symbols.size - 1) // w.B + 1
        if stream_length < w.T_max + 1:
            raise ValueError(f"batch size {w.B} and sequence length {w.T_max} need a text of at "
                             f"least {w.B * w.T_max + 1} symbols, not {symbols.size}")
        estimate = 3e-9 * w.T_max * w.p.layers * step_time(w.p.H, w.B, workspace.itemsize, 1)
        self._contention = Contention(estimate)
        self.workspace = workspace
        self.parameters, self.memory, self.mean = parameters, memory, mean
        self._symbols = symbols
        self._gradients = aligned_zeros(parameters.size, parameters.dtype)
        self._square_sums = np.zeros(square_sum_count(&w.p), np.float64)
        self.run.p = <void *><size_t>parameters.ctypes.data
        self.run.m = <void *><size_t>memory.ctypes.data
        self.run.mean = NULL if mean is None else <void *><size_t>mean.ctypes.data
        self.run.g = <void *><size_t>self._gradients.ctypes.data
        self.run.square_sums = <double *><size_t>self._square_sums.ctypes.data
        self.run.streams.symbols = <const void *><size_t>symbols.ctypes.data
        self.run.streams.symbol_bytes = symbols.itemsize
        self.run.streams.stream_length = stream_length
        if separator is None:
            return
        self._separator = np.array(separator, np.int32, order="C")  # a copy, which stays the same
        if self._separator.ndim != 1 or not self._separator.size:
            raise ValueError("separator must be 1-D and have at least one symbol")
        if not w.resetting:
            raise ValueError("the workspace must be created with resetting=True")
        self.run.streams.separator = <const int32_t *><size_t>self._separator.ctypes.data
        self.run.streams.separator_length = self._separator.size

    def _checked(self, what, array, Workspace workspace):
        array = WRITABLE.check(what, array)
        workspace._check_flat(what, array.size, array.itemsize)
        return array

    def __dealloc__(self):
        if self.run is not NULL:
            free(self.run.groups)
        free(self.run)

    @property
    def position(self):
        """The offset in the streams where the next window begins; 0 resets the hidden state."""
        return self.run.streams.position

    @position.setter
    def position(self, value):
        position = check_count("position", value, 0, self.run.streams.stream_length - 1)
        self.workspace._acquire()
        self.run.streams.position = position
        self.workspace._lock.release()

    @property
    def windows_done(self):
        """The number of steps done, which Adam's bias correction uses. Set it to resume a run."""
        return self.run.done

    @windows_done.setter
    def windows_done(self, value):
        self.run.done = check_count("windows done", value, 0, 1 << 53)

    @property
    def windows_per_epoch(self):
        """The number of windows in an epoch, between two restarts of the streams."""
        return max(1, (self.run.streams.stream_length - 2) // self.workspace.window.T_max)

    def steps(self, windows, learning_rate, double clip=5.0, double eps=1e-8, threads=1,
              double weight_decay=0.0, double clip_norm=float("inf"), double dropout=0.0, seed=0,
              double weight_dropout=0.0, double state_reset=0.0, double average_over=0.0,
              gradient_only=False):
        """Train on the next windows, one optimiser step each.

        Parameters
        ----------
        windows : int
        learning_rate : float or array of floats, shape (windows,)
            One learning rate for all steps, or one per step, which may be 0. They are copied.
        clip, eps : float
            As in :func:`gru_ext.core.kernels.adagrad_update` and the other updates there.
        threads : int
            The number of threads. The result is bit-identical for any number: if some cannot be
            started, this is logged once and the others do all the work.
        weight_decay : float
            The weight decay of AdamW, for all parameters except biases; 0 for other optimisers.
        clip_norm : float
            The gradient is clipped to this global norm, before it is clipped by value to `clip`.
            Infinity, the default, does not clip by norm.
        dropout : float
            The probability that an output of a layer is set to zero. If it is not 0, the workspace
            must be created with ``dropping=True``.
        seed : int
            The seed of dropout, used with the number of the step
            (:func:`gru_ext.core.kernels.dropout`).
        weight_dropout : float
            The probability that a recurrent weight is set to zero for a window (DropConnect).
        state_reset : float
            The probability that the hidden state of a stream is set to zero before a window.
        average_over : float
            The part of all steps so far, up to 1, that the average of the parameters is about
            over; 0 leaves the average as it is.
        gradient_only : bool
            Whether one window's gradient is left in :attr:`gradients`, and the update to
            :meth:`apply`. The step then counts as done.

        Returns
        -------
        ndarray, float64, shape (windows,)
            The loss of each window before its step: the sum of -log p of its T * B targets, in
            nats.
        """
        cdef Workspace s = self.workspace
        cdef Window *w = &s.window
        rates = self._checked_rates(windows, learning_rate, clip, eps, threads, weight_decay,
                                    clip_norm, average_over)
        losses = np.zeros(windows, np.float64)
        if gradient_only and (windows != 1 or average_over > 0):
            raise ValueError("a gradient is that of one window, and leaves the average as it is")
        check_dropout(dropout)
        if dropout > 0 and not w.dropping:
            raise ValueError("the workspace must be created with dropping=True")
        check_dropout(weight_dropout, "weight dropout")
        check_dropout(state_reset, "state reset")
        if weight_dropout > 0 and self._dropped is None:
            self._dropped = aligned_zeros(self.parameters.size, self.parameters.dtype)
            self.run.dropped = <void *><size_t>self._dropped.ctypes.data
        cdef uint64_t dropout_seed = seed
        s._acquire()
        try:
            run = self.run
            self._set_rule(rates, clip, eps, weight_decay, clip_norm, average_over)
            run.windows_left, run.gradient_only = windows, bool(gradient_only)
            run.streams.bad_symbol = 0
            run.seed = dropout_seed
            run.weight_dropout, run.state_reset = weight_dropout, state_reset
            run.losses = <double *><size_t>losses.ctypes.data
            w.T, w.dropout = w.T_max, dropout
            choose_packing(w, w.T)
            w.targets = <const int32_t *><size_t>s._targets.ctypes.data
            w.resets = NULL
            if self._separator is not None:
                w.resets = <const unsigned char *><size_t>s._resets.ctypes.data
            with one_blas_thread(w.blas != NULL):
                while run.windows_left > 0:
                    used, run.windows = self._contention.plan(threads, run.windows_left)
                    start = perf_counter()
                    self._run_team(used)
                    if run.streams.bad_symbol:
                        break
                    seconds = (perf_counter() - start) / run.made
                    if w.blas == NULL:  # its bits may depend on the number of threads
                        self._contention.note(threads, seconds, run.waited, run.grid.members > 1)
                    run.learning_rates += run.made
                    run.losses += run.made
                    run.windows_left -= run.made
        finally:
            w.targets = NULL
            s._lock.release()
        if self.run.streams.bad_symbol:
            raise ValueError(f"`symbols` must be from 0 to {w.p.V - 1}, not "
                             f"{self.run.streams.bad_value} at position {self.run.streams.bad_at}")
        return losses

    @property
    def gradients(self):
        """The flat buffer of the gradient that :meth:`apply` applies, writable.

        Its padding must stay zero.
        """
        return self._gradients

    def apply(self, learning_rate, double clip=5.0, double eps=1e-8, threads=1,
              double weight_decay=0.0, double clip_norm=float("inf"), double average_over=0.0):
        """Update the parameters with :attr:`gradients`, as the last step that is done.

        With a gradient of ``steps(1, ..., gradient_only=True)`` this makes the step that the same
        call makes without. The arguments are those of :meth:`steps`.
        """
        cdef Workspace s = self.workspace
        if self.run.done < 1:
            raise ValueError("there is no gradient to apply: no step is done")
        rates = self._checked_rates(1, learning_rate, clip, eps, threads, weight_decay, clip_norm,
                                    average_over)
        s._acquire()
        try:
            self._set_rule(rates, clip, eps, weight_decay, clip_norm, average_over)
            self._applying = True
            self._run_team(threads)
        finally:
            self._applying = False
            s._lock.release()

    def _checked_rates(self, windows, learning_rate, double clip, double eps, threads,
                       double weight_decay, double clip_norm, double average_over):
        # The learning rates of so many windows; all arguments are checked.
        cdef Workspace s = self.workspace
        check_clip(clip)
        if not clip_norm > 0:
            raise ValueError(f"clip norm must be a positive number, not {clip_norm}")
        check_count("threads", threads, 1, s.window.parts_max)
        check_eps(eps, s.itemsize)
        check_count("windows", windows, 1, 1 << 30)
        rates = np.array(np.broadcast_to(learning_rate, windows), np.float64, order="C")
        for rate in (rates.min(), rates.max()):
            if rate != 0 or not np.ndim(learning_rate):  # a schedule may end at 0
                check_learning_rate(rate, s.itemsize)
        check_weight_decay(weight_decay, rates.max())
        if weight_decay != 0 and self.run.rule.kind != GRU_ADAM:
            raise ValueError("weight decay is adamw's: it must be 0 for the other optimizers")
        if not 0 <= average_over <= 1:
            raise ValueError(f"average over must be from 0 to 1, not {average_over}")
        if average_over > 0 and self.average is None:
            raise ValueError("an average over a part of the steps needs `average`")
        return rates

    def _set_rule(self, rates, double clip, double eps, double weight_decay, double clip_norm,
                  double average_over):
        # What an update needs.
        run = self.run
        run.learning_rates = <const double *><size_t>rates.ctypes.data
        run.rule.clip, run.rule.eps, run.rule.weight_decay = clip, eps, weight_decay
        run.clip_norm, run.average_over = clip_norm, average_over

    def _run_team(self, threads):
        # The team has as many members as helpers are ready: the result is the same for any number.
        helpers = HelperThreads(self._help, self._abandon)
        refused = helpers.gather(threads - 1)
        if refused is not None:
            self._report(1 + len(helpers.helpers), threads, refused)
        self._divide(1 + len(helpers.parts))
        helpers.go.release()
        self._part(0)
        helpers.join()
        if helpers.error is not None:
            raise RuntimeError(
                "a helper thread of the training failed: the parameters may be those of an "
                "unfinished step") from helpers.error

    def _help(self, part):
        self._part(part)

    def _divide(self, Py_ssize_t threads):
        # Divide streams and units among so many threads, and begin their teams.
        cdef const Window *w = &self.workspace.window
        cdef Py_ssize_t group
        cdef bint divisible = w.blas == NULL
        cdef double time
        if self.workspace.itemsize == sizeof(float):
            self.run.grid = best_grid(w.k, &w.p, w.B, threads, divisible, &time, <float *>NULL)
        else:
            self.run.grid = best_grid(w.k, &w.p, w.B, threads, divisible, &time, <double *>NULL)
        gru_team_begin(&self.run.team, threads)
        for group in range(w.parts_max):
            gru_team_begin(&self.run.groups[group], self.run.grid.members)

    def _abandon(self):
        cdef Py_ssize_t group
        gru_team_abandon(&self.run.team)
        for group in range(self.workspace.window.parts_max):
            gru_team_abandon(&self.run.groups[group])

    def _report(self, started, threads, error):
        if not self._reported:
            self._reported = True
            logging.getLogger("gru_ext").warning(
                "only %d of %d threads could be started (%s): training continues with "
                "these", started, threads, error)

    cdef void _part(self, Py_ssize_t part) noexcept:
        if self.workspace.itemsize == 4:
            self._part_in(<float *>self.run.p, part)
        else:
            self._part_in(<double *>self.run.p, part)

    cdef void _part_in(self, real *p, Py_ssize_t part) noexcept:
        # The parameters give the dtype of all buffers.
        cdef Window *w = &self.workspace.window
        cdef TrainingRun *run = self.run
        cdef real *ws = <real *>self.workspace.base
        cdef bint applying = self._applying
        with nogil:
            if applying:
                apply_part(w, run, p, <real *>run.m, <real *>run.mean, <real *>run.g, part)
            else:
                train_part(w, run, p, <real *>run.m, <real *>run.mean, <real *>run.g, ws, part)
