# SPDX-License-Identifier: MIT
"""sample_streams against the reference implementation; temperatures, several streams, errors."""

import numpy as np
import pytest
import reference

from gru_ext.core.windows import Workspace, forward_window, sample_streams
from gru_ext.model.parameters import Parameters


def distribution(values, symbols, hidden, temperature):
    """The softmax after each time step with inputs `symbols` (n, B), (n, B, V); the last state."""
    a = reference.forward(values, symbols, symbols, hidden)
    p = [reference.softmax((values["Wy"] @ h + values["by"]) / temperature).T for h in a["h"][1:]]
    return np.array(p), a["h"][-1].T


@pytest.mark.parametrize(
    ("V", "H", "B"), [(9, 17, 1), (17, 9, 3), (33, 16, 4), (7, 33, 9), (1, 3, 2)]
)
@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_samples(V, H, B, temperature, isa, dtype, draw_parameters, assert_close):
    """u is between the cumulative sums of p before and after the symbol sampled."""
    n = 60
    parameters, values = draw_parameters(V, H, dtype)
    rng = np.random.default_rng(3)
    first = rng.integers(0, V, B).astype(np.int32)
    uniforms = rng.random((n, B))
    workspace = Workspace(V, H, B, 1, dtype)
    workspace.hidden[...] = hidden = rng.uniform(-1, 1, (B, H)).astype(dtype)
    sampled = sample_streams(parameters.flat, first, uniforms, workspace, temperature)
    assert sampled.shape == (n, B)
    assert sampled.dtype == np.int32

    read = np.concatenate([first[None], sampled[:-1]])
    p, last = distribution(values, read, hidden, temperature)
    above = p.cumsum(axis=2)
    after = np.take_along_axis(above, sampled[..., None], 2)[..., 0]
    before = after - np.take_along_axis(p, sampled[..., None], 2)[..., 0]
    slack = 40 * np.finfo(dtype).eps
    assert np.all(uniforms < after + slack)
    assert np.all(uniforms >= before - slack)
    if dtype == np.float64:
        np.testing.assert_array_equal(sampled, (above <= uniforms[..., None])[..., :-1].sum(2))
    assert_close(workspace.hidden, last, "hidden")
    assert_close(workspace.probabilities[0], p[-1], "probabilities")


def test_uniforms_at_the_ends(isa, dtype):
    """u = 0 samples the first symbol with p > 0, the largest u < 1 the last one."""
    parameters = Parameters(5, 2, dtype)
    parameters["by"][:, 0] = -np.inf, 0, -1e4, 0, -np.inf
    workspace = Workspace(5, 2, 4, 1, dtype)
    uniforms = np.tile([0, np.nextafter(0.5, 0), np.nextafter(0.5, 1), np.nextafter(1, 0)], (3, 1))
    sampled = sample_streams(parameters.flat, np.zeros(4, np.int32), uniforms, workspace)
    np.testing.assert_array_equal(sampled, [[1, 1, 3, 3]] * 3)


@pytest.mark.parametrize("B", [1, 5])
def test_temperature_zero_takes_the_most_likely(B, isa, dtype, draw_parameters):
    V, H, n = 9, 17, 40
    parameters, values = draw_parameters(V, H, dtype, scale=1.5)
    first = np.arange(B, dtype=np.int32)
    results = [
        sample_streams(
            parameters.flat, first, np.full((n, B), u), Workspace(V, H, B, 1, dtype), 0.0
        )
        for u in (0.0, 0.3, 0.999)
    ]
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    read = np.concatenate([first[None], results[0][:-1]])
    p, _ = distribution(values, read, np.zeros((B, H)), 1)
    np.testing.assert_array_equal(results[0], p.argmax(axis=2))
    assert len(np.unique(results[0])) > 1


def test_temperature_near_zero_is_close_to_zero(isa, dtype, draw_parameters):
    """The logits stay finite, although the reciprocal is large."""
    parameters, _ = draw_parameters(9, 7, dtype, scale=2)
    uniforms = np.random.default_rng(0).random((40, 2))
    results = [
        sample_streams(
            parameters.flat,
            np.zeros(2, np.int32),
            uniforms,
            Workspace(9, 7, 2, 1, dtype),
            temperature,
        )
        for temperature in (0.0, 1e-300, 1e-6, 1e-5)
    ]
    for sampled in results[1:]:
        np.testing.assert_array_equal(sampled, results[0])


@pytest.mark.parametrize("groups", [[1, 1, 1], [2, 1], [4, 5]])
def test_streams_are_independent(groups, isa, dtype, draw_parameters):
    """Symbols and states are bit-identical to those of separate calls."""
    V, H, n, B = 17, 33, 50, sum(groups)
    parameters, _ = draw_parameters(V, H, dtype)
    rng = np.random.default_rng(1)
    first = rng.integers(0, V, B).astype(np.int32)
    uniforms = rng.random((n, B))
    hidden = rng.uniform(-1, 1, (B, H)).astype(dtype)

    def run(streams):
        workspace = Workspace(V, H, len(first[streams]), 1, dtype)
        workspace.hidden[...] = hidden[streams]
        sampled = sample_streams(
            parameters.flat, first[streams], np.ascontiguousarray(uniforms[:, streams]), workspace
        )
        return sampled, workspace.hidden.copy()

    sampled, last = run(slice(None))
    start = 0
    for size in groups:
        streams = slice(start, start + size)
        apart = run(streams)
        np.testing.assert_array_equal(apart[0], sampled[:, streams])
        np.testing.assert_array_equal(apart[1], last[streams])
        start += size


@pytest.mark.parametrize("B", [1, 4])
def test_state_is_continued(B, isa, dtype, draw_parameters):
    """n symbols in one call are those of n calls; a window over them has the same last state."""
    V, H, n = 7, 9, 20
    parameters, _ = draw_parameters(V, H, dtype)
    first = np.zeros(B, np.int32)
    uniforms = np.random.default_rng(1).random((n, B))
    together, apart, window = (Workspace(V, H, B, n, dtype) for _ in range(3))
    sampled = sample_streams(parameters.flat, first, uniforms, together)
    symbols = first
    for u, want in zip(uniforms, sampled, strict=True):
        symbols = sample_streams(parameters.flat, symbols, u[None].copy(), apart)[0]
        np.testing.assert_array_equal(symbols, want)
    forward_window(parameters.flat, np.concatenate([first[None], sampled[:-1]]), None, window)
    assert together.hidden.tobytes() == apart.hidden.tobytes() == window.hidden.tobytes()


def test_zero_symbols(dtype, draw_parameters):
    parameters, _ = draw_parameters(7, 5, dtype)
    workspace = Workspace(7, 5, 2, 1, dtype)
    workspace.hidden[...] = 0.5
    sampled = sample_streams(parameters.flat, np.zeros(2, np.int32), np.zeros((0, 2)), workspace)
    assert sampled.shape == (0, 2)
    assert np.all(workspace.hidden == 0.5)


def test_arguments_are_checked(dtype):
    V, B = 7, 2
    flat = Parameters(V, 5, dtype).flat
    good = {
        "parameters": flat,
        "first": np.zeros(B, np.int32),
        "uniforms": np.zeros((4, B)),
        "workspace": Workspace(V, 5, B, 1, dtype),
        "temperature": 1.0,
    }
    other = np.float64 if dtype == np.float32 else np.float32
    for what, wrong in (
        ("parameters", flat[:-1]),
        ("parameters", flat.astype(other)),
        ("parameters", None),
        ("first", np.array([0, V], np.int32)),
        ("first", np.array([-1, 0], np.int32)),
        ("first", np.array([0, 2**31 - 1], np.int32)),
        ("first", np.zeros(B, np.float64)),
        ("first", np.zeros(B + 1, np.int32)),
        ("first", np.zeros(0, np.int32)),
        ("uniforms", np.zeros((4, B + 1))),
        ("uniforms", np.zeros((4, 1))),
        ("uniforms", np.zeros(B)),
        ("uniforms", np.zeros((4, B), np.float32)),
        ("uniforms", np.zeros((4, 2 * B))[:, ::2]),
        ("uniforms", None),
        ("workspace", None),
        ("temperature", -1e-9),
        ("temperature", np.nan),
        ("temperature", np.inf),
    ):
        with pytest.raises((TypeError, ValueError)):
            sample_streams(**(good | {what: wrong}))
    assert sample_streams(**good).shape == (4, B)
