# SPDX-License-Identifier: MIT
"""Several layers and dropout, against the reference implementation and numerical gradients."""

import numpy as np
import pytest
import reference
from differences import central_differences
from loops import assert_guarded, make_loop, state_of
from streams import sample_streams

from gru_ext.core import kernels
from gru_ext.core.windows import Workspace, backward_window, forward_window
from gru_ext.model.parameters import Parameters, shapes

STACKS = [(1, 0.3), (2, 0.0), (2, 0.25), (3, 0.0), (3, 0.4)]


def make_workspace(V, H, B, T, dtype, layers, **options):
    return Workspace(V, H, B, T, dtype, layers=layers, dropping=True, **options)


@pytest.mark.parametrize(("layers", "dropout"), STACKS)
@pytest.mark.parametrize(("V", "H", "B", "T"), [(3, 5, 1, 3), (7, 9, 3, 4), (4, 17, 5, 5)])
def test_central_differences(layers, dropout, V, H, B, T, isa, draw_parameters, draw_symbols):
    """Every element of the gradients."""
    parameters, _ = draw_parameters(V, H, np.float64, seed=V, layers=layers)
    inputs, targets = draw_symbols(V, B, T)
    hidden = np.random.default_rng(2).uniform(-1, 1, (layers, B, H))
    workspace = make_workspace(V, H, B, T, np.float64, layers)
    dropped = {"dropout": dropout, "seed": 5, "update": 7}

    def loss():
        workspace.hidden[...] = hidden if layers > 1 else hidden[0]
        return forward_window(parameters.flat, inputs, targets, workspace, **dropped)

    loss()
    gradients = parameters.like()
    backward_window(parameters.flat, gradients.flat, workspace)
    for name, view in parameters.items():
        want = central_differences(loss, view)
        np.testing.assert_allclose(gradients[name], want, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(("layers", "dropout"), STACKS)
@pytest.mark.parametrize(("V", "H", "B", "T"), [(9, 17, 1, 5), (17, 9, 3, 40), (7, 33, 5, 70)])
def test_windows_against_the_oracle(
    layers, dropout, V, H, B, T, isa, dtype, draw_parameters, draw_symbols, padding_of, assert_close
):
    parameters, values = draw_parameters(V, H, dtype, layers=layers)
    workspace = make_workspace(V, H, B, T, dtype, layers, resetting=True)
    gradients, want = parameters.like(), reference.zeros_like(values)
    hidden = np.zeros((layers, B, H))
    for update in (1, 2):
        inputs, targets = draw_symbols(V, B, T, update)
        resets = np.random.default_rng(update).random((T, B)) < 0.1
        forward_window(
            parameters.flat, inputs, targets, workspace, resets, dropout, seed=3, update=update
        )
        factors = reference.stack_dropout(layers, T, B, H, dropout, 3, update)
        a = reference.forward(values, inputs, targets, hidden, resets, factors)
        assert_close(workspace.losses, a["loss"], "losses")
        hidden = np.stack([layer["h"][-1].T for layer in a["stack"]])
        assert_close(workspace.hidden.reshape(hidden.shape), hidden, "hidden")
        assert_close(workspace.states[-1], hidden[-1], "states")
        backward_window(parameters.flat, gradients.flat, workspace, 0.5)
        for name, g in reference.backward(values, inputs, targets, a, 0.5).items():
            want[name] += g
    for name, gradient in want.items():
        assert_close(gradients[name], gradient, name)
    assert not gradients.flat[padding_of(V, H, dtype, layers)].any()


@pytest.mark.parametrize(("layers", "dropout"), [(1, 0.2), (2, 0.0), (3, 0.2)])
@pytest.mark.parametrize(("optimizer", "norm"), [("adagrad", np.inf), ("adam", 0.5)])
@pytest.mark.parametrize(("n", "B", "T"), [(61, 1, 2), (101, 3, 4), (361, 5, 70)])
def test_runs_against_the_oracle(
    layers, dropout, optimizer, norm, n, B, T, isa, draw_parameters, padding_of
):
    V, H, windows = 7, 9, 12
    symbols = np.random.default_rng(n).integers(0, V, (n - 1) * B + 1).astype(np.uint8)
    parameters, values = draw_parameters(V, H, np.float64, layers=layers)
    loop = make_loop(parameters, B, T, symbols, optimizer=optimizer)
    mean = reference.zeros_like(values)

    def update(p, memory, g, t):
        g = reference.clipped_by_norm(g, norm)
        if optimizer == "adagrad":
            reference.adagrad(p, memory, g, 0.02)
        else:
            reference.adam(p, memory, mean, g, t, 0.02, 0.9, 0.999)

    got = loop.steps(windows, 0.02, clip_norm=norm, dropout=dropout, seed=11)
    want = reference.train(
        values, symbols, B, T, windows, 0.02, update=update, dropout=dropout, seed=11
    )
    losses, memory, hidden, position = want
    np.testing.assert_allclose(got, losses, rtol=1e-8)
    for flat, wanted in ((loop.parameters, values), (loop.memory, memory)):
        trained = parameters.like(np.ascontiguousarray(flat))
        for name, view in trained.items():
            np.testing.assert_allclose(view, wanted[name], 1e-6, 1e-8, err_msg=name)
        assert not flat[padding_of(V, H, np.float64, layers)].any()
    np.testing.assert_allclose(loop.workspace.hidden, hidden, 1e-7, 1e-9)
    assert loop.position == position
    assert_guarded(loop)


@pytest.mark.parametrize(("layers", "dropout"), [(1, 0.3), (2, 0.0), (3, 0.3)])
@pytest.mark.parametrize(("B", "T"), [(1, 1), (1, 2), (2, 9), (7, 12)])
@pytest.mark.parametrize("norm", [np.inf, 0.1])
def test_same_bits_for_any_number_of_threads(
    layers, dropout, B, T, norm, isa, dtype, draw_parameters
):
    V, H = 17, 33
    symbols = np.random.default_rng(0).integers(0, V, B * 60).astype(np.uint8)
    parameters, _ = draw_parameters(V, H, dtype, layers=layers)
    results = []
    for threads, parts in ((1, [11]), (2, [4, 7]), (3, [11]), (7, [1, 10])):
        loop = make_loop(parameters, B, T, symbols, threads)
        options = {"threads": threads, "clip_norm": norm, "dropout": dropout, "seed": 1}
        losses = [loop.steps(part, 0.1, **options).tobytes() for part in parts]
        results.append(b"".join(losses) + state_of(loop))
        assert_guarded(loop)
    assert len(set(results)) == 1


@pytest.mark.parametrize("layers", [2, 3])
@pytest.mark.parametrize("B", [1, 5])
@pytest.mark.parametrize("n", [2, 30])
def test_samples_at_temperature_zero(layers, B, n, isa, dtype, draw_parameters):
    """The symbols are the most likely ones of the reference implementation."""
    V, H = 9, 17
    parameters, values = draw_parameters(V, H, dtype, scale=2.0, layers=layers)
    first = np.arange(B, dtype=np.int32)
    sampled, stream = sample_streams(parameters, first, np.zeros((n, B)), None, 0.0)
    inputs = np.concatenate([first[None], sampled[:-1]])
    a = reference.forward(values, inputs, sampled, np.zeros((layers, B, H)))
    most_likely = [p.argmax(axis=0) for p in a["p"]]
    margin = np.array([np.diff(np.sort(p, axis=0)[-2:], axis=0)[0] for p in a["p"]])
    np.testing.assert_array_equal(sampled[margin > 1e-3], np.array(most_likely)[margin > 1e-3])
    read = np.concatenate([first[None], sampled])
    a = reference.forward(values, read, read, np.zeros((layers, B, H)))
    hidden = np.stack([layer["h"][-1].T for layer in a["stack"]])
    np.testing.assert_allclose(stream.state, hidden, atol=1e-4)


@pytest.mark.parametrize("dropout", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("columns", [1, 16, 37])
def test_dropout_by_the_oracle(dropout, columns, isa, dtype):
    x = np.random.default_rng(0).normal(size=(6, columns)).astype(dtype)
    out = np.full_like(x, 7)
    kernels.dropout(x, out, dropout, 123, 456, 789)
    factors = reference.dropout_factors(dropout, 123, 456, 6, columns, 789)
    np.testing.assert_allclose(out, x * factors, rtol=4 * np.finfo(dtype).eps)
    kernels.dropout(x, x, dropout, 123, 456, 789)
    np.testing.assert_array_equal(x, out)


def test_dropout_drops_its_fraction_everywhere(dtype):
    """In each row, column and update; and neighbours are independent."""
    ones = np.ones((400, 400), dtype)
    seen = []
    for seed, update in ((0, 1), (0, 2), (1, 1), (2**32 - 1, 2**40)):
        out = np.empty_like(ones)
        kernels.dropout(ones, out, 0.25, seed, update)
        dropped = out == 0
        seen.append(dropped)
        assert abs(dropped.mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / dropped.size)
        for axis in (0, 1):
            fractions = dropped.mean(axis=axis)
            assert abs(fractions - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 400)
        for one, other in ((dropped[1:], dropped[:-1]), (dropped[:, 1:], dropped[:, :-1])):
            assert abs((one & other).mean() - 0.0625) < 0.004
    for i, one in enumerate(seen):
        for other in seen[:i]:
            assert abs((one & other).mean() - 0.0625) < 0.004


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_parameters_of_layers(layers, dtype):
    """The first layer and the output have the same offsets as in a model of one layer."""
    V, H = 5, 7
    one, stack = Parameters(V, H, dtype), Parameters(V, H, dtype, layers=layers)
    stack.flat[: one.flat.size] = np.arange(one.flat.size)
    one.flat[...] = np.arange(one.flat.size)
    for name, view in one.items():
        np.testing.assert_array_equal(stack[name], view)
    assert {name: view.shape for name, view in stack.items()} == shapes(V, H, layers)
    assert list(stack)[:11] == list(one)
    assert stack.count == one.count + (layers - 1) * 3 * (2 * H * H + H)
    for i, view in enumerate(stack.values()):
        view[...] = i
    for i, view in enumerate(stack.values()):  # no two views overlap
        assert (view == i).all()
    assert stack.copy().layers == layers


@pytest.mark.parametrize("layers", [0, -1, 17, 1 << 40])
def test_layers_are_checked(layers):
    with pytest.raises(ValueError, match="layers must be from 1 to 16, not"):
        Parameters(3, 2, layers=layers)
    with pytest.raises(ValueError, match="layers must be from 1 to 16, not"):
        Workspace(3, 2, 1, 1, layers=layers)


@pytest.mark.parametrize("dropout", [-0.1, 1.0, 2, np.nan, np.inf])
def test_dropout_is_checked(dropout, draw_parameters):
    parameters, _ = draw_parameters(3, 2, np.float64)
    x = np.ones((1, 4))
    with pytest.raises(ValueError, match="dropout must be from 0 to below 1, not"):
        kernels.dropout(x, x, dropout, 0, 0)
    loop = make_loop(parameters, 1, 2, np.zeros(9, np.uint8))
    with pytest.raises(ValueError, match="dropout must be from 0 to below 1, not"):
        loop.steps(1, 0.1, dropout=dropout)
    window = np.zeros((2, 1), np.int32)
    with pytest.raises(ValueError, match="dropout must be from 0 to below 1, not"):
        forward_window(parameters.flat, window, window, loop.workspace, dropout=dropout)


def test_dropout_needs_memory(draw_parameters):
    parameters, _ = draw_parameters(3, 2, np.float64)
    workspace, window = Workspace(3, 2, 1, 2, np.float64), np.zeros((2, 1), np.int32)
    with pytest.raises(ValueError, match="dropping=False"):
        forward_window(parameters.flat, window, window, workspace, dropout=0.5)


@pytest.mark.parametrize(("seed", "update"), [(-1, 0), (0, -1), (1 << 64, 0)])
def test_counters_of_dropout_are_checked(seed, update):
    x = np.ones((1, 4))
    with pytest.raises((ValueError, OverflowError)):
        kernels.dropout(x, x, 0.5, seed, update)


def test_arrays_of_another_number_of_layers_are_refused(draw_parameters):
    stack, _ = draw_parameters(3, 2, np.float64, layers=2)
    window, workspace = np.zeros((2, 1), np.int32), Workspace(3, 2, 1, 2, np.float64)
    with pytest.raises(ValueError, match="parameters must have"):
        forward_window(stack.flat, window, window, workspace)
