# SPDX-License-Identifier: MIT
"""Subnormals are flushed to zero inside calls of the core, and nowhere else."""

import platform
import threading

import numpy as np
import pytest
from streams import sample_streams

from gru_ext.core import kernels
from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import (
    Workspace,
    backward_window,
    forward_window,
)
from gru_ext.model.parameters import Parameters

V, H, B, T = 7, 9, 3, 4
SUBNORMAL = {np.float32: 2.0**-140, np.float64: 2.0**-1060}


def subnormals_work():
    """Whether operations on arrays, NumPy scalars and Python floats keep subnormals."""
    for dtype, tiny in SUBNORMAL.items():
        x = np.full(33, tiny, dtype)
        halves = x * dtype(0.5)  # result
        sums = x + x  # operands
        if not (np.all(halves == tiny / 2) and np.all(sums == 2 * tiny)):
            return False
    return bool(
        np.float64(5e-324) * 1 > 0
        and np.float32(1e-45) * np.float32(1) > 0
        and float("5e-324") * 1.0 > 0
    )


def calls(dtype):
    """Calls of every public function of the core, by name."""
    parameters, memory, gradients = (Parameters(V, H, dtype) for _ in range(3))
    workspace = Workspace(V, H, B, T, dtype, threads=2)
    symbols = np.zeros((T, B), np.int32)
    loop = TrainingLoop(parameters.flat, memory.flat, workspace, np.zeros(100, np.uint8))
    bad = TrainingLoop(parameters.flat, memory.flat, workspace, np.full(100, V, np.uint8))
    x = np.ones(33, dtype)

    def forward():
        forward_window(parameters.flat, symbols, symbols, workspace)

    def backward():
        forward()
        backward_window(parameters.flat, gradients.flat, workspace)

    def refused():
        with pytest.raises(ValueError, match="symbols"):
            bad.steps(1, 0.1, threads=2)

    return {
        "forward_window": forward,
        "backward_window": backward,
        "steps": lambda: loop.steps(3, 0.1),
        "steps of two threads": lambda: loop.steps(3, 0.1, threads=2),
        "refused steps": refused,
        "sample_symbols": lambda: sample_streams(parameters, symbols[0], np.zeros((5, B))),
        "adagrad_update": lambda: kernels.adagrad_update(x.copy(), x.copy(), x, 0.1),
        "adam_update": lambda: kernels.adam_update(*np.tile(x, (4, 1)), 1, 0.1),
        "clip": lambda: kernels.clip(x.copy(), 0.5),
        "exp": lambda: kernels.exp(x, x.copy()),
        "tanh": lambda: kernels.tanh(x, x.copy()),
    }


@pytest.mark.parametrize("name", calls(np.float32))
def test_callers_state_is_left_alone(name, isa, dtype):
    assert subnormals_work()
    calls(dtype)[name]()
    assert subnormals_work()


@pytest.mark.parametrize("name", ["forward_window", "steps of two threads"])
def test_state_of_another_thread_is_left_alone(name, dtype):
    results = []

    def work():
        calls(dtype)[name]()
        results.append(subnormals_work())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert results == [True]
    assert subnormals_work()


flushes = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64", "aarch64", "arm64")
    or not kernels.compiler().startswith(("GCC", "Clang")),
    reason="the core flushes subnormals on x86-64 and aarch64 where GCC or Clang built it",
)


@flushes
def test_subnormals_are_flushed_inside(isa, dtype):
    """With zero parameters h = h'/2: a subnormal state becomes zero in one step."""
    parameters = Parameters(V, H, dtype)
    workspace = Workspace(V, H, B, T, dtype)
    symbols = np.zeros((1, B), np.int32)
    for start, want in ((1.0, 0.5), (SUBNORMAL[dtype], 0), (float(np.finfo(dtype).tiny), 0)):
        workspace.hidden[...] = start
        forward_window(parameters.flat, symbols, symbols, workspace)
        np.testing.assert_array_equal(workspace.hidden, want)
        _, stream = sample_streams(
            parameters, symbols[0], np.zeros((0, B)), np.full((1, B, H), start, dtype)
        )
        np.testing.assert_array_equal(stream.state, want)


@flushes
def test_subnormal_operands_count_as_zero(isa, dtype):
    """Otherwise Uz h' would be a normal number and change z."""
    parameters = Parameters(V, H, dtype)
    parameters["Uz"][...] = np.finfo(dtype).max / 16
    parameters["bh"][...] = 1
    states = []
    for start in (0, SUBNORMAL[dtype]):
        workspace = Workspace(V, H, B, T, dtype)
        workspace.hidden[...] = start
        forward_window(parameters.flat, np.zeros((1, B), np.int32), None, workspace)
        states.append(workspace.hidden.tobytes())
    assert states[0] == states[1]


@flushes
@pytest.mark.parametrize("threads", [1, 2])
def test_subnormals_are_flushed_in_training(threads, isa, dtype):
    """Also in helper threads: with two threads each has at least one stream."""
    parameters, memory = Parameters(V, H, dtype), Parameters(V, H, dtype)
    workspace = Workspace(V, H, B, T, dtype, threads=threads)
    loop = TrainingLoop(parameters.flat, memory.flat, workspace, np.zeros(100, np.uint8))
    loop.position = T
    workspace.hidden[...] = SUBNORMAL[dtype]
    loop.steps(1, [0.0], threads=threads)
    np.testing.assert_array_equal(workspace.hidden, 0)
