# SPDX-License-Identifier: MIT
"""Symbols sampled from logits by the C interface are those of the package's own sampler."""

import capi as c
import numpy as np
import pytest

from gru_ext.core.sampler import Sampler

V = 37
OFF = {"top_p": 1.0, "typical_p": 1.0}
CASES = [
    {},
    {"temperature": 0.0},
    {"temperature": 0.3},
    {"top_k": 1},
    {"top_k": 5},
    {"top_k": V},
    {"top_k": V + 1},
    {"top_p": 0.6},
    {"min_p": 0.2},
    {"min_p": 1.0},
    {"typical_p": 0.4},
    {"temperature": 2.0, "top_k": 20, "top_p": 0.9, "min_p": 0.01, "typical_p": 0.95},
]


@pytest.fixture
def stream(dtype, draw_parameters):
    return c.Stream(draw_parameters(V, 3, dtype)[0])


def scratch_of(stream, shift=0):
    size = c.get(stream.model, c.SAMPLE_SCRATCH_SIZE)
    memory = np.full(size + 2 * c.GUARD, 7, stream.dtype)
    return memory, memory[c.GUARD + shift :][:size]


@pytest.mark.parametrize("settings", CASES, ids=repr)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("shift", [0, 1])
def test_the_sampler(settings, masked, shift, isa, dtype, draw_parameters):
    stream = c.Stream(draw_parameters(V, 3, dtype)[0])
    random = np.random.default_rng(3)
    logits = (3 * random.standard_normal((40, V))).astype(dtype)
    logits[:10] = np.round(logits[:10])  # ties
    uniforms = random.random((40, 1))
    mask = random.integers(0, 2, V).astype(np.uint8)
    bias = np.where(mask, 0.0, -np.inf) if masked else None
    sampler = Sampler(V, 1, dtype, bias=bias, **settings)
    want = sampler.choose(logits[:, None], uniforms)[0][:, 0]
    asked = c.Sampling(mask if masked else None, **settings)
    memory, scratch = scratch_of(stream, shift)
    symbol, kept = np.zeros(1, np.int32), logits.copy()
    for row, uniform, chosen in zip(logits, uniforms[:, 0], want, strict=True):
        arguments = (stream.model, row, asked, uniform, symbol, scratch, scratch.size)
        assert c.call("sample", dtype, *arguments) == c.OK
        assert symbol[0] == chosen
        assert mask[symbol[0]] or not masked
    assert logits.tobytes() == kept.tobytes()
    assert (memory[: c.GUARD + shift] == 7).all()
    assert (memory[c.GUARD + shift + scratch.size :] == 7).all()


def test_without_filters_it_is_draw(stream, dtype):
    logits = np.random.default_rng(0).standard_normal(V).astype(dtype)
    (_, scratch), one, other = scratch_of(stream), *np.zeros((2, 1), np.int32)
    for uniform in np.random.default_rng(1).random(50):
        arguments = (c.Sampling(temperature=0.7), uniform, one, scratch, scratch.size)
        assert c.call("sample", dtype, stream.model, logits, *arguments) == c.OK
        assert stream.call("draw_of", logits, 0.7, uniform, other) == c.OK
        assert one[0] == other[0]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"temperature": value} for value in (-1, np.nan, np.inf)),
        {"top_k": -1},
        *({name: value} for name in ("top_p", "min_p", "typical_p") for value in (-0.1, 1.1)),
        {"top_p": np.nan},
    ],
    ids=repr,
)
def test_wrong_numbers(wrong, stream, dtype):
    _, scratch = scratch_of(stream)
    row, symbol = np.zeros(V, dtype), np.full(1, -9, np.int32)
    arguments = (c.Sampling(**wrong), 0.5, symbol, scratch, scratch.size)
    assert c.call("sample", dtype, stream.model, row, *arguments) == c.BAD_NUMBER
    for uniform in (-0.1, 1.0, np.nan):
        arguments = (c.Sampling(), uniform, symbol, scratch, scratch.size)
        assert c.call("sample", dtype, stream.model, row, *arguments) == c.BAD_NUMBER
    assert symbol[0] == -9


def test_refusals(stream, dtype):
    other = {np.float32: np.float64, np.float64: np.float32}[dtype]
    _, scratch = scratch_of(stream)
    row, symbol, mask = np.zeros(V, dtype), np.zeros(1, np.int32), np.zeros(V, np.uint8)
    good = [stream.model, row, c.Sampling(), 0.5, symbol, scratch, scratch.size]
    for i in (0, 1, 2, 4, 5):
        assert c.call("sample", dtype, *good[:i], None, *good[i + 1 :]) == c.NULL
    assert c.call("sample", other, *good) == c.WRONG_DTYPE
    assert c.call("sample", dtype, *good[:-1], scratch.size - 1) == c.TOO_SMALL
    assert c.call("sample", dtype, *good[:2], c.Sampling(mask), *good[3:]) == c.BAD_SYMBOL
    for size in (0, 51, 57):
        assert c.call("sample", dtype, *good[:2], c.Sampling(size=size), *good[3:]) == c.BAD_SIZE
