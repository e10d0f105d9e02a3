# SPDX-License-Identifier: MIT
"""Streams that read narrow weights."""

import platform

import narrow_reference
import numpy as np
import pytest
from streams import sample_streams

from gru_ext.core import kernels, narrow
from gru_ext.core.sampler import Sampler
from gru_ext.core.sampling_loop import sample_symbols
from gru_ext.core.stream import SymbolStream
from gru_ext.core.windows import Workspace
from gru_ext.model.narrow_parameters import NarrowParameters, with_weights

NARROW = ["bfloat16", "int8"]
FUSED = [
    name
    for name in kernels.available_isas()
    if name != "generic" or platform.machine() in ("aarch64", "arm64")
]
SIZES = [(9, 17, 1), (33, 16, 4), (7, 33, 9), (1, 3, 2), (65, 130, 1)]


def symbols_of(V, n, B, seed=0):
    return np.random.default_rng(seed).integers(0, V, (n, B)).astype(np.int32)


def read_all(parameters, read):
    """What a stream makes of symbols (n, B): losses, states, and what it predicts next."""
    B = read.shape[1]
    stream = SymbolStream(parameters, B)
    states = np.empty((*read.shape, parameters.layers, parameters.hidden_size), np.float32)
    return stream.read(read, states=states), states, stream.logits()


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(("V", "H", "B"), SIZES)
def test_bfloat16_is_float32_with_rounded_weights(V, H, B, layers, isa, draw_parameters):
    """To the bit, whatever is packed in float32."""
    parameters, _ = draw_parameters(V, H, np.float32, layers=layers)
    rounded = with_weights(parameters, "bfloat16")
    wide = with_weights(rounded, "float32")
    assert not np.array_equal(wide["Uz"], parameters["Uz"])
    read = symbols_of(V, 40, B)
    for found, expected in zip(read_all(rounded, read), read_all(wide, read), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(("V", "H", "B"), SIZES)
def test_int8_as_the_reference(V, H, B, layers, isa, draw_parameters):
    parameters, _ = draw_parameters(V, H, np.float32, layers=layers)
    parameters = with_weights(parameters, "int8")
    read = symbols_of(V, 3, B)
    _, states, logits = read_all(parameters, read)
    for b in range(B):
        expected, last = narrow_reference.read(parameters, read[:, b])
        # a rounding error in a state may round it to the next of 127 steps
        np.testing.assert_allclose(states[:, b], expected, atol=2e-2)
        assert np.abs(states[:, b] - expected).mean() < 1e-3
        np.testing.assert_allclose(np.reshape(logits, (B, V))[b], last[-1], atol=3e-2)


@pytest.mark.parametrize("layers", [1, 2])
def test_int8_with_and_without_vnni(layers, draw_parameters):
    """The same bits, and so the same samples."""
    parameters = with_weights(draw_parameters(33, 70, np.float32, layers=layers)[0], "int8")
    read, before = symbols_of(33, 100, 3), kernels.active_isa()
    uniforms = np.random.default_rng(3).random((50, 3))
    for isa in kernels.available_isas():
        found = []
        for name in (isa, f"{isa}-plain"):
            kernels.use_isa(name)
            assert kernels.active_isa() == isa
            assert narrow.int8_products() in ("plain", "vnni")
            sampled = sample_streams(parameters, [1, 2, 3], uniforms)[0]
            found.append([*read_all(parameters, read), sampled])
        assert narrow.int8_products() == "plain"
        for one, other in zip(*found, strict=True):
            np.testing.assert_array_equal(one, other)
    kernels.use_isa(before)


@pytest.mark.parametrize("weights", NARROW)
def test_the_same_bits_with_any_fused_multiply_add(weights, draw_parameters):
    """What a stream reads and what is sampled, on each instruction set that fuses."""
    parameters = with_weights(draw_parameters(33, 70, np.float32, layers=2)[0], weights)
    read, before = symbols_of(33, 100, 3), kernels.active_isa()
    uniforms, found = np.random.default_rng(3).random((50, 3)), []
    for isa in FUSED:
        kernels.use_isa(isa)
        sampled = sample_streams(parameters, [1, 2, 3], uniforms)[0]
        found.append([*read_all(parameters, read), sampled])
    kernels.use_isa(before)
    for each in found[1:]:
        for one, other in zip(found[0], each, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("weights", NARROW)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("B", [1, 2, 7])
def test_any_parts_give_the_same_bits(weights, layers, B, isa, draw_parameters):
    """A call for all symbols, calls for a few, with and without predictions between them."""
    parameters = with_weights(draw_parameters(11, 13, np.float32, layers=layers)[0], weights)
    read = symbols_of(11, 300, B)
    whole, apart = SymbolStream(parameters, B), SymbolStream(parameters, B)
    nats, parts, start = whole.read(read), [], 0
    for size in (1, 1, 2, 17, 279):
        parts.append(apart.read(read[start : start + size]))
        start += size
        if size == 17:
            apart.probabilities()
    np.testing.assert_array_equal(np.concatenate(parts), nats)
    assert apart.state.tobytes() == whole.state.tobytes()
    for b in range(B):
        one = SymbolStream(parameters)
        np.testing.assert_array_equal(one.read(read[:, b : b + 1])[:, 0], nats[:, b])


@pytest.mark.parametrize("weights", NARROW)
def test_samples_are_what_the_stream_predicts(weights, isa, draw_parameters):
    parameters = with_weights(draw_parameters(17, 40, np.float32)[0], weights)
    uniforms = np.random.default_rng(1).random((30, 2))
    sampled, stream = sample_streams(parameters, [4, 5], uniforms)
    again = SymbolStream(parameters, 2)
    for i in range(30):
        again.read(np.array([[4, 5]]) if i == 0 else sampled[i - 1 : i])
        p = again.probabilities().astype(np.float32)
        for b in range(2):
            below = p[b, : sampled[i, b]].sum()
            assert below - 1e-5 <= uniforms[i, b] <= below + p[b, sampled[i, b]] + 1e-5
    again.read(sampled[29:])
    np.testing.assert_array_equal(again.probabilities(), stream.probabilities())


@pytest.mark.parametrize("weights", NARROW)
def test_threads_that_could_share_a_stream(weights, draw_parameters):
    """Of a model so large they would divide the units of float32, but not of narrow weights."""
    parameters = with_weights(draw_parameters(17, 1024, np.float32, scale=0.02)[0], weights)
    uniforms, found = np.random.default_rng(1).random((60, 1)), []
    for threads in (1, 2):
        stream = SymbolStream(parameters)
        stream.read(np.array([[4]]))
        sampler = Sampler(17, 1, np.float32)
        found.append((sample_symbols(stream, sampler, uniforms, threads=threads), stream.state))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("weights", NARROW)
def test_streams_share_weights_that_never_change(weights, draw_parameters):
    parameters, _ = draw_parameters(9, 20, np.float32)
    rounded = with_weights(parameters, weights)
    first, second = SymbolStream(rounded), SymbolStream(rounded)
    assert rounded.packed is rounded.packed
    read = symbols_of(9, 20, 1)
    nats = first.read(read)
    for view in parameters.values():
        view[...] = 0
    np.testing.assert_array_equal(second.read(read), nats)
    copy = second.copy()
    second.rewind(first)
    np.testing.assert_array_equal(copy.read(read), second.read(read))
    copy.assign([first], [0])
    np.testing.assert_array_equal(copy.probabilities(), first.probabilities())
    with pytest.raises(ValueError, match="same model"):
        first.rewind(SymbolStream(with_weights(parameters, weights)))
    for wrong in (rounded.packed, rounded["Uz"], rounded["bz"]):
        with pytest.raises(ValueError, match="read-only"):
            wrong[0] = 1


def test_states_beyond_one_count_as_one(isa, draw_parameters):
    """A state that is set may have any finite values: int8 products clip them."""
    parameters = with_weights(draw_parameters(9, 20, np.float32)[0], "int8")
    logits = []
    for largest in (1, 7, 1e30):
        stream = SymbolStream(parameters)
        stream.state = np.full((1, 1, 20), largest)
        logits.append(stream.logits())
        assert np.isfinite(stream.read(symbols_of(9, 30, 1))).all()
    np.testing.assert_array_equal(logits[0], logits[1])
    np.testing.assert_array_equal(logits[0], logits[2])


@pytest.mark.parametrize("weights", NARROW)
def test_weights_from_float64(weights, draw_parameters):
    """They are rounded from float64, and read in float32."""
    parameters, _ = draw_parameters(9, 20, np.float64)
    rounded = NarrowParameters.rounded(parameters, weights)
    stream = SymbolStream(rounded)
    assert stream.dtype == np.float32
    stream.read(symbols_of(9, 20, 1))
    sampler = Sampler(9, 1, np.float32)
    assert sample_symbols(stream, sampler, np.zeros((3, 1))).shape == (3, 1)
    error = np.abs(rounded["Uz"] - parameters["Uz"])
    largest = np.abs(parameters["Uz"]).max(axis=1, keepdims=True)
    assert (error <= largest * (2.0**-8 if weights == "bfloat16" else 0.5001 / 127)).all()


def test_workspaces_of_narrow_weights_are_for_reading():
    for wrong in ({"training": True}, {"training": False, "dtype": np.float64}):
        with pytest.raises(ValueError, match="`weights` of int8 are for reading in float32"):
            Workspace(3, 4, 1, 2, weights="int8", **wrong)
    sizes = [
        Workspace(65, 512, 4, 8, training=False, weights=weights).nbytes
        for weights in (None, "bfloat16", "int8")
    ]
    assert sizes[0] - sizes[1] == 512 * (3 * 512 + 80) * 4  # nothing is packed
    assert sizes[2] - sizes[1] == 64 * 512  # activations
