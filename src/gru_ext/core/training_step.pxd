# SPDX-License-Identifier: MIT
"""Training steps on a team of threads: the part of one thread."""
from libc.stdint cimport uint64_t

from gru_ext.core.bptt cimport Window
from gru_ext.core.native cimport gru_update, real
from gru_ext.core.streams cimport Streams
from gru_ext.core.team cimport Grid, gru_team
from gru_ext.core.updates cimport UpdateRule


cdef struct TrainingRun:
    gru_team team           # all threads
    gru_team *groups        # (parts_max): the barriers of the groups
    Grid grid               # how streams and units are divided among the threads
    Streams streams
    void *p                 # the parameters, their optimiser state and gradients
    void *m
    void *mean
    void *g
    Py_ssize_t windows      # that the team makes next, of windows_left of this call
    Py_ssize_t windows_left
    Py_ssize_t made         # windows that the team has made: fewer, if it was stopped
    double began            # microseconds
    double waited           # the fraction of their time in which threads only waited, and yielded
    bint contended          # the team was stopped: it was too large
    Py_ssize_t done         # updates in total, also those before a resume
    const double *learning_rates  # (windows)
    UpdateRule rule
    double clip_norm        # infinity: no clipping by norm
    double *square_sums     # (square_sum_count)
    double *losses          # (windows)
    uint64_t seed           # of dropout
    double weight_dropout   # probability that a recurrent weight is zero in a window
    void *dropped           # a copy of the parameters, with such weights
    double average_over     # the fraction of all updates that the average is over; 0: no average
    void *average           # the average of the parameters
    double state_reset  # that the state of a stream is zero at the start of a window
    bint tied               # Wy = Wh^T of the first layer
    bint gradient_only      # whether train_part leaves the update to apply_part


cdef int train_weights(const Window *w, TrainingRun *run, const gru_update *update, real *g,
                       real *ws, Py_ssize_t part) noexcept nogil
cdef int update_weights(const Window *w, TrainingRun *run, const gru_update *update, real *g,
                        Py_ssize_t part) noexcept nogil
cdef void train_part(Window *w, TrainingRun *run, real *p, real *m, real *mean, real *g, real *ws,
                     Py_ssize_t part) noexcept nogil
cdef void apply_part(Window *w, TrainingRun *run, real *p, real *m, real *mean, real *g,
                     Py_ssize_t part) noexcept nogil
