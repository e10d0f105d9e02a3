# SPDX-License-Identifier: MIT
"""The loop that samples: against the reference, temperatures, several streams, errors."""

import numpy as np
import pytest
import reference
from streams import sample_streams

from gru_ext.core.sampler import Sampler
from gru_ext.core.sampling_loop import sample_symbols
from gru_ext.core.stream import SymbolStream
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
    hidden = rng.uniform(-1, 1, (B, H)).astype(dtype)
    sampled, stream = sample_streams(parameters, first, uniforms, hidden[None], temperature)
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
    last_input = distribution(values, sampled[-1:], last, temperature)
    assert_close(stream.state[0], last_input[1], "state")
    found = stream.probabilities(temperature).reshape(B, V)
    assert_close(found, last_input[0][0], "probabilities")


def test_uniforms_at_the_ends(isa, dtype):
    """u = 0 samples the first symbol with p > 0, the largest u < 1 the last one."""
    parameters = Parameters(5, 2, dtype)
    parameters["by"][:, 0] = -np.inf, 0, -1e4, 0, -np.inf
    uniforms = np.tile([0, np.nextafter(0.5, 0), np.nextafter(0.5, 1), np.nextafter(1, 0)], (3, 1))
    sampled, _ = sample_streams(parameters, np.zeros(4, np.int32), uniforms)
    np.testing.assert_array_equal(sampled, [[1, 1, 3, 3]] * 3)


@pytest.mark.parametrize("B", [1, 5])
def test_temperature_zero_takes_the_most_likely(B, isa, dtype, draw_parameters):
    V, H, n = 9, 17, 40
    parameters, values = draw_parameters(V, H, dtype, scale=1.5)
    first = np.arange(B, dtype=np.int32)
    results = [
        sample_streams(parameters, first, np.full((n, B), u), None, 0.0)[0]
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
        sample_streams(parameters, np.zeros(2, np.int32), uniforms, None, temperature)[0]
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
        part = np.ascontiguousarray(uniforms[:, streams])
        sampled, stream = sample_streams(parameters, first[streams], part, hidden[None, streams])
        return sampled, stream.state[0]

    sampled, last = run(slice(None))
    start = 0
    for size in groups:
        streams = slice(start, start + size)
        apart = run(streams)
        np.testing.assert_array_equal(apart[0], sampled[:, streams])
        np.testing.assert_array_equal(apart[1], last[streams])
        start += size


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("B", [1, 4])
def test_state_is_continued(B, layers, isa, dtype, draw_parameters):
    """n symbols in one call are those of n calls; reading them leads to the same state."""
    V, H, n = 7, 9, 20
    parameters, _ = draw_parameters(V, H, dtype, layers=layers)
    first = np.zeros(B, np.int32)
    uniforms = np.random.default_rng(1).random((n, B))
    sampled, together = sample_streams(parameters, first, uniforms)
    apart, read = (SymbolStream(parameters, B) for _ in range(2))
    apart.read(first[None])
    sampler = Sampler(V, B, dtype)
    for u, want in zip(uniforms, sampled, strict=True):
        np.testing.assert_array_equal(sample_symbols(apart, sampler, u[None])[0], want)
    read.read(np.concatenate([first[None], sampled]))
    assert together.state.tobytes() == apart.state.tobytes() == read.state.tobytes()


def test_losses_are_those_of_reading(isa, dtype, draw_parameters):
    """-log p without temperature and filters, and zero after the end."""
    V, B, n = 9, 3, 30
    parameters, _ = draw_parameters(V, 8, dtype)
    stream = SymbolStream(parameters, B)
    stream.read(np.zeros((1, B), np.int32))
    before = stream.copy()
    ends = np.ones((2, V), np.int32), np.array([0, 1], bool)  # after any symbol
    for settings in ({"temperature": 0.3, "top_k": 3}, {"stop": ends}):
        stream.rewind(before)
        losses = np.empty((n, B))
        sampler = Sampler(V, B, dtype, **settings)
        uniforms = np.random.default_rng(2).random((n, B))
        sampled = sample_symbols(stream, sampler, uniforms, losses)
        length = 1 if "stop" in settings else n
        assert np.all(sampled[length:] == -1)
        assert np.all(losses[length:] == 0)
        read = before.copy()
        np.testing.assert_array_equal(read.read(sampled[:length]), losses[:length])
        assert read.state.tobytes() == stream.state.tobytes()


@pytest.mark.parametrize("B", [2, 5])
def test_streams_that_ended_stay_as_they_are(B, isa, dtype, draw_parameters):
    """Each ends after its own number of symbols, and its state is that after the last of them."""
    V = 3
    parameters, _ = draw_parameters(V, 8, dtype, layers=2)
    stop = np.array([[0, 0, 1], [1, 1, 1]], np.int32), np.array([0, 1], bool)  # at symbol 2
    stream = SymbolStream(parameters, B, np.array([1, 1]))
    stream.read(np.zeros((1, B), np.int32))
    start = stream.copy()
    uniforms = np.random.default_rng(4).random((40, B))
    sampler = Sampler(V, B, dtype, stop=stop)
    sampled = sample_symbols(stream, sampler, uniforms)
    lengths = (sampled >= 0).sum(axis=0)
    assert len(set(lengths)) > 1
    for b in range(B):
        one = SymbolStream(parameters, 1, np.array([1, 1]))
        one.assign([start], [b])
        one.read(sampled[: lengths[b], b : b + 1])
        assert one.state[:, 0].tobytes() == stream.state[:, b].tobytes()
        assert (sampled[: lengths[b], b] == 2).sum() == 1
    assert sample_symbols(stream, sampler, uniforms).max() == -1


def test_zero_symbols(dtype, draw_parameters):
    parameters, _ = draw_parameters(7, 5, dtype)
    sampled, stream = sample_streams(parameters, np.zeros(2, np.int32), np.zeros((0, 2)))
    assert sampled.shape == (0, 2)
    np.testing.assert_array_equal(stream.feed([[1, 2]]) > 0, True)


def test_arguments_are_checked(dtype, draw_parameters):
    V, B = 7, 2
    parameters, _ = draw_parameters(V, 5, dtype)
    stream = SymbolStream(parameters, B)
    stream.read(np.zeros((1, B), np.int32))
    other = np.float64 if dtype == np.float32 else np.float32
    good = {
        "stream": stream,
        "sampler": Sampler(V, B, dtype),
        "uniforms": np.zeros((4, B)),
        "losses": np.zeros((4, B)),
    }
    for what, wrong in (
        ("stream", None),
        ("stream", SymbolStream(parameters, B)),
        ("sampler", None),
        ("sampler", Sampler(V + 1, B, dtype)),
        ("sampler", Sampler(V, B + 1, dtype)),
        ("sampler", Sampler(V, B, other)),
        ("uniforms", np.zeros((4, B + 1))),
        ("uniforms", np.zeros((4, 1))),
        ("uniforms", np.zeros((4, B, 1))),
        ("uniforms", np.array([["a"] * B])),
        ("losses", np.zeros((3, B))),
        ("losses", np.zeros((4, B), np.float32)),
    ):
        with pytest.raises((TypeError, ValueError)):
            sample_symbols(**(good | {what: wrong}))
    assert sample_symbols(**good).shape == (4, B)
