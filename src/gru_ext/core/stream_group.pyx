# SPDX-License-Identifier: MIT
"""The threads that share the units of a stream's time steps (declarations: stream_group.pxd)."""
import numpy as np

from gru_ext.core.windows import aligned_zeros

from libc.stdint cimport uint64_t

from gru_ext.core.bptt cimport Window
from gru_ext.core.layout cimport INT8
from gru_ext.core.native cimport (
    GRU_INT8_ROWS,
    gru_flush_subnormals,
    gru_restore_float_state,
    real,
)
from gru_ext.core.reading cimport read_symbols, read_window
from gru_ext.core.stream_state cimport StreamState, address
from gru_ext.core.team cimport (
    Grid,
    Share,
    gru_microseconds,
    gru_team_abandon,
    gru_team_begin,
    gru_team_wait,
    gru_team_yielded,
    grid_of,
    share_of,
    waits_too_long,
)


cdef class StreamGroup:
    """One group of threads, for all streams of a call.

    Parameters
    ----------
    stream : StreamState
        What reads; its workspace is in use for as long as the group is.
    windows : bool
        Whether windows are read, with their losses, or one symbol after another.
    """

    def __cinit__(self, StreamState stream not None, bint windows):
        self.stream, self.windows = stream, windows

    cdef Grid _grid(self, Py_ssize_t B, Py_ssize_t threads, double *nanoseconds) noexcept nogil:
        # One group of so many threads, or of those of them that help, for a step of B streams.
        cdef const Window *w = &self.stream.work.window
        if self.stream.itemsize == sizeof(float):
            return grid_of(w.k, &w.p, B, 1, threads, w.blas == NULL, nanoseconds, <float *>NULL)
        return grid_of(w.k, &w.p, B, 1, threads, w.blas == NULL, nanoseconds, <double *>NULL)

    cdef Py_ssize_t useful(self, Py_ssize_t threads) noexcept nogil:
        # How many of so many threads make a step faster.
        # Samples are chosen by one member, which the estimate leaves out, and their number with it.
        cdef double nanoseconds
        cdef Py_ssize_t B = self.stream.work.window.B if self.windows else 1
        return self._grid(B, threads, &nanoseconds).members

    cdef double step_nanoseconds(self) noexcept nogil:
        # The estimated time of one step of all layers on one thread.
        cdef double nanoseconds
        self._grid(self.stream.work.window.B, 1, &nanoseconds)
        return nanoseconds * self.stream.work.window.p.layers

    cdef void begin(self, Py_ssize_t threads) noexcept nogil:
        # So many threads will meet, or those of them that help.
        self.grid = Grid(1, self.useful(threads))
        gru_team_begin(&self.team, self.grid.members)
        self.began = gru_microseconds()

    cdef Share share(self, Py_ssize_t member) noexcept nogil:
        cdef const Window *w = &self.stream.work.window
        if self.stream.itemsize == sizeof(float):
            return share_of(w.k, &w.p, w.B, self.grid, &self.team, member, <float *>NULL)
        return share_of(w.k, &w.p, w.B, self.grid, &self.team, member, <double *>NULL)

    cdef int meet(self) noexcept nogil:
        # Non-zero if the group was abandoned.
        return gru_team_wait(&self.team)

    cdef void end(self) noexcept nogil:
        # The caller has nothing more to read.
        self.ended = True
        gru_team_wait(&self.team)

    cdef bint looks_contended(self) noexcept nogil:
        self.contended = self.grid.members > 1 and waits_too_long(
            gru_team_yielded(&self.team), self.began, self.grid.members, &self.waited)
        return self.contended

    def help(self, Py_ssize_t member):
        """Read the share of a member until the group ends: the work of a helper thread."""
        cdef const Window *w = &self.stream.work.window
        cdef Share share = self.share(member)
        if share.s1 == share.s0:
            return
        # each member rounds the states for itself
        scratch = aligned_zeros(GRU_INT8_ROWS * w.p.Hp if w.p.weights == INT8 else 0, np.uint8)
        cdef unsigned char *own = <unsigned char *>address(scratch)
        with nogil:
            if self.stream.itemsize == sizeof(float):
                _help[float](self, &share, own, <const float *>self.stream.flat_data,
                             <float *>self.stream.work.base)
            else:
                _help[double](self, &share, own, <const double *>self.stream.flat_data,
                              <double *>self.stream.work.base)

    def abandon(self):
        """Let nobody wait any more: a member has failed."""
        gru_team_abandon(&self.team)


cdef void _help(StreamGroup group, const Share *share, unsigned char *scratch, const real *p,
                real *ws) noexcept nogil:
    cdef uint64_t float_state = gru_flush_subnormals()
    cdef Window w
    while group.meet() == 0 and not group.ended:
        w = group.stream.work.window
        w.scratch = scratch
        if (read_window(&w, p, ws, share, NULL) if group.windows
                else read_symbols(&w, p, ws, share)) != 0:
            break
    gru_restore_float_state(float_state)
