# SPDX-License-Identifier: MIT
"""The sampler's filters against their definitions, over the same random numbers."""

import math

import numpy as np
import pytest
from sampling_reference import KernelSoftmax, Reference, kept

from gru_ext.core.sampler import Sampler

SIZES = (1, 2, 9, 33, 300)


def draw(n, B, V, dtype, scale=2.0):
    rng = np.random.default_rng(0)
    return (scale * rng.standard_normal((n, B, V))).astype(dtype), rng.random((n, B))


def check(V, dtype, n=30, B=2, scale=2.0, **settings):
    """The sampler's symbols are those of the definitions; return both."""
    logits, uniforms = draw(n, B, V, dtype, scale)
    symbols, ended = Sampler(V, B, dtype, **settings).choose(logits, uniforms)
    assert symbols.dtype == ended.dtype == np.int32
    streams = [Reference(V, dtype, **settings) for _ in range(B)]
    for b, stream in enumerate(streams):
        want, why = stream.choose(logits[:, b], uniforms[:, b])
        np.testing.assert_array_equal(symbols[:, b], want)
        assert ended[b] == why
    return symbols, streams


def reachable(logits, dtype, **settings):
    """The symbols that uniform random numbers choose from these logits (V)."""
    uniforms = np.linspace(0, 1, 4000, endpoint=False)[:, None]
    logits = np.tile(np.asarray(logits, dtype), (len(uniforms), 1, 1))
    symbols, _ = Sampler(logits.shape[2], 1, dtype, **settings).choose(logits, uniforms)
    return np.unique(symbols).tolist()


@pytest.mark.parametrize("V", SIZES)
@pytest.mark.parametrize("temperature", [0.0, 1e-6, 0.5, 1.0, 3])
def test_without_filters(V, temperature, isa, dtype):
    n, B = 50, 3
    logits, _ = draw(1, 1, V, dtype)
    uniforms = np.random.default_rng(1).random((n, B))
    p = KernelSoftmax(V, dtype)(logits[0, 0], temperature)
    sums = p.cumsum()
    want = (sums[:-1] <= uniforms[..., None] * sums[-1]).sum(axis=2)
    if temperature <= 1e-6:
        want[...] = p.argmax()
    sampler = Sampler(V, B, dtype, temperature=temperature)
    symbols, ended = sampler.choose(np.broadcast_to(logits, (n, B, V)), uniforms)
    np.testing.assert_array_equal(symbols, want)
    assert not ended.any()


@pytest.mark.parametrize("V", [*range(1, 34), 64, 65])
@pytest.mark.parametrize("logit", [0, np.nan])
def test_every_choice_is_a_symbol(V, logit, isa, dtype):
    """Also with the largest random number, and with logits of weights that are not finite."""
    uniforms = np.array([[0.0], [0.5], [np.nextafter(1, 0)]])
    logits = np.full((len(uniforms), 1, V), logit, dtype)
    symbols, _ = Sampler(V, 1, dtype).choose(logits, uniforms)
    assert ((symbols >= 0) & (symbols < V)).all()
    if logit == 0:
        assert symbols[[0, 2], 0].tolist() == [0, V - 1]


@pytest.mark.parametrize("V", SIZES)
@pytest.mark.parametrize(
    "settings",
    [
        {"top_k": 1},
        {"top_k": 7},
        {"top_k": 300},
        {"top_p": 1e-9},
        {"top_p": 0.4},
        {"top_p": 0.95},
        {"min_p": 0.02},
        {"min_p": 0.3},
        {"min_p": 1.0},
        {"typical_p": 1e-9},
        {"typical_p": 0.3},
        {"typical_p": 0.9},
        {"surprise": 0.3},
        {"surprise": 2.0, "surprise_rate": 0.5},
        {"top_k": 20, "top_p": 0.8},
        {"top_p": 0.9, "typical_p": 0.7, "temperature": 2.0},
        {"top_k": 20, "top_p": 0.9, "min_p": 0.1, "typical_p": 0.8, "temperature": 1.5},
    ],
    ids=str,
)
def test_filters(V, settings, isa, dtype):
    check(V, dtype, **settings)


def test_a_large_vocabulary(dtype):
    for settings in ({"top_k": 5000}, {"top_p": 0.9}, {"typical_p": 0.5}, {"surprise": 9.0}):
        check(20_000, dtype, n=3, **settings)


def test_filters_remove_symbols(dtype):
    """In the test before, each filter changes what is sampled."""
    plain, _ = check(33, dtype)
    for settings in (
        {"top_k": 7},
        {"top_p": 0.4},
        {"min_p": 0.3},
        {"typical_p": 0.3},
        {"surprise": 0.3},
    ):
        filtered, _ = check(33, dtype, **settings)
        assert (filtered != plain).any(), settings


@pytest.mark.parametrize(
    ("settings", "want"),
    [
        ({}, range(8)),
        ({"top_k": 3}, range(3)),
        ({"top_p": 0.5}, range(4)),
        ({"top_p": 0.51}, range(5)),
        ({"min_p": 1.0}, range(8)),
        ({"typical_p": 0.25}, range(2)),
        ({"typical_p": 0.26}, range(3)),
        ({"top_k": 4, "top_p": 0.75}, range(3)),
        ({"top_p": 0.5, "typical_p": 0.5}, range(2)),
        ({"surprise": 1.6}, range(8)),
        ({"surprise": 1.4, "surprise_rate": 1e-9}, range(1)),
        ({"temperature": 0}, range(1)),
    ],
    ids=str,
)
def test_ties_are_broken_by_the_number(settings, want, isa, dtype):
    """p = 1/8 for each symbol, exactly: 3 bits."""
    if "surprise" in settings:
        settings = {"surprise_rate": 1e-9, **settings}
    assert reachable(np.zeros(8), dtype, **settings) == list(want)


def test_filters_use_what_those_before_left(isa, dtype):
    """p = 1/8, 1/2, 1/4, 1/8; of the two most likely, the first one has 2/3."""
    logits = np.log([1, 4, 2, 1])
    for settings, want in (
        ({"top_p": 0.66}, [1, 2]),
        ({"top_p": 0.66, "top_k": 2}, [1]),
        ({"typical_p": 0.28}, [1, 2]),
        ({"typical_p": 0.28, "top_k": 3}, [2]),
        ({"typical_p": 0.28, "top_p": 0.87}, [2]),
        ({"typical_p": 0.28, "min_p": 0.3}, [1]),
    ):
        assert reachable(logits, dtype, **settings) == want, settings


def test_uniforms_at_the_ends(isa, dtype):
    """u = 0 samples the first symbol left, the largest u < 1 the last one."""
    uniforms = np.array([[0.0], [np.nextafter(1, 0)]])
    logits = np.tile(np.array([-9, 1, 0.5, 0.9, -9], dtype), (2, 1, 1))
    for settings in ({"top_k": 3}, {"top_p": 0.99}, {"min_p": 0.1}, {"typical_p": 0.99}):
        symbols, _ = Sampler(5, 1, dtype, **settings).choose(logits, uniforms)
        np.testing.assert_array_equal(symbols[:, 0], [1, 3])


def test_temperature_zero_takes_the_most_likely(isa, dtype):
    bias = np.where(np.arange(33) % 2, -math.inf, 0)
    settings = {"top_k": 3, "typical_p": 0.2, "bias": bias, "temperature": 0}
    symbols, _ = check(33, dtype, **settings)
    logits, _ = draw(30, 2, 33, dtype)
    np.testing.assert_array_equal(symbols, (logits + bias).argmax(axis=2))
    check(33, dtype, surprise=1.0, temperature=0)


@pytest.mark.parametrize("V", SIZES)
def test_bias(V, isa, dtype):
    bias = np.random.default_rng(2).uniform(-3, 3, V)
    bias[1::3] = -math.inf
    symbols, _ = check(V, dtype, bias=bias, top_p=0.95)
    assert np.isfinite(bias[symbols]).all()


@pytest.mark.parametrize(("target", "scale"), [(0.8, 9), (2.0, 3), (4.0, 2)])
def test_surprise_reaches_its_target(target, scale, dtype):
    """The mean of the surprise, where the most likely symbols have less and the entropy is more."""
    n = 2000
    _, streams = check(300, dtype, n=n, B=1, scale=scale, surprise=target)
    assert len(streams[0].surprises) == n
    assert abs(np.mean(streams[0].surprises) - target) < 0.05


def test_the_reference_keeps_what_it_must():
    """The reference itself, on a distribution that can be checked by hand."""
    p = np.array([0.1, 0.4, 0.3, 0.2])
    for settings, want in (
        ({"top_k": 2}, [1, 2]),
        ({"top_p": 0.69}, [1, 2]),
        ({"top_p": 0.71}, [1, 2, 3]),
        ({"min_p": 0.6}, [1, 2]),
        # the entropy is 1.28; -log p = 2.30, 0.92, 1.20, 1.61
        ({"typical_p": 0.29}, [2]),
        ({"typical_p": 0.31}, [2, 3]),
    ):
        assert np.flatnonzero(kept(p, **settings)).tolist() == want


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"top_k": 2},
        {"top_p": 0.5},
        {"min_p": 0.5},
        {"typical_p": 0.5},
        {"surprise": 1.0},
        {"temperature": 0},
        {"dry": 1.0, "dry_length": 1, "dry_range": 4},
    ],
    ids=str,
)
@pytest.mark.parametrize("V", [1, 2, 33])
def test_logits_that_are_not_finite(V, settings, isa, dtype):
    """Any symbol may come out, but no other number."""
    rng = np.random.default_rng(0)
    values = np.array([math.nan, math.inf, -math.inf, 0, 1e30], dtype)
    logits = rng.choice(values, (300, 2, V))
    logits[:10] = math.nan
    symbols, ended = Sampler(V, 2, dtype, **settings).choose(logits, rng.random((300, 2)))
    assert symbols.min() >= 0
    assert symbols.max() < V
    assert not ended.any()


def test_softmax_of_the_reference_is_close_to_the_exact_one(dtype, assert_close):
    logits, _ = draw(1, 1, 33, dtype)
    exact = np.exp(logits[0, 0].astype(np.float64) / 0.7)
    assert_close(KernelSoftmax(33, dtype)(logits[0, 0], 0.7), exact / exact.sum())
