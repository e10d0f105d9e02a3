# SPDX-License-Identifier: MIT
"""What each thread of a team does for one update after another: its part of each window."""
from libc.stdint cimport uint64_t

from gru_ext.core.bptt cimport Window
from gru_ext.core.native cimport real
from gru_ext.core.streams cimport Streams
from gru_ext.core.updates cimport Rule

cdef extern from "team.h" nogil:
    ctypedef struct gru_team:
        long members
        long arrived
        long generation
        long abandoned
    void gru_team_abandon(gru_team *team) noexcept
    int gru_team_wait(gru_team *team) noexcept


cdef struct TrainingRun:
    gru_team team
    Streams streams
    Py_ssize_t windows      # to do
    Py_ssize_t done         # those before a resume included
    const double *learning_rates  # (windows)
    Rule rule
    double clip_norm        # infinity: none
    double *square_sums
    double *losses          # (windows)
    uint64_t seed           # of dropout
    bint tied               # Wy = Wh^T of the first layer


cdef void train_part(Window *w, TrainingRun *run, real *p, real *m, real *mean, real *g, real *ws,
                     Py_ssize_t part) noexcept nogil
