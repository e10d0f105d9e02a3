# SPDX-License-Identifier: MIT
"""The gradients of a window, clipping by value, and the Adagrad step."""

import numpy as np
import pytest
import reference
from differences import central_differences

from gru_ext.core import kernels
from gru_ext.core.windows import Workspace, backward_window, forward_window
from gru_ext.model.parameters import Parameters


@pytest.mark.parametrize(
    ("V", "H", "B", "T"),
    [(1, 1, 1, 3), (2, 3, 5, 4), (7, 9, 1, 6), (9, 17, 3, 3), (17, 8, 5, 5), (5, 7, 3, 30)],
)
def test_central_differences(V, H, B, T, isa, draw_parameters, draw_symbols):
    """Every element of the gradients."""
    parameters, _ = draw_parameters(V, H, np.float64, seed=V)
    inputs, targets = draw_symbols(V, B, T)
    hidden = np.random.default_rng(2).uniform(-1, 1, (B, H))
    workspace = Workspace(V, H, B, T, np.float64)

    def loss():
        workspace.hidden[...] = hidden
        return forward_window(parameters.flat, inputs, targets, workspace)

    loss()
    gradients = Parameters(V, H, np.float64)
    backward_window(parameters.flat, gradients.flat, workspace)
    for name, view in parameters.items():
        want = central_differences(loss, view)
        np.testing.assert_allclose(gradients[name], want, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(("V", "H", "B", "T"), [(9, 17, 1, 5), (17, 9, 3, 40), (7, 33, 5, 70)])
def test_backward_adds_to_the_gradients(
    V, H, B, T, isa, dtype, draw_parameters, draw_symbols, padding_of, assert_close
):
    parameters, values = draw_parameters(V, H, dtype)
    gradients, want = draw_parameters(V, H, dtype, seed=5)
    workspace = Workspace(V, H, B, T, dtype)
    hidden = np.zeros((B, H))
    for seed, scale in ((1, 1.0), (2, -0.5)):
        inputs, targets = draw_symbols(V, B, T, seed)
        forward_window(parameters.flat, inputs, targets, workspace)
        backward_window(parameters.flat, gradients.flat, workspace, scale)
        a = reference.forward(values, inputs, targets, hidden)
        hidden = a["h"][-1].T
        for name, g in reference.backward(values, inputs, targets, a, scale).items():
            want[name] += g
    for name in reference.NAMES:
        assert_close(gradients[name], want[name], name)
    assert not gradients.flat[padding_of(V, H, dtype)].any()


@pytest.mark.parametrize("B", [1, 2, 4])
def test_scale_is_a_factor(B, isa, dtype, draw_parameters, draw_symbols):
    """Exactly, for a power of two."""
    V, H, T = 9, 7, 5
    parameters, _ = draw_parameters(V, H, dtype)
    workspace = Workspace(V, H, B, T, dtype)
    results = []
    for scale in (1.0, -0.25, 0.0):
        gradients = Parameters(V, H, dtype)
        workspace.hidden[...] = 0.5
        forward_window(parameters.flat, *draw_symbols(V, B, T), workspace)
        backward_window(parameters.flat, gradients.flat, workspace, scale)
        results.append(gradients.flat / (scale or 1))
    np.testing.assert_array_equal(results[0], results[1])
    assert not results[2].any()


def test_symbols_that_are_not_inputs_have_no_gradient(isa, dtype, draw_parameters):
    V, H, B, T = 9, 7, 4, 5
    parameters, _ = draw_parameters(V, H, dtype)
    gradients = Parameters(V, H, dtype)
    workspace = Workspace(V, H, B, T, dtype)
    inputs, targets = np.full((T, B), 3, np.int32), np.full((T, B), 8, np.int32)
    forward_window(parameters.flat, inputs, targets, workspace)
    backward_window(parameters.flat, gradients.flat, workspace)
    for name in ("Wz", "Wr", "Wh"):
        assert gradients[name][:, 3].all()
        assert not np.delete(gradients[name], 3, axis=1).any()


@pytest.fixture
def window(dtype, draw_parameters, draw_symbols):
    """Two functions: the forward pass of a window from a zero state, and its gradients."""
    V, H, B, T = 7, 5, 2, 4
    parameters, _ = draw_parameters(V, H, dtype)
    workspace = Workspace(V, H, B, T, dtype)
    inputs, targets = draw_symbols(V, B, T)

    def forward(inputs=inputs, targets=targets):
        workspace.hidden[...] = 0
        forward_window(parameters.flat, inputs, targets, workspace)

    def backward():
        gradients = np.zeros_like(parameters.flat)
        backward_window(parameters.flat, gradients, workspace)
        return gradients

    return forward, backward


def test_backward_needs_a_forward_with_targets(window, dtype):
    forward, backward = window
    with pytest.raises(ValueError, match="forward_window"):
        backward()
    forward()
    backward()
    with pytest.raises(ValueError, match="forward_window"):
        backward()
    forward()
    forward(targets=None)
    with pytest.raises(ValueError, match="forward_window"):
        backward()


def test_backward_needs_a_training_workspace(dtype):
    workspace = Workspace(3, 2, 1, 1, dtype, training=False)
    flat = Parameters(3, 2, dtype).flat
    forward_window(flat, *np.zeros((2, 1, 1), np.int32), workspace)
    with pytest.raises(ValueError, match="training=False"):
        backward_window(flat, flat.copy(), workspace)


@pytest.mark.parametrize(
    "refused", [np.full((4, 2), 7, np.int32), np.zeros((3, 2), np.int32)], ids=["symbols", "shape"]
)
def test_refused_window_does_not_change_the_last_one(refused, window):
    forward, backward = window
    forward()
    want = backward()
    forward()
    with pytest.raises(ValueError, match="targets"):
        forward(inputs=np.zeros((4, 2), np.int32), targets=refused)
    try:
        gradients = backward()
    except ValueError:
        return  # it may also ask for another forward pass
    np.testing.assert_array_equal(gradients, want)


@pytest.mark.parametrize("n", [0, 1, 7, 16, 33])
def test_adagrad_update(n, isa, dtype):
    """eps is inside the root: here it is as large as some of the sums."""
    rng = np.random.default_rng(n)
    p, g = rng.normal(size=(2, n)).astype(dtype)
    g[n // 2 :] *= 1e-4
    m = np.where(np.arange(n) % 3 == 0, 0, g**2).astype(dtype)
    want_g = np.clip(g.astype(np.float64), -0.5, 0.5)
    want_m = m + want_g**2
    want_p = p - 0.1 * want_g / np.sqrt(want_m + 1e-6)
    before = g.copy()
    kernels.adagrad_update(p, m, g, 0.1, 0.5, 1e-6)
    np.testing.assert_allclose(m, want_m, rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_allclose(p, want_p, rtol=0, atol=8 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(g, before)


def test_clip(isa, dtype):
    g = np.array([0, -0.0, 0.5, -0.5, 0.25, 3, -3, np.inf, -np.inf, np.nan, 1e-30] * 3, dtype)
    want = np.clip(g, -0.5, 0.5)
    unbounded = g.copy()
    kernels.clip(g, 0.5)
    np.testing.assert_array_equal(g, want)
    np.testing.assert_array_equal(np.signbit(g), np.signbit(want))
    g = unbounded.copy()
    kernels.clip(g, np.inf)
    np.testing.assert_array_equal(g, unbounded)
    kernels.adagrad_update(p := np.zeros_like(g), m := np.zeros_like(g), g, 0.1, 0.5)
    np.testing.assert_array_equal(np.isnan(p) & np.isnan(m), np.isnan(g))


def test_update_arguments_are_checked(dtype):
    a, short = np.ones(8, dtype), np.ones(7, dtype)
    for limit in (0, -1, np.nan):
        with pytest.raises(ValueError, match="clip"):
            kernels.clip(a, limit)
        with pytest.raises(ValueError, match="clip"):
            kernels.adagrad_update(a, a, a, 0.1, limit)
    wrong = np.ones(8, np.float64 if dtype == np.float32 else np.float32)
    for arrays in (
        (short, a, a),
        (a, short, a),
        (a, a, short),
        (wrong, a, a),
        (a, wrong, a),
        (a, a, wrong),
        (a, a, None),
    ):
        with pytest.raises((TypeError, ValueError)):
            kernels.adagrad_update(*arrays, 0.1)
    np.testing.assert_array_equal(a, 1)


@pytest.mark.parametrize("eps", [0, -1, np.nan, np.inf, 1e-310])
def test_eps_is_a_normal_number(eps, dtype):
    p, m, g = np.zeros((3, 4), dtype)
    with pytest.raises(ValueError, match="eps must be a positive number from"):
        kernels.adagrad_update(p, m, g, 0.1, 5.0, eps)
    np.testing.assert_array_equal(p, 0)


def test_eps_is_a_normal_number_in_float32():
    p, m, g = np.zeros((3, 4), np.float32)
    with pytest.raises(ValueError, match=r"eps must be a positive number from 1\.18e-38"):
        kernels.adagrad_update(p, m, g, 0.1, 5.0, 1e-40)


def test_workspace_size_that_overflows():
    with pytest.raises(ValueError, match="batch size times sequence length must be from 1 to"):
        Workspace(5, 7, 1 << 20, 1 << 24)
