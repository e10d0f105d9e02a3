# SPDX-License-Identifier: MIT
"""Wrong arguments of the C-level functions: each returns a status and writes nothing."""

import capi as c
import numpy as np
import pytest

from gru_ext.model.narrow_parameters import with_weights

V, H, B, T = 5, 7, 2, 4
OTHER = {np.float32: np.float64, np.float64: np.float32}


@pytest.fixture
def stream(dtype, draw_parameters):
    return c.Stream(draw_parameters(V, H, dtype)[0])


@pytest.fixture
def windows(dtype, draw_parameters):
    return c.Windows(draw_parameters(V, H, dtype)[0], B, T)


def stream_calls(stream):
    """The functions of one stream, with their arguments between model and scratch."""
    row, bits, symbol = np.zeros(V, stream.dtype), np.zeros(1), np.zeros(1, np.int32)
    return {
        "step": [1, stream.state],
        "logits": [stream.state, row],
        "log_probabilities": [stream.state, 1.0, row],
        "cost": [stream.state, 1, bits],
        "draw": [stream.state, 1.0, 0.5, symbol],
        "log_probabilities_of": [row, 1.0, row.copy()],
        "cost_of": [row, 1, bits],
        "draw_of": [row, 1.0, 0.5, symbol],
    }


STREAM_CALLS = (
    *("step", "logits", "log_probabilities", "cost", "draw"),
    *("log_probabilities_of", "cost_of", "draw_of"),
)


@pytest.mark.parametrize("name", STREAM_CALLS)
def test_stream_calls(name, dtype, stream):
    arguments = stream_calls(stream)[name]
    scratch = (stream.scratch, stream.scratch.size)
    assert c.call(name, dtype, stream.model, *arguments, *scratch) == c.OK
    assert c.call(name, dtype, None, *arguments, *scratch) == c.NULL
    assert c.call(name, dtype, stream.model, *arguments, None, stream.scratch.size) == c.NULL
    short = stream.scratch.size - 1
    assert c.call(name, dtype, stream.model, *arguments, stream.scratch, short) == c.TOO_SMALL
    assert c.call(name, OTHER[dtype], stream.model, *arguments, *scratch) == c.WRONG_DTYPE
    for i, argument in enumerate(arguments):
        if isinstance(argument, np.ndarray):
            without = [*arguments[:i], None, *arguments[i + 1 :]]
            assert c.call(name, dtype, stream.model, *without, *scratch) == c.NULL


@pytest.mark.parametrize("symbol", [-1, V, 2**31 - 1, -(2**31)])
def test_symbols(symbol, stream):
    before = stream.state.tobytes()
    assert stream.step(symbol) == c.BAD_SYMBOL
    assert stream.state.tobytes() == before
    assert stream.call("cost", stream.state, symbol, np.zeros(1)) == c.BAD_SYMBOL
    assert stream.call("cost_of", np.zeros(V), symbol, np.zeros(1)) == c.BAD_SYMBOL


@pytest.mark.parametrize(
    ("temperature", "uniform"),
    [(-1, 0.5), (np.nan, 0.5), (np.inf, 0.5), (1, 1), (1, -0.1), (1, np.nan)],
)
def test_draw_numbers(temperature, uniform, stream):
    symbol = np.full(1, -9, np.int32)
    row = np.zeros(V, stream.dtype)
    assert stream.call("draw", stream.state, temperature, uniform, symbol) == c.BAD_NUMBER
    assert stream.call("draw_of", row, temperature, uniform, symbol) == c.BAD_NUMBER
    assert symbol[0] == -9


@pytest.mark.parametrize("temperature", [0, -1, np.nan, np.inf])
def test_log_probability_temperatures(temperature, stream):
    row = np.zeros(V, stream.dtype)
    assert stream.call("log_probabilities", stream.state, temperature, row) == c.BAD_NUMBER
    assert stream.call("log_probabilities_of", row, temperature, row.copy()) == c.BAD_NUMBER


@pytest.mark.parametrize(
    ("streams", "steps"),
    [(0, 1), (1, 0), (-1, 1), ((1 << 20) + 1, 1), (1, (1 << 24) + 1), (1 << 20, 1 << 20)],
)
def test_workspace_sizes(streams, steps, stream):
    memory = np.zeros(1 << 16, np.uint8)
    assert c.workspace_bytes(stream.model, streams, steps, True) == c.BAD_SIZE
    done = c.workspace_init(stream.model, memory.ctypes.data, memory.size, streams, steps, True)
    assert done == c.BAD_SIZE
    assert not memory.any()


def test_workspace_memory(stream):
    needed = c.workspace_bytes(stream.model, B, T, True)
    memory = np.zeros(needed, np.uint8)
    at = memory.ctypes.data
    assert c.workspace_init(stream.model, at, needed - 1, B, T, True) == c.TOO_SMALL
    assert c.workspace_init(stream.model, None, needed, B, T, True) == c.NULL
    assert c.workspace_init(None, at, needed, B, T, True) == c.NULL
    assert c.workspace_state(stream.model, at) is None
    assert not memory.any()


def good_calls(windows):
    x = np.ones((T, B), np.int32)
    g, m = np.zeros((2, windows.parameters.flat.size), windows.dtype)
    return {
        "forward": [x, x, T, None],
        "backward": [x, x, 1.0, g],
        "train_step": [m, x, x, T, 0.1, 5.0, 1e-8, None],
    }


@pytest.mark.parametrize("name", ["forward", "backward", "train_step"])
def test_window_calls(name, dtype, windows, draw_parameters):
    arguments = good_calls(windows)[name]
    other = c.Windows(draw_parameters(V, H + 1, dtype)[0], B, T)
    crossed = c.Windows(draw_parameters(V, H, OTHER[dtype])[0], B, T)
    reading = c.Windows(draw_parameters(V, H, dtype)[0], B, T, training=False)
    assert windows.call("forward", *good_calls(windows)["forward"]) == c.OK
    assert c.call(name, dtype, None, windows.at, *arguments) == c.NULL
    assert c.call(name, dtype, windows.model, None, *arguments) == c.NULL
    assert c.call(name, dtype, other.model, windows.at, *arguments) == c.BAD_SIZE
    assert c.call(name, dtype, crossed.model, windows.at, *arguments) == c.WRONG_DTYPE
    assert c.call(name, OTHER[dtype], windows.model, windows.at, *arguments) == c.WRONG_DTYPE
    if name != "forward":
        assert reading.call(name, *arguments) == c.BAD_SIZE
    for i, argument in enumerate(arguments):
        if isinstance(argument, np.ndarray) and not (name == "forward" and i == 1):
            assert windows.call(name, *arguments[:i], None, *arguments[i + 1 :]) == c.NULL
    for symbol in (-1, V):
        wrong = np.ones((T, B), np.int32)
        wrong[-1, -1] = symbol
        for i, argument in enumerate(arguments):
            if isinstance(argument, np.ndarray) and argument.dtype == np.int32:
                tried = [*arguments[:i], wrong, *arguments[i + 1 :]]
                assert windows.call(name, *tried) == c.BAD_SYMBOL
    assert windows.call(name, *arguments) == c.OK
    assert windows.guarded()


@pytest.mark.parametrize("steps", [0, -1, T + 1])
def test_window_lengths(steps, windows):
    x = np.ones((T, B), np.int32)
    assert windows.call("forward", x, x, steps, None) == c.BAD_SIZE


@pytest.mark.parametrize(
    ("rate", "clip", "eps"),
    [
        (np.nan, 5, 1e-8),
        (np.inf, 5, 1e-8),
        (0.1, 0, 1e-8),
        (0.1, np.nan, 1e-8),
        (0.1, 5, 0),
        (0.1, 5, 1e-310),
        (0.1, 5, np.inf),
    ],
)
def test_rates(rate, clip, eps, dtype, windows):
    x, m = np.ones((T, B), np.int32), np.zeros(windows.parameters.flat.size, dtype)
    before = windows.parameters.flat.tobytes()
    assert windows.call("train_step", m, x, x, T, rate, clip, eps, None) == c.BAD_NUMBER
    assert c.call("adagrad", dtype, windows.model, m, m, rate, clip, eps) == c.BAD_NUMBER
    assert windows.parameters.flat.tobytes() == before


def test_adagrad(dtype, windows):
    g, m = np.zeros((2, windows.parameters.flat.size), dtype)
    rates = (0.1, 5.0, 1e-8)
    assert c.call("adagrad", dtype, None, m, g, *rates) == c.NULL
    assert c.call("adagrad", dtype, windows.model, None, g, *rates) == c.NULL
    assert c.call("adagrad", dtype, windows.model, m, None, *rates) == c.NULL
    assert c.call("adagrad", OTHER[dtype], windows.model, m, g, *rates) == c.WRONG_DTYPE


def test_backward_needs_targets(windows, dtype):
    x, g = np.ones((T, B), np.int32), np.zeros(windows.parameters.flat.size, dtype)
    assert windows.call("backward", x, x, 1.0, g) == c.OUT_OF_ORDER
    assert windows.call("forward", x, None, T, None) == c.OK
    assert windows.call("backward", x, x, 1.0, g) == c.OUT_OF_ORDER


def test_numbers_too_large_or_small_for_float32(draw_parameters):
    windows = c.Windows(draw_parameters(V, H, np.float32)[0], B, T)
    x, m = np.ones((T, B), np.int32), np.zeros(windows.parameters.flat.size, np.float32)
    for rate, eps in ((1e39, 1e-8), (0.1, 1e-40), (0.1, 1e39)):
        assert windows.call("train_step", m, x, x, T, rate, 5.0, eps, None) == c.BAD_NUMBER
    assert windows.call("forward", x, x, T, None) == c.OK
    assert windows.call("backward", x, x, 1e39, m) == c.BAD_NUMBER
    assert windows.call("backward", x, x, np.nan, m) == c.BAD_NUMBER
    assert windows.call("backward", x, x, 1.0, m) == c.OK


def test_narrow_weights_are_for_streams_alone(draw_parameters):
    parameters = with_weights(draw_parameters(V, H, np.float32)[0], "int8")
    with pytest.raises(TypeError, match=r"int8 weights, .*with_weights\('float32'\)"):
        c.borrow(parameters)
