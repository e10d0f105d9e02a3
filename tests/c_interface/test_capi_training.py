# SPDX-License-Identifier: MIT
"""Training through the C interface is bit-identical to the package's own, on one thread."""

import ctypes

import capi as c
import numpy as np
import pytest

from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace, backward_window, forward_window

V, H = 9, 33
EVERYTHING = c.FOR_TRAINING | c.FOR_RESETS | c.FOR_DROPOUT
CASES = [
    ("adagrad", 1, {}, {}),
    ("adagrad", 2, {"clip": 0.5}, {"dropout": 0.3, "seed": 5}),
    ("adagrad", 1, {"clip_norm": 1.0, "clip": 0.3}, {"tied": True}),
    ("rmsprop", 1, {"beta2": 0.95}, {"separator": [3]}),
    ("adam", 2, {"beta1": 0.9, "beta2": 0.999}, {"separator": [3, 4], "dropout": 0.1}),
    ("adam", 2, {"beta1": 0.8, "beta2": 0.99, "clip_norm": 2.0}, {"tied": True}),
    ("adamw", 3, {"beta1": 0.9, "beta2": 0.999, "weight_decay": 0.1}, {"dropout": 0.5}),
]


def drawn(draw_parameters, dtype, layers, tied):
    parameters, _ = draw_parameters(V, H, dtype, layers=layers)
    if tied:
        parameters["Wy"][...] = parameters["Wh"].T
    return parameters


def ends_of_separators(text, separator):
    """Whether each symbol is the last one of a separator."""
    n = len(separator)
    found = [i + 1 >= n and text[i + 1 - n : i + 1].tolist() == separator for i in range(len(text))]
    return np.array(found)


def streams_of(text, B):
    """The B streams of a text, shape (stream length, B), and (n - 1) // B predictions of each."""
    length = (len(text) - 1) // B
    return np.stack([text[s * length : (s + 1) * length + 1] for s in range(B)], axis=1)


@pytest.mark.parametrize(("optimizer", "layers", "rule", "options"), CASES)
@pytest.mark.parametrize(("B", "T"), [(1, 6), (5, 6), (2, 70)])
def test_training(optimizer, layers, rule, options, B, T, isa, dtype, draw_parameters):
    steps, tied, separator = 4, options.get("tied", False), options.get("separator")
    dropout, seed = options.get("dropout", 0), options.get("seed", 0)
    text = np.random.default_rng(1).integers(0, V, B * (T * steps + 2) + B // 2).astype(np.uint8)
    ours = drawn(draw_parameters, dtype, layers, tied)
    sums, means = np.zeros((2, ours.flat.size), dtype)
    workspace = Workspace(
        V, H, B, T, dtype, layers=layers, resetting=bool(separator), dropping=dropout > 0
    )
    has_mean = optimizer.startswith("adam")
    betas = {name: rule[name] for name in ("beta1", "beta2") if name in rule}
    loop = TrainingLoop(
        ours.flat,
        sums,
        workspace,
        text,
        separator,
        optimizer,
        means if has_mean else None,
        tied=tied,
        **betas,
    )
    others = {name: value for name, value in rule.items() if name not in betas}
    rates = np.linspace(0.1, 0.02, steps)
    want = loop.steps(steps, rates, **{"clip": np.inf} | others, dropout=dropout, seed=seed)

    parameters = drawn(draw_parameters, dtype, layers, tied)
    memory, mean = np.zeros((2, parameters.flat.size), dtype)
    windows, loss = c.Windows(c.model_of(parameters, tied), B, T, what=EVERYTHING), np.zeros(1)
    streams = streams_of(text, B)
    marks = streams_of(ends_of_separators(text, separator), B) if separator else None
    for n in range(steps):
        at = slice(n * T, n * T + T)
        inputs = np.ascontiguousarray(streams[at], np.int32)
        targets = np.ascontiguousarray(streams[n * T + 1 : n * T + T + 1], np.int32)
        settings = c.Settings(
            optimizer, learning_rate=rates[n], dropout=dropout, seed=seed, step=n + 1, **rule
        )
        resets = None if marks is None else np.ascontiguousarray(marks[at], np.uint8)
        symbols = (inputs, targets, resets, T, loss)
        done = windows.call("train_window", settings, memory, mean if has_mean else None, *symbols)
        assert (done, loss[0]) == (c.OK, want[n])
    assert parameters.flat.tobytes() == ours.flat.tobytes()
    assert memory.tobytes() == sums.tobytes()
    assert mean.tobytes() == means.tobytes()
    assert windows.state[..., :H].tobytes() == workspace.hidden.tobytes()
    assert windows.guarded()


@pytest.mark.parametrize(("optimizer", "layers", "rule", "options"), CASES)
def test_forward_backward_and_update_are_a_training_step(
    optimizer, layers, rule, options, dtype, draw_parameters, draw_symbols
):
    B, T, tied, dropout = 2, 70, options.get("tied", False), options.get("dropout", 0)
    inputs, targets = draw_symbols(V, B, T)
    resets = np.random.default_rng(2).integers(0, 2, (T, B)).astype(np.uint8)
    settings = c.Settings(optimizer, dropout=dropout, seed=7, step=3, **rule)
    results = []
    for parts in (False, True):
        parameters = drawn(draw_parameters, dtype, layers, tied)
        memory, mean, gradients = np.zeros((3, parameters.flat.size), dtype)
        windows = c.Windows(c.model_of(parameters, tied), B, T, what=EVERYTHING)
        loss, symbols = np.zeros(1), (inputs, targets, resets, T)
        if not parts:
            done = windows.call("train_window", settings, memory, mean, *symbols, loss)
            assert done == c.OK
        else:
            assert windows.call("forward_window", settings, *symbols, loss) == c.OK
            assert windows.call("backward", inputs, targets, 1 / B, gradients) == c.OK
            assert windows.call("update", settings, memory, mean, gradients) == c.OK
        results.append([loss[0], *(a.tobytes() for a in (parameters.flat, memory, mean))])
        assert windows.guarded()
    assert results[0] == results[1]
    assert (parameters["Wy"] == parameters["Wh"].T).all() == tied


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_window_with_resets(layers, dropout, dtype, draw_parameters, draw_symbols):
    B, T = 3, 8
    parameters, _ = draw_parameters(V, H, dtype, layers=layers)
    inputs, targets = draw_symbols(V, B, T)
    resets = np.random.default_rng(2).integers(0, 2, (T, B)).astype(bool)
    workspace = Workspace(V, H, B, T, dtype, layers=layers, resetting=True, dropping=True)
    wanted, got = np.zeros((2, parameters.flat.size), dtype)
    want = forward_window(
        parameters.flat, inputs, targets, workspace, resets, dropout, seed=3, update=11
    )
    backward_window(parameters.flat, wanted, workspace)
    windows, loss = c.Windows(parameters, B, T, what=EVERYTHING), np.zeros(1)
    settings = c.Settings(dropout=dropout, seed=3, step=11) if dropout else None
    marks = resets.astype(np.uint8)
    done = windows.call("forward_window", settings, inputs, targets, marks, T, loss)
    assert (done, loss[0]) == (c.OK, want)
    # refused calls in between change nothing, and later changes of the marks neither
    marks[:] = 0
    assert windows.call("forward_window", None, inputs, targets, None, T + 1, loss) == c.BAD_SIZE
    assert windows.call("backward", inputs, targets, 1.0, got) == c.OK
    assert got.tobytes() == wanted.tobytes()
    # without resets and dropout the same workspace gives what any other gives
    want = forward_window(parameters.flat, inputs, targets, workspace)
    assert windows.call("forward", inputs, targets, T, loss) == c.OK
    assert loss[0] == want


@pytest.mark.parametrize("smaller", [8, 95, 104, -1])
def test_settings_of_another_size(smaller, draw_parameters):
    windows = c.Windows(draw_parameters(V, H, np.float32)[0], 1, 2)
    memory = np.zeros(windows.parameters.flat.size, np.float32)
    x = np.zeros((2, 1), np.int32)
    assert ctypes.sizeof(c.Settings) == 96
    settings = c.Settings(size=smaller)
    assert windows.call("update", settings, memory, None, memory) == c.BAD_SIZE
    done = windows.call("train_window", settings, memory, None, x, x, None, 2, None)
    assert done == c.BAD_SIZE
    assert windows.call("forward_window", settings, x, x, None, 2, None) == c.BAD_SIZE


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate": np.nan},
        {"clip": 0.0},
        {"clip": np.nan},
        {"clip_norm": 0.0},
        {"clip_norm": np.nan},
        {"eps": 0.0},
        {"eps": 1e-320},
        {"beta1": 1.0},
        {"beta2": -0.1},
        {"beta2": np.nan},
        {"weight_decay": 0.1},
        {"optimizer": "adam", "weight_decay": -0.1},
        {"optimizer": "adam", "weight_decay": 11.0},
        {"dropout": 1.0},
        {"dropout": np.nan},
        {"step": 0},
    ],
)
def test_wrong_settings(wrong, dtype, draw_parameters):
    windows = c.Windows(draw_parameters(V, H, dtype)[0], 1, 2, what=EVERYTHING)
    memory, mean = np.zeros((2, windows.parameters.flat.size), dtype)
    x, before = np.zeros((2, 1), np.int32), windows.parameters.flat.tobytes()
    settings = c.Settings(**wrong)
    assert windows.call("update", settings, memory, mean, memory) == c.BAD_NUMBER
    done = windows.call("train_window", settings, memory, mean, x, x, None, 2, None)
    assert done == c.BAD_NUMBER
    settings = c.Settings()
    settings.optimizer = 3
    assert windows.call("update", settings, memory, mean, memory) == c.BAD_NUMBER
    assert windows.parameters.flat.tobytes() == before


def test_refusals(dtype, draw_parameters):
    parameters, _ = draw_parameters(V, H, dtype)
    x, marks = np.zeros((2, 1), np.int32), np.zeros((2, 1), np.uint8)
    m = np.zeros(parameters.flat.size, dtype)
    plain = c.Windows(parameters, 1, 2)
    dropping, adam = c.Settings(dropout=0.5), c.Settings("adam", beta1=0.9, beta2=0.9)
    good = c.Settings()
    train = ("train_window", good, m, None, x, x, None, 2, None)
    assert plain.call("forward_window", None, x, x, marks, 2, None) == c.BAD_SIZE
    assert plain.call("forward_window", dropping, x, x, None, 2, None) == c.BAD_SIZE
    assert plain.call("train_window", adam, m, None, x, x, None, 2, None) == c.NULL
    assert plain.call("update", adam, m, None, m) == c.NULL
    for i in (1, 2, 4, 5):
        assert plain.call(*train[:i], None, *train[i + 1 :]) == c.NULL
    for i in (1, 2, 4):
        update = ("update", good, m, None, m)
        assert plain.call(*update[:i], None, *update[i + 1 :]) == c.NULL
    reading = c.Windows(parameters, 1, 2, training=False)
    assert reading.call(*train) == reading.call("update", good, m, None, m) == c.BAD_SIZE
    stacked = c.Windows(draw_parameters(V, H, dtype, layers=2)[0], 1, 2)
    assert c.call(train[0], dtype, stacked.model, plain.at, *train[1:]) == c.BAD_SIZE
    assert c.workspace_bytes_for(plain.model, 1, 2, 8) == c.BAD_NUMBER
    assert c.workspace_bytes_for(plain.model, 1, 2, -1) == c.BAD_NUMBER
    parameters.flat.flags.writeable = False
    reading = c.Windows(parameters, 1, 2)
    assert reading.call(*train) == reading.call("update", good, m, None, m) == c.READ_ONLY


def test_sizes_that_do_not_fit():
    flat = np.zeros(1, np.float32)
    model = c.wrap_layers[4](flat.ctypes.data, 1, 1 << 24, 16)
    assert c.workspace_bytes(model, 1, 1, True) > 1 << 50
    assert c.workspace_bytes(model, 127, 1 << 24, True) == c.BAD_SIZE
    c.free(model)
