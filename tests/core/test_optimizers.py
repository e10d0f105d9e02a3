# SPDX-License-Identifier: MIT
"""All optimisers and clipping by norm, against the reference implementation; errors."""

import numpy as np
import pytest
import reference
from loops import WITH_MEAN, assert_guarded, make_loop, state_of

from gru_ext.core import kernels
from gru_ext.core.training_loop import TrainingLoop
from gru_ext.core.windows import Workspace
from gru_ext.model.parameters import Parameters

OPTIMIZERS = ("adagrad", "rmsprop", "adam", "adamw")
BETA1, BETA2 = 0.8, 0.95


@pytest.fixture(params=OPTIMIZERS)
def optimizer(request):
    return request.param


def options_of(optimizer):
    return {"optimizer": optimizer, "beta1": BETA1, "beta2": BETA2}


def decay_of(optimizer):
    return 0.3 if optimizer == "adamw" else 0.0


def oracle(optimizer, mean, rates, clip, clip_norm, eps):
    def update(p, m, g, t):
        g = reference.clipped_by_norm(g, clip_norm)
        if optimizer == "adagrad":
            reference.adagrad(p, m, g, rates[t - 1], clip, eps)
        elif optimizer == "rmsprop":
            reference.rmsprop(p, m, g, rates[t - 1], BETA2, clip, eps)
        else:
            decay = decay_of(optimizer)
            reference.adam(p, m, mean, g, t, rates[t - 1], BETA1, BETA2, decay, clip, eps)

    return update


@pytest.mark.parametrize(
    ("V", "H", "B", "T", "windows"), [(7, 9, 1, 4, 30), (17, 33, 3, 5, 9), (3, 8, 5, 70, 3)]
)
@pytest.mark.parametrize(("clip", "clip_norm"), [(5.0, np.inf), (0.02, np.inf), (0.02, 0.1)])
def test_against_the_oracle(
    V, H, B, T, windows, clip, clip_norm, optimizer, isa, dtype, draw_parameters, padding_of
):
    """eps is large, so that rounding errors of a small gradient do not change a step's sign."""
    eps, tolerance = (1e-2, 2e-5) if dtype == np.float32 else (1e-6, 1e-9)
    symbols = np.random.default_rng(V).integers(0, V, B * T * 3 + 2).astype(np.uint8)
    rates = np.linspace(0.03, 0.01, windows)
    parameters, values = draw_parameters(V, H, dtype)
    mean = reference.zeros_like(values)
    loop = make_loop(parameters, B, T, symbols, **options_of(optimizer))
    got = loop.steps(windows, rates, clip, eps, 1, decay_of(optimizer), clip_norm)
    update = oracle(optimizer, mean, rates, clip, clip_norm, eps)
    losses, memory, *_ = reference.train(values, symbols, B, T, windows, None, update=update)
    np.testing.assert_allclose(got, losses, rtol=tolerance)
    for flat, wanted in ((loop.parameters, values), (loop.memory, memory), (loop.mean, mean)):
        if flat is not None:
            named = Parameters(V, H, dtype, flat)
            for name in reference.NAMES:
                np.testing.assert_allclose(
                    named[name], wanted[name], tolerance, tolerance, err_msg=name
                )
            assert not flat[padding_of(V, H, dtype)].any()
    assert (loop.mean is not None) == (optimizer in WITH_MEAN)
    assert_guarded(loop)


@pytest.mark.parametrize("B", [1, 7])
@pytest.mark.parametrize("clip_norm", [np.inf, 0.5])
def test_same_bits_for_any_threads_and_steps(B, clip_norm, optimizer, isa, dtype, draw_parameters):
    V, H, T, windows = 17, 33, 12, 11
    symbols = np.random.default_rng(0).integers(0, V, B * 60).astype(np.uint8)
    parameters, _ = draw_parameters(V, H, dtype)
    options = {"weight_decay": decay_of(optimizer), "clip_norm": clip_norm}
    results = []
    for threads, pieces in ((1, [11]), (2, [11]), (3, [4, 1, 6]), (7, [1] * 11)):
        loop = make_loop(parameters, B, T, symbols, threads, **options_of(optimizer))
        losses = [loop.steps(n, 0.01, threads=threads, **options) for n in pieces]
        assert loop.windows_done == windows
        results.append(np.concatenate(losses).tobytes() + state_of(loop))
        assert_guarded(loop)
    assert len(set(results)) == 1


def test_position_state_and_count_resume_a_run(optimizer, dtype, draw_parameters):
    V, H, B, T = 7, 5, 2, 4
    symbols = np.random.default_rng(0).integers(0, V, B * 50).astype(np.uint8)
    parameters, _ = draw_parameters(V, H, dtype)
    first, second = (make_loop(parameters, B, T, symbols, **options_of(optimizer)) for _ in "ab")
    first.steps(5, 0.1)
    second.parameters.base[...] = first.parameters.base
    second.workspace.hidden[...], second.position = first.workspace.hidden, first.position
    second.windows_done = first.windows_done
    assert first.steps(30, 0.1).tobytes() == second.steps(30, 0.1).tobytes()
    assert state_of(first) == state_of(second)


def test_a_norm_that_is_not_reached_only_changes_rounding(optimizer, draw_parameters):
    symbols = np.random.default_rng(0).integers(0, 7, 100).astype(np.uint8)
    parameters, _ = draw_parameters(7, 9, np.float64)
    runs = []
    for clip_norm in (np.inf, 1e6):
        loop = make_loop(parameters, 3, 5, symbols, **options_of(optimizer))
        loop.steps(20, 0.01, clip_norm=clip_norm)
        runs.append(loop.parameters)
    np.testing.assert_allclose(*runs, rtol=1e-9, atol=1e-12)


def test_nan_in_a_gradient_propagates(optimizer, draw_parameters):
    parameters, _ = draw_parameters(7, 9, np.float64)
    parameters["Uz"][0, 0] = np.nan
    for clip_norm in (np.inf, 1.0):
        loop = make_loop(parameters, 1, 5, np.zeros(50, np.uint8), **options_of(optimizer))
        loop.steps(2, 0.01, clip_norm=clip_norm)
        assert np.isnan(Parameters(7, 9, np.float64, loop.parameters)["Uh"]).all()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("adagrad", {"weight_decay": 0.1}, "weight decay is adamw's"),
        ("rmsprop", {"weight_decay": 0.1}, "weight decay is adamw's"),
        ("adamw", {"weight_decay": -0.1}, "weight decay must be"),
        ("adamw", {"weight_decay": np.nan}, "weight decay must be"),
        ("adamw", {"weight_decay": 100}, "weight decay must be"),
        ("adam", {"clip_norm": 0}, "clip norm must be"),
        ("adam", {"clip_norm": np.nan}, "clip norm must be"),
        ("adam", {"eps": 0}, "eps must be"),
    ],
)
def test_steps_that_are_refused(name, arguments, message, draw_parameters):
    parameters, _ = draw_parameters(7, 5, np.float64)
    loop = make_loop(parameters, 1, 4, np.zeros(50, np.uint8), **options_of(name))
    before = state_of(loop)
    with pytest.raises(ValueError, match=message):
        loop.steps(1, 0.1, **arguments)
    assert state_of(loop) == before


def test_loops_that_are_refused(dtype, draw_parameters):
    parameters, _ = draw_parameters(7, 5, dtype)
    flat, workspace = parameters.flat, Workspace(7, 5, 1, 4, dtype)
    other = np.float64 if dtype == np.float32 else np.float32
    for options in (
        {"optimizer": "sgd"},
        {"optimizer": "adam"},
        {"optimizer": "adamw"},
        {"optimizer": "adagrad", "mean": flat},
        {"optimizer": "rmsprop", "mean": flat},
        {"optimizer": "adam", "mean": flat[:-1]},
        {"optimizer": "adam", "mean": flat.astype(other)},
        {"optimizer": "adam", "mean": flat.tolist()},
        {"optimizer": "adam", "mean": flat.copy(), "beta1": 1.0},
        {"optimizer": "adam", "mean": flat.copy(), "beta2": -0.1},
        {"optimizer": "rmsprop", "beta2": np.nan},
    ):
        with pytest.raises((TypeError, ValueError), match=r"optimizer|mean|beta"):
            TrainingLoop(flat, flat.copy(), workspace, np.zeros(50, np.uint8), **options)
    loop = TrainingLoop(flat, flat.copy(), workspace, np.zeros(50, np.uint8))
    with pytest.raises(ValueError, match="windows done"):
        loop.windows_done = -1


@pytest.mark.parametrize("n", [0, 1, 7, 16, 33])
@pytest.mark.parametrize("t", [1, 2, 1000])
def test_updates_of_arrays(n, t, isa, dtype):
    rng = np.random.default_rng(n)
    p, g, mean = rng.normal(size=(3, n)).astype(dtype)
    m = np.abs(rng.normal(size=n)).astype(dtype)
    rms = p.copy(), m.copy()
    before = g.copy()
    clipped = np.clip(g.astype(np.float64), -0.5, 0.5)
    want_mean = 0.8 * mean + 0.2 * clipped
    want_m = 0.95 * m + 0.05 * clipped**2
    step = want_mean / (1 - 0.8**t) / (np.sqrt(want_m / (1 - 0.95**t)) + 1e-6)
    want = p - 0.1 * (step + 0.3 * p), p - 0.1 * clipped / (np.sqrt(want_m) + 1e-6)
    kernels.adam_update(p, m, mean, g, t, 0.1, 0.8, 0.95, 0.3, 0.5, 1e-6)
    kernels.rmsprop_update(*rms, g, 0.1, 0.95, 0.5, 1e-6)
    tolerance = 16 * np.finfo(dtype).eps
    for got, wanted in (
        (mean, want_mean),
        (m, want_m),
        (p, want[0]),
        (rms[0], want[1]),
        (rms[1], want_m),
    ):
        np.testing.assert_allclose(got, wanted, tolerance, tolerance)
    np.testing.assert_array_equal(g, before)


def test_updates_of_arrays_are_checked(dtype):
    a, short = np.ones(8, dtype), np.ones(7, dtype)
    good = {"parameters": a, "memory": a, "mean": a, "gradients": a, "step": 1}
    for wrong in (
        *({name: short} for name in ("parameters", "memory", "mean", "gradients")),
        {"step": 0},
        {"beta1": 1.0},
        {"beta2": np.nan},
        {"weight_decay": -1.0},
        {"weight_decay": 11.0},
        {"clip": 0.0},
        {"eps": 0.0},
    ):
        with pytest.raises(ValueError, match=r"must be"):
            kernels.adam_update(**good | {"learning_rate": 0.1} | wrong)
        if {"mean", "step", "beta1", "weight_decay"}.isdisjoint(wrong):
            arrays = dict.fromkeys(("parameters", "memory", "gradients"), a)
            with pytest.raises(ValueError, match=r"must be"):
                kernels.rmsprop_update(**arrays | {"learning_rate": 0.1} | wrong)
    np.testing.assert_array_equal(a, 1)
