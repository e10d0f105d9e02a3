# SPDX-License-Identifier: MIT
"""The loop that samples: predict, choose a symbol, read it."""
from time import perf_counter

import numpy as np

from gru_ext.core.helper_threads import HelperThreads
from gru_ext.core.matmul import one_blas_thread

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy

from gru_ext.core.bptt cimport Window, load_state
from gru_ext.core.native cimport gru_flush_subnormals, gru_restore_float_state, real
from gru_ext.core.products cimport choose_packing, pack_weights
from gru_ext.core.reading cimport losses_of, predict, read_symbols, separator_ends
from gru_ext.core.sampler cimport Sampler
from gru_ext.core.sampling cimport Sampling, choose_symbol, observe
from gru_ext.core.stream cimport SymbolStream
from gru_ext.core.stream_group cimport StreamGroup
from gru_ext.core.stream_state cimport load
from gru_ext.core.team cimport Share


cdef enum:
    PART = 256             # time steps between two looks at signals
    LONG_PART = 2048       # the same with few streams
    FEW_STREAMS = 4


def sample_symbols(SymbolStream stream not None, Sampler sampler not None, uniforms, losses=None,
                   threads=1):
    """Sample symbols that follow what each stream has read, and read them.

    Parameters
    ----------
    stream : SymbolStream
        It has read something; it is then after the last symbol of each sample.
    sampler : Sampler
        How symbols are chosen, for as many streams. Streams that have ended stay as they are.
    uniforms : ndarray, float64, shape (n, B)
        Random numbers in [0, 1), one for each symbol.
    losses : ndarray, float64, shape (n, B), optional
        An array to which -log p of each symbol is written, in nats, at temperature 1 and without
        the sampler; 0 where there is no symbol.
    threads : int
        The most threads that share the hidden units of all streams. The result is bit-identical for
        any number.

    Returns
    -------
    ndarray, int32, shape (n, B)
        The symbols, and -1 after the end of a sample.
    """
    cdef Py_ssize_t start = 0, n, done = 0, part
    cdef StreamGroup group
    cdef const Window *w = &stream.work.window
    cdef const double[:, ::1] u = np.array(uniforms, np.float64, order="C", ndmin=2)
    cdef double[:, ::1] nats = None
    if u.shape[1] != stream.B:
        raise ValueError(f"`uniforms` must have shape (n, {stream.B}), not {np.shape(uniforms)}")
    if (sampler.sampling.V, sampler.sampling.B) != (stream.work.window.p.V, stream.B):
        raise ValueError(f"`sampler` must be for {stream.work.window.p.V} symbols and a batch size "
                         f"of {stream.B}, not {sampler.sampling.V} and {sampler.sampling.B}")
    if sampler.dtype != stream.dtype:
        raise TypeError(f"`sampler` must be for {stream.dtype}, not {sampler.dtype}")
    if losses is not None:
        if np.shape(losses) != np.shape(uniforms):
            raise ValueError(f"`losses` must have shape {np.shape(uniforms)}, not "
                             f"{np.shape(losses)}")
        nats = losses
        losses[...] = 0
    sampled = np.full(np.shape(uniforms), -1, np.int32)
    scratch = np.empty(stream.work.window.p.Vp, stream.dtype)
    moved = np.empty(stream.B, np.uint8)
    cdef int32_t[:, ::1] out = sampled
    cdef unsigned char[::1] moves = moved
    cdef char *kept = <char *><size_t>scratch.ctypes.data
    part = LONG_PART if w.B <= FEW_STREAMS else PART
    while start < u.shape[0]:
        used, n = 1, min(part, u.shape[0] - start)
        if threads > 1:
            used, n = stream._step_contention.plan(threads, n)
        began = perf_counter()
        with stream.work._lock:
            stream._predict()
            sampler._acquire()
            try:
                group = StreamGroup(stream, False)
                helpers = HelperThreads(group.help, group.abandon)
                with one_blas_thread(w.blas != NULL):
                    helpers.gather(group.useful(used) - 1)  # as many as can be started
                    group.begin(1 + len(helpers.parts))
                    helpers.go.release()
                    with nogil:
                        if stream.itemsize == sizeof(float):
                            done = _sample[float](
                                stream, group, &sampler.sampling, n, &u[start, 0], &out[start, 0],
                                NULL if nats is None else &nats[start, 0], &moves[0],
                                <float *>kept)
                        else:
                            done = _sample[double](
                                stream, group, &sampler.sampling, n, &u[start, 0], &out[start, 0],
                                NULL if nats is None else &nats[start, 0], &moves[0],
                                <double *>kept)
                    helpers.join()
            finally:
                sampler._lock.release()
        if helpers.error is not None:
            raise RuntimeError("a helper thread of the sampling failed") from helpers.error
        seconds = (perf_counter() - began) / max(1, done)
        stream._step_contention.note(threads, seconds, group.waited, group.grid.members > 1)
        PyErr_CheckSignals()
        start += done
        if done < n and not group.contended:
            break
    return sampled


cdef Py_ssize_t _sample(SymbolStream s, StreamGroup group, Sampling *sampling, Py_ssize_t n,
                        const double *uniforms, int32_t *out, double *losses, unsigned char *moved,
                        real *kept) noexcept nogil:
    # Returns the number of time steps: fewer than n where all streams have ended, or the group was
    # ended early.
    cdef Window *w = &s.work.window
    cdef const real *p = <const real *>s.flat_data
    cdef real *ws = <real *>s.work.base
    cdef const real *by = p + w.p.by
    cdef int32_t *inputs = <int32_t *>w.inputs
    cdef unsigned char *resets = <unsigned char *>s.resets
    cdef Py_ssize_t i, b, at, going
    cdef int32_t symbol
    cdef Share share = group.share(0)
    cdef uint64_t float_state = gru_flush_subnormals()
    w.T, w.targets, w.dropout = 1, NULL, 0
    w.resets = s.resets if s.separator.length else NULL
    choose_packing(w, n)
    pack_weights(w, p, ws, 0, 1)
    load(s, ws)
    for b in range(w.B):
        inputs[b] = 0
    for i in range(n):
        if s.predicted:
            memcpy(ws + w.o.y, <real *>s.base + s.logits_at, w.B * w.p.Vp * sizeof(real))
        else:
            load_state(w, ws, 0, w.B)
            predict(w, p, ws, 0, 1)
        going = 0
        for b in range(w.B):
            moved[b] = False
            if sampling.ended[b]:
                continue
            at = i * w.B + b
            if losses != NULL:
                memcpy(kept, ws + w.o.y + b * w.p.Vp, w.p.Vp * sizeof(real))
            symbol = choose_symbol(sampling, w.k, b, ws + w.o.y + b * w.p.Vp, by, uniforms[at])
            if symbol < 0:
                continue
            if losses != NULL:
                losses_of(w, p, kept, &symbol, losses + at, 1)
            observe(sampling, b, symbol)
            out[at] = inputs[b] = symbol
            moved[b] = True
            going += 1
            if s.separator.length:
                resets[b] = separator_ends(&s.separator, b, symbol)
        if going == 0:
            break
        if group.meet() != 0 or read_symbols(w, p, ws, &share) != 0:
            break  # a helper failed
        _store_moved(s, ws, moved)
        s.predicted = False
        if group.looks_contended():
            i += 1
            break
    else:
        i = n
    group.end()
    gru_restore_float_state(float_state)
    return i


cdef void _store_moved(SymbolStream s, real *ws, const unsigned char *moved) noexcept nogil:
    # The states of streams that have read a symbol -> the stream's memory; the others' from there.
    cdef const Window *w = &s.work.window
    cdef Py_ssize_t row, size = w.p.Hp * sizeof(real)
    cdef real *here
    cdef real *there
    for row in range(w.p.layers * w.B):
        here, there = ws + w.o.state + row * w.p.Hp, <real *>s.base + row * w.p.Hp
        if moved[row % w.B]:
            memcpy(there, here, size)
        else:
            memcpy(here, there, size)
