# SPDX-License-Identifier: MIT
"""The sampler's penalty of repetitions (DRY) against a search of the whole history."""

import numpy as np
import pytest
from sampling_reference import Reference, penalties

from gru_ext.core.sampler import Sampler


def check(V, dtype, n, B=2, read=(), scale=0.5, **settings):
    """The symbols after reading `read` (m, B) are those of the definition; return them."""
    rng = np.random.default_rng(5)
    logits = (scale * rng.standard_normal((n, B, V))).astype(dtype)
    uniforms = rng.random((n, B))
    sampler = Sampler(V, B, dtype, **settings)
    if len(read):
        sampler.read(read)
    symbols, _ = sampler.choose(logits, uniforms)
    for b in range(B):
        stream = Reference(V, dtype, **settings)
        stream.history = [int(x[b]) for x in read]
        want, _ = stream.choose(logits[:, b], uniforms[:, b])
        np.testing.assert_array_equal(symbols[:, b], want)
    return symbols


@pytest.mark.parametrize("V", [1, 2, 3, 9])
@pytest.mark.parametrize(
    "settings",
    [
        {"dry": 1.0, "dry_length": 1, "dry_range": 2},
        {"dry": 0.7, "dry_length": 2, "dry_range": 7},
        {"dry": 2.0, "dry_length": 3, "dry_range": 40, "dry_base": 1.5},
        {"dry": 1e6, "dry_length": 2, "dry_range": 64, "dry_base": 1e6},
        {"dry": 3.0, "dry_length": 2, "dry_range": 30, "dry_breakers": [0]},
    ],
    ids=str,
)
def test_penalty(V, settings, isa, dtype):
    """The history is several times as long as the range."""
    check(V, dtype, 120, **settings)


@pytest.mark.parametrize("m", [1, 5, 19, 20, 21, 60])
def test_what_was_read_counts(m, dtype):
    read = np.random.default_rng(m).integers(0, 2, (m, 2))
    settings = {"dry": 2.0, "dry_length": 2, "dry_range": 20, "dry_base": 1.5}
    symbols = check(2, dtype, 30, read=read, **settings)
    assert (symbols != check(2, dtype, 30, **settings)).any()


def test_default_settings(dtype):
    """A loop of 30 symbols is left after two rounds: 1.15 ** 10 = 4.05."""
    loop = np.random.default_rng(0).integers(0, 9, 30)
    logits = np.zeros((90, 1, 9), dtype)
    logits[np.arange(90), 0, np.tile(loop, 3)] = 4
    plain, penalized = (
        Sampler(9, 1, dtype, temperature=0, dry=dry).choose(logits, np.zeros((90, 1)))[0][:, 0]
        for dry in (0, 1.0)
    )
    np.testing.assert_array_equal(plain, np.tile(loop, 3))
    assert np.flatnonzero(penalized != plain)[0] == 60


def test_a_long_repetition_stays_finite(isa, dtype):
    """Penalties are at most 1e30: symbols that are all penalised are sampled as before."""
    settings = {"dry": 1e6, "dry_base": 1e6, "dry_length": 1, "dry_range": 500}
    zeros = np.zeros((300, 1), np.int32)
    logits, uniforms = np.zeros((1, 1, 2), dtype), np.full((1, 1), 0.2)
    for temperature in (0, 1e-5, 1.0, 100.0):
        sampler = Sampler(2, 1, dtype, temperature=temperature, **settings)
        sampler.read(zeros)
        assert sampler.choose(logits, uniforms)[0] == 1
        banned = np.array([0, -np.inf])
        sampler = Sampler(2, 1, dtype, temperature=temperature, bias=banned, **settings)
        sampler.read(zeros)
        assert sampler.choose(logits, uniforms)[0] == 0


def test_a_breaker_ends_a_repetition(dtype):
    """After 1 2 0 1 2 the 0 is a repetition of two symbols, except as a breaker."""
    read = np.array([[1], [2], [0], [1], [2]])
    logits, uniforms = np.zeros((1, 1, 3), dtype), np.zeros((1, 1))
    settings = {"temperature": 0, "dry": 1.0, "dry_length": 2, "dry_range": 9}
    for breakers, want in ((None, 1), ([0], 0), ([1], 0), ([2], 0)):
        sampler = Sampler(3, 1, dtype, dry_breakers=breakers, **settings)
        sampler.read(read)
        assert sampler.choose(logits, uniforms)[0] == want, breakers


def test_the_reference_finds_repetitions():
    """The reference itself, on histories that can be checked by hand."""
    assert penalties([], 2, 1.0, 2.0, 1, 9).tolist() == [0, 0]
    assert penalties([0, 1, 0], 2, 1.0, 2.0, 1, 9).tolist() == [0, 1]
    assert penalties([0, 0, 0, 0], 2, 1.0, 2.0, 1, 9).tolist() == [4, 0]
    assert penalties([1, 0, 1, 1, 0, 1], 3, 1.0, 2.0, 2, 9).tolist() == [0, 2, 0]
    assert penalties([1, 0, 1, 1, 0, 1], 3, 1.0, 2.0, 2, 9, [0]).tolist() == [0, 0, 0]
    assert penalties([1, 0, 1, 1, 0, 1], 3, 1.0, 2.0, 2, 4).tolist() == [0, 0, 0]
