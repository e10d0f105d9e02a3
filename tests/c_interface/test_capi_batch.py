# SPDX-License-Identifier: MIT
"""Batches, logits that are used again, and the results of windows, of the C interface."""

import capi as c
import numpy as np
import pytest

from gru_ext.core.windows import Workspace, forward_window

V, H = 9, 33


class Batch:
    """States and scratch memory of B streams, between guard elements."""

    def __init__(self, parameters, B):
        self.model, self.B = c.borrow(parameters), B
        self.dtype = parameters.flat.dtype
        sizes = (c.get(self.model, c.STATE_SIZE) * B, c.batch_scratch_size(self.model, B))
        sizes = (sizes[0], *sizes)
        self.buffers = [np.full(size + 2 * c.GUARD, 7, self.dtype) for size in sizes]
        self.state, self.next, self.scratch = (b[c.GUARD : -c.GUARD] for b in self.buffers)
        self.state[:], self.next[:], self.scratch[:] = 0, np.nan, np.nan

    def step(self, symbols, state, to):
        scratch = (self.scratch, self.scratch.size)
        return c.call("step_batch", self.dtype, self.model, self.B, symbols, state, to, *scratch)

    def logits(self, state):
        out = np.full((self.B, c.get(self.model, c.LOGITS_SIZE)), np.nan, self.dtype)
        assert c.call("logits_batch", self.dtype, self.model, self.B, state, out) == c.OK
        return out

    def guarded(self):
        ends = [end for b in self.buffers for end in (b[: c.GUARD], b[-c.GUARD :])]
        return all((end == 7).all() for end in ends)

    def __del__(self):
        c.free(self.model)


@pytest.mark.parametrize("B", [1, 3, 8, 17])
@pytest.mark.parametrize("layers", [1, 3])
def test_a_batch_is_its_streams(B, layers, isa, dtype, draw_parameters):
    parameters, _ = draw_parameters(V, H, dtype, layers=layers)
    batch, streams = Batch(parameters, B), [c.Stream(parameters) for _ in range(B)]
    logits = np.zeros(V, dtype)
    for n, symbols in enumerate(np.random.default_rng(0).integers(0, V, (6, B), np.int32)):
        before = batch.state.copy()
        assert batch.step(symbols, batch.state, batch.next) == c.OK
        assert batch.state.tobytes() == before.tobytes()
        if n % 2:  # in place
            assert batch.step(symbols, batch.state, batch.state) == c.OK
            assert batch.state.tobytes() == batch.next.tobytes()
        batch.state[:] = batch.next
        states, rows = batch.state.reshape(layers, B, -1), batch.logits(batch.state)
        assert not rows[:, V:].any()
        for b, stream in enumerate(streams):
            assert stream.step(symbols[b]) == c.OK
            assert states[:, b].tobytes() == stream.state.tobytes()
            assert stream.call("logits", stream.state, logits) == c.OK
            assert rows[b, :V].tobytes() == logits.tobytes()
    assert batch.guarded()


@pytest.mark.parametrize("layers", [1, 2])
def test_logits_are_used_again(layers, isa, dtype, draw_parameters):
    parameters, _ = draw_parameters(V, H, dtype, scale=2, layers=layers)
    stream, symbol, again = c.Stream(parameters), *np.zeros((2, 1), np.int32)
    logits, logs, same = np.zeros((3, V), dtype)
    for x in (1, 4, 2):
        stream.step(x)
    assert stream.call("logits", stream.state, logits) == c.OK
    kept, bits = logits.copy(), np.zeros(1)
    for target in range(V):
        assert stream.call("cost_of", logits, target, bits) == c.OK
        assert bits[0] == stream.cost(target)
    for temperature in (0.0, 1e-7, 0.3, 1.0, 5.0):
        for uniform in (0.0, 0.2, 0.9, 1 - 1e-12):
            draw = (temperature, uniform)
            assert stream.call("draw", stream.state, *draw, symbol) == c.OK
            assert stream.call("draw_of", logits, *draw, again) == c.OK
            assert symbol[0] == again[0]
        if temperature:
            assert stream.call("log_probabilities", stream.state, temperature, logs) == c.OK
            assert stream.call("log_probabilities_of", logits, temperature, same) == c.OK
            assert logs.tobytes() == same.tobytes()
    assert logits.tobytes() == kept.tobytes()
    assert stream.guarded()


def results(windows, T, layers):
    """States, probabilities and losses of the last window; None where there are none."""
    B, model = windows.B, windows.model
    Hp, Vp = c.get(model, c.STATE_SIZE) // layers, c.get(model, c.LOGITS_SIZE)
    states = [c.workspace_states(model, windows.at, layer) for layer in range(layers)]
    states = [c.at(start, windows.dtype, T + 1, B, Hp) for start in states]
    probabilities = c.workspace_probabilities(model, windows.at)
    losses = c.workspace_losses(model, windows.at)
    return (
        states,
        c.at(probabilities, windows.dtype, T, B, Vp),
        c.at(losses, np.float64, T, B),
    )


@pytest.mark.parametrize("B", [1, 5])
@pytest.mark.parametrize("layers", [1, 2])
def test_results_of_a_window(B, layers, dtype, draw_parameters, draw_symbols):
    T = 20
    parameters, _ = draw_parameters(V, H, dtype, layers=layers)
    workspace = Workspace(V, H, B, T, dtype, layers=layers)
    inputs, targets = draw_symbols(V, B, T)
    forward_window(parameters.flat, inputs, targets, workspace)
    windows = c.Windows(parameters, B, T)
    assert results(windows, T, layers) == ([None] * layers, None, None)
    assert windows.call("forward", inputs, targets, T, None) == c.OK
    states, probabilities, losses = results(windows, T, layers)
    assert states[-1][..., :H].tobytes() == workspace.states.tobytes()
    assert probabilities[..., :V].tobytes() == workspace.probabilities.tobytes()
    assert losses.tobytes() == workspace.losses.tobytes()
    ends = np.stack([each[-1] for each in states])
    assert ends.reshape(windows.state.shape).tobytes() == windows.state.tobytes()
    assert c.workspace_states(windows.model, windows.at, layers) is None
    assert c.workspace_states(windows.model, windows.at, -1) is None
    assert windows.call("forward", inputs, None, T, None) == c.OK
    states, probabilities, losses = results(windows, T, layers)
    assert losses is None
    assert (probabilities.sum(-1) > 0.99).all()
    gradients = np.zeros(parameters.flat.size, dtype)
    windows.state[...] = 0
    assert windows.call("forward", inputs, targets, T, None) == c.OK
    assert windows.call("backward", inputs, targets, 1.0, gradients) == c.OK
    states, probabilities, again = results(windows, T, layers)
    assert probabilities is None
    assert again.tobytes() == workspace.losses.tobytes()


@pytest.mark.parametrize("B", [1, 5])
@pytest.mark.parametrize("layers", [1, 2])
def test_reading_without_outputs(B, layers, isa, dtype, draw_parameters, draw_symbols):
    T = 20
    parameters, _ = draw_parameters(V, H, dtype, layers=layers)
    inputs, targets = draw_symbols(V, B, T)
    resets = np.random.default_rng(1).integers(0, 2, (T, B)).astype(np.uint8)
    reading, full = (c.Windows(parameters, B, T, what=c.FOR_RESETS) for _ in range(2))
    for marks in (None, resets):
        assert reading.call("read_window", inputs, marks, T) == c.OK
        assert full.call("forward_window", None, inputs, targets, marks, T, None) == c.OK
        assert reading.state.tobytes() == full.state.tobytes()
        states, probabilities, losses = results(reading, T, layers)
        assert (probabilities, losses) == (None, None)
        for one, other in zip(states, results(full, T, layers)[0], strict=True):
            assert one.tobytes() == other.tobytes()
    assert reading.guarded()


def test_refusals(dtype, draw_parameters):
    other = {np.float32: np.float64, np.float64: np.float32}[dtype]
    parameters, _ = draw_parameters(V, H, dtype, layers=2)
    batch, x, out = Batch(parameters, 3), np.zeros(3, np.int32), np.zeros((3, 64), dtype)
    good = [batch.model, 3, x, batch.state, batch.next, batch.scratch, batch.scratch.size]
    assert c.call("step_batch", dtype, *good) == c.OK
    for i in (0, 2, 3, 4, 5):
        assert c.call("step_batch", dtype, *good[:i], None, *good[i + 1 :]) == c.NULL
    assert c.call("step_batch", other, *good) == c.WRONG_DTYPE
    assert c.call("step_batch", dtype, *good[:-1], good[-1] - 1) == c.TOO_SMALL
    before = batch.next.tobytes()
    for symbol in (-1, V):
        x[2] = symbol
        assert c.call("step_batch", dtype, *good) == c.BAD_SYMBOL
    for B in (0, -1, (1 << 20) + 1):
        assert c.call("step_batch", dtype, good[0], B, *good[2:]) == c.BAD_SIZE
        assert c.call("logits_batch", dtype, batch.model, B, batch.state, out) == c.BAD_SIZE
        assert c.batch_scratch_size(batch.model, B) == c.BAD_SIZE
    assert c.batch_scratch_size(None, 1) == c.NULL
    assert c.call("logits_batch", dtype, batch.model, 3, None, out) == c.NULL
    assert c.call("logits_batch", dtype, batch.model, 3, batch.state, None) == c.NULL
    assert c.call("logits_batch", other, batch.model, 3, batch.state, out) == c.WRONG_DTYPE
    assert batch.next.tobytes() == before
    windows, y = c.Windows(parameters, 1, 3), np.zeros((3, 1), np.int32)
    assert windows.call("read_window", None, None, 3) == c.NULL
    assert windows.call("read_window", y, None, 4) == c.BAD_SIZE
    assert windows.call("read_window", y, np.zeros((3, 1), np.uint8), 3) == c.BAD_SIZE
    y[1] = V
    assert windows.call("read_window", y, None, 3) == c.BAD_SYMBOL
    assert c.call("read_window", other, windows.model, windows.at, y, None, 3) == c.WRONG_DTYPE
    zeros = np.zeros(1 << 12, np.uint8)
    elsewhere = zeros.ctypes.data
    assert c.workspace_states(windows.model, elsewhere, 0) is None
    assert c.workspace_probabilities(windows.model, elsewhere) is None
    assert c.workspace_losses(windows.model, elsewhere) is None
