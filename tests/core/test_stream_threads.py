# SPDX-License-Identifier: MIT
"""Threads that share the units of a stream: the same bits, and what happens when one fails."""

import threading

import numpy as np
import pytest

from gru_ext.core import kernels, stream_group
from gru_ext.core.sampler import Sampler
from gru_ext.core.sampling_loop import sample_symbols
from gru_ext.core.stream import SymbolStream
from gru_ext.core.threads import READING, SAMPLING, helpful_threads
from gru_ext.model.narrow_parameters import with_weights

NARROW = ["bfloat16", "int8"]
KINDS = [isa + after for isa in kernels.available_isas() for after in ("", "-plain")]


def read_all(parameters, read, threads, separator=None, starts=None, resets=None):
    """All that a stream makes of symbols (n, B): losses, states, and what it predicts next."""
    n, B = read.shape
    stream = SymbolStream(parameters, B, separator)
    states = np.empty((n, B, parameters.layers, parameters.hidden_size), parameters.dtype)
    nats = stream.read(read, starts, resets, states, threads)
    return [array.tobytes() for array in (nats, states, stream.state, stream.probabilities())]


def symbols_of(V, n, B):
    return np.random.default_rng(5).integers(0, V, (n, B)).astype(np.int32)


@pytest.mark.parametrize("B", [1, 6])
@pytest.mark.parametrize(("layers", "separator"), [(1, None), (2, [3, 1])])
def test_threads_that_read(B, layers, separator, isa, dtype, draw_parameters, gathered, calm):
    """Windows, the last of which has one time step; threads whose parts are of different size."""
    parameters, _ = draw_parameters(9, 190, dtype, layers=layers)
    read = symbols_of(9, 257, B)
    masks = np.random.default_rng(6).random((2, *read.shape)) < 0.02
    for starts, resets in (None, None), masks:
        expected = read_all(parameters, read, 1, separator, starts, resets)
        for threads in (2, 3):
            found = read_all(parameters, read, threads, separator, starts, resets)
            assert found == expected
    assert set(gathered) == {1, 2}


@pytest.mark.parametrize("weights", NARROW)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_threads_that_read_narrow_weights(weights, layers, kind, draw_parameters, gathered, calm):
    before = kernels.active_isa()
    kernels.use_isa(kind)
    parameters, _ = draw_parameters(9, 400, np.float32, layers=layers, scale=0.1)
    parameters = with_weights(parameters, weights)
    for B in (1, 5):
        read = symbols_of(9, 257, B)
        expected = read_all(parameters, read, 1)
        for threads in (2, 3):
            assert read_all(parameters, read, threads) == expected
    kernels.use_isa(before)
    assert set(gathered) == {1, 2}


@pytest.mark.parametrize("weights", NARROW)
@pytest.mark.parametrize("kind", KINDS)
def test_threads_that_sample_narrow_weights(weights, kind, draw_parameters, gathered, calm):
    before = kernels.active_isa()
    kernels.use_isa(kind)
    for layers, B in (1, 1), (2, 3):
        parameters, _ = draw_parameters(17, 300, np.float32, layers=layers, scale=0.1)
        parameters = with_weights(parameters, weights)
        uniforms, found = np.random.default_rng(1).random((60, B)), set()
        for threads in (1, 2, 3):
            stream = SymbolStream(parameters, B)
            stream.read(np.full((1, B), 4))
            losses, sampler = np.empty(uniforms.shape), Sampler(17, B, np.float32)
            sampled = sample_symbols(stream, sampler, uniforms, losses, threads)
            found.add((sampled.tobytes(), losses.tobytes(), stream.state.tobytes()))
        assert len(found) == 1
    kernels.use_isa(before)
    assert set(gathered) == {0, 1, 2}


def test_the_default_number_knows_the_bytes_of_a_weight():
    """A step with narrow weights is shorter, so that threads help from a larger size on."""
    sizes = [64, 96, 128, 192, 256, 512, 1024]
    first = {
        each: next(H for H in sizes if helpful_threads(1, H, each, 2) == 2) for each in (8, 4, 2, 1)
    }
    assert list(first.values()) == sorted(first.values())
    assert first[8] < first[4] < first[1]
    assert helpful_threads(1, 32, 1, 8) == 1


def test_several_threads_must_gain_enough():
    """Sampling has more beside the steps than reading, and reading than training."""
    sizes = range(32, 1024, 32)
    first = [
        next(H for H in sizes if helpful_threads(1, H, 4, 2, gain) == 2)
        for gain in (1.1, READING, SAMPLING)
    ]
    assert first == sorted(set(first))
    assert helpful_threads(1, 1024, 4, 2, 2.1) == 1  # two threads are never 2.1 times as fast


def test_few_symbols_are_read_on_one_thread(draw_parameters, gathered, calm):
    parameters, _ = draw_parameters(9, 128, np.float32)
    stream = SymbolStream(parameters)
    stream.read(symbols_of(9, 100, 1), threads=4)
    stream.feed([1, 2, 3])
    assert not gathered


def test_threads_that_cannot_be_started(draw_parameters, monkeypatch, gathered, calm):
    """The call continues with those that could."""
    parameters, _ = draw_parameters(9, 256, np.float32)
    read = symbols_of(9, 600, 1)
    expected = read_all(parameters, read, 1)
    start, started = threading.Thread.start, []

    def some(self):
        if len(started) == 1:
            raise RuntimeError("can't start new thread")
        started.append(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", some)
    assert read_all(parameters, read, 3) == expected
    assert set(gathered) == {2}


def sample_some(stream):
    sample_symbols(stream, Sampler(9, 1, np.float32), np.zeros((60, 1)), threads=2)


def read_some(stream):
    stream.read(symbols_of(9, 600, 1), threads=2)


@pytest.mark.parametrize("call", [read_some, sample_some])
def test_a_helper_that_fails(call, draw_parameters, monkeypatch, gathered, calm):
    """Nobody waits for it, the error is reported, and the state is that of before."""
    parameters, _ = draw_parameters(9, 300, np.float32, scale=0.1)
    stream = SymbolStream(with_weights(parameters, "int8"))
    stream.read(np.array([[3]]))
    state, threads = stream.state, threading.active_count()

    def no_memory(n, dtype):
        raise MemoryError

    monkeypatch.setattr(stream_group, "aligned_zeros", no_memory)
    with pytest.raises(RuntimeError, match="a helper thread of the"):
        call(stream)
    assert threading.active_count() == threads
    assert stream.state.tobytes() == state.tobytes()
    monkeypatch.undo()
    call(stream)


def test_an_exception_between_two_windows(draw_parameters, gathered, calm):
    """The helpers end, and the stream can be used again."""
    parameters, _ = draw_parameters(9, 256, np.float32)
    stream, threads = SymbolStream(parameters), threading.active_count()
    with pytest.raises(TypeError):
        stream.read(symbols_of(9, 600, 1), states=(), threads=2)
    assert threading.active_count() == threads
    stream.reset()
    assert (stream.read(symbols_of(9, 600, 1), threads=2)[1:] > 0).all()
    assert set(gathered) == {1}


def test_a_busy_machine(draw_parameters, monkeypatch, gathered):
    """One thread is kept where it is faster; the result is the same."""
    parameters, _ = draw_parameters(9, 128, np.float32)
    read = symbols_of(9, 256 * 40, 1)
    expected = SymbolStream(parameters).read(read)

    def clock():  # a second has passed for each helper
        return float(sum(gathered))

    monkeypatch.setattr("gru_ext.core.stream_reader.perf_counter", clock)
    stream = SymbolStream(parameters)
    nats = [stream.read(read[i : i + 1024], threads=2) for i in range(0, len(read), 1024)]
    np.testing.assert_array_equal(np.concatenate(nats), expected)
    assert gathered[0] == 1
    assert sum(gathered) < len(gathered)
