# SPDX-License-Identifier: MIT
"""DropConnect, resets of states and averages of weights, against the reference implementation."""

import numpy as np
import pytest
import reference
from loops import assert_guarded, make_loop, state_of

from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace

V, H = 7, 9


def draw_text(B, n=61, seed=1):
    return np.random.default_rng(seed).integers(0, V, (n - 1) * B + 1).astype(np.uint8)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize(("optimizer", "norm"), [("adagrad", np.inf), ("adam", 0.5)])
@pytest.mark.parametrize(("n", "B", "T"), [(61, 1, 2), (101, 3, 4), (361, 5, 70)])
@pytest.mark.parametrize("how", [(0.4, 0.0, 0.0), (0.0, 0.3, 0.0), (0.5, 0.2, 0.3)])
def test_runs_against_the_oracle(
    how, layers, optimizer, norm, n, B, T, isa, draw_parameters, padding_of
):
    windows, symbols = 12, draw_text(B, n)
    parameters, values = draw_parameters(V, H, np.float64, layers=layers)
    loop = make_loop(parameters, B, T, symbols, optimizer=optimizer)
    mean = reference.zeros_like(values)

    def update(p, memory, g, t):
        g = reference.clipped_by_norm(g, norm)
        if optimizer == "adagrad":
            reference.adagrad(p, memory, g, 0.02)
        else:
            reference.adam(p, memory, mean, g, t, 0.02, 0.9, 0.999)

    weights, state, dropout = how
    options = {"weight_dropout": weights, "state_reset": state, "dropout": dropout, "seed": 11}
    got = loop.steps(windows, 0.02, clip_norm=norm, **options)
    losses, memory, hidden, _ = reference.train(
        values, symbols, B, T, windows, 0.02, update=update, **options
    )
    np.testing.assert_allclose(got, losses, rtol=1e-8)
    for flat, wanted in ((loop.parameters, values), (loop.memory, memory)):
        trained = parameters.like(np.ascontiguousarray(flat))
        for name, view in trained.items():
            np.testing.assert_allclose(view, wanted[name], 1e-6, 1e-8, err_msg=name)
        assert not flat[padding_of(V, H, np.float64, layers)].any()
    np.testing.assert_allclose(loop.workspace.hidden, hidden, 1e-7, 1e-9)
    assert_guarded(loop)


@pytest.mark.parametrize("layers", [1, 2])
def test_gradients_by_central_differences(layers, isa, draw_parameters):
    """Adagrad's state after one step is the squared gradient."""
    B, T = 3, 6
    symbols = draw_text(B, T + 2)
    parameters, _ = draw_parameters(V, H, np.float64, layers=layers)

    def first_step(flat):
        loop = make_loop(parameters.like(flat), B, T, symbols)
        loss = loop.steps(1, 1e-9, np.inf, weight_dropout=0.4, dropout=0.3, seed=3)[0]
        return loss / B, loop.memory.copy()

    _, squares = first_step(parameters.flat.copy())
    for i in np.flatnonzero(parameters.flat)[::7]:
        moved = np.zeros_like(parameters.flat)
        moved[i] = 1e-5
        above, below = (first_step(parameters.flat + sign * moved)[0] for sign in (1, -1))
        gradient = (above - below) / 2e-5
        np.testing.assert_allclose(squares[i], gradient**2, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("B", "T"), [(1, 2), (2, 9), (7, 12)])
@pytest.mark.parametrize("norm", [np.inf, 0.1])
@pytest.mark.parametrize("tied", [False, True])
def test_same_bits_for_any_number_of_threads(layers, B, T, norm, tied, isa, dtype, draw_parameters):
    symbols, results = draw_text(B), []
    parameters, _ = draw_parameters(V, H, dtype, layers=layers)
    if tied:
        parameters["Wy"][...] = parameters["Wh"].T
    for threads, parts in ((1, [11]), (2, [4, 7]), (3, [11]), (7, [1, 10])):
        average = parameters.like()
        loop = make_loop(parameters, B, T, symbols, threads, average=average.flat, tied=tied)
        options = {"threads": threads, "clip_norm": norm, "dropout": 0.2, "seed": 1}
        options |= {"weight_dropout": 0.3, "state_reset": 0.2, "average_over": 0.5}
        losses = [loop.steps(part, 0.1, **options).tobytes() for part in parts]
        results.append(b"".join(losses) + state_of(loop) + average.flat.tobytes())
        assert_guarded(loop)
    assert len(set(results)) == 1


@pytest.mark.parametrize("over", [0.01, 0.3, 1.0])
def test_average(over, isa, dtype, draw_parameters, padding_of):
    parameters, _ = draw_parameters(V, H, dtype)
    average = parameters.like()
    loop = make_loop(parameters, 3, 5, draw_text(3), average=average.flat)
    want = np.zeros(len(average.flat))
    for step in range(1, 20):
        loop.steps(1, 0.1, average_over=over)
        want += (loop.parameters - want) / (1 + over * (step - 1))
    rtol, atol = (3e-6, 1e-7) if dtype == np.float32 else (1e-12, 1e-15)
    np.testing.assert_allclose(average.flat, want, rtol, atol)
    assert not average.flat[padding_of(V, H, dtype, 1)].any()
    before = average.flat.copy()
    loop.steps(2, 0.1)
    np.testing.assert_array_equal(average.flat, before)


def test_without_them_nothing_changes(dtype, draw_parameters):
    parameters, _ = draw_parameters(V, H, dtype)
    plain, other = (make_loop(parameters, 3, 5, draw_text(3)) for _ in range(2))
    plain.steps(7, 0.1, dropout=0.2)
    other.steps(7, 0.1, dropout=0.2, weight_dropout=0.0, state_reset=0.0, average_over=0.0)
    assert state_of(plain) == state_of(other)


@pytest.mark.parametrize("name", ["weight_dropout", "state_reset"])
@pytest.mark.parametrize("value", [-0.1, 1.0, np.nan])
def test_probabilities_are_checked(name, value, draw_parameters):
    parameters, _ = draw_parameters(V, H, np.float64)
    loop = make_loop(parameters, 3, 5, draw_text(3))
    with pytest.raises(ValueError, match=f"{name.replace('_', ' ')} must be from 0 to below 1"):
        loop.steps(1, 0.1, **{name: value})


def test_average_is_checked(draw_parameters):
    parameters, _ = draw_parameters(V, H, np.float64)
    loop = make_loop(parameters, 3, 5, draw_text(3))
    with pytest.raises(ValueError, match="average over must be from 0 to 1, not 2"):
        loop.steps(1, 0.1, average_over=2)
    with pytest.raises(ValueError, match="needs `average`"):
        loop.steps(1, 0.1, average_over=0.5)
    workspace = Workspace(V, H, 1, 5, parameters.dtype)
    with pytest.raises(ValueError, match="average must have"):
        TrainingLoop(
            parameters.flat,
            parameters.like().flat,
            workspace,
            draw_text(1),
            average=np.zeros(3, parameters.dtype),
        )
