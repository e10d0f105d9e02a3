# SPDX-License-Identifier: MIT
"""Bits do not depend on the instruction set, if it has fused multiply-add, nor on the threads.

The digests are those of whole small runs. A change of one is a change of the bits of training: a
decision, which CHANGELOG.md names with its reason.
"""

import hashlib
import platform

import numpy as np
import pytest

import gru_ext
from gru_ext import Parameters, Workspace
from gru_ext.core import kernels
from gru_ext.core.sampler import Sampler
from gru_ext.core.sampling_loop import sample_symbols
from gru_ext.core.stream import SymbolStream
from gru_ext.core.training_loop import TrainingLoop

FUSED = [
    name
    for name in kernels.available_isas()
    if name != "generic" or platform.machine() in ("aarch64", "arm64")
]
"""The instruction sets here that have fused multiply-add."""

# V, H, B, T, layers, optimiser, dropout, separator; sizes that are no whole vectors, windows in
# several chunks of a gradient's rows, few and many streams
RUNS = {
    "one stream": (65, 128, 1, 25, 1, "adagrad", 0.0, False),
    "documents": (30, 70, 2, 20, 2, "adam", 0.2, True),
    "chunks": (90, 24, 9, 33, 1, "adamw", 0.0, False),
    "rmsprop": (11, 40, 5, 7, 2, "rmsprop", 0.1, False),
}
DIGESTS = {
    ("one stream", "float32", "fused"): "d0f8245b00689fa1",
    ("one stream", "float32", "not fused"): "7c3fed8b042ee03e",
    ("one stream", "float64", "fused"): "362f88fb7bab5a8d",
    ("one stream", "float64", "not fused"): "da3368c4af5737c1",
    ("documents", "float32", "fused"): "e519bdc7570f2805",
    ("documents", "float32", "not fused"): "b9986a3d25d10abe",
    ("documents", "float64", "fused"): "bf336ed52bd17b31",
    ("documents", "float64", "not fused"): "dfcd15f7e404887b",
    ("chunks", "float32", "fused"): "6acd1e7bd96a8c7a",
    ("chunks", "float32", "not fused"): "95a9d88cffee50b0",
    ("chunks", "float64", "fused"): "d4d80f13de3289f4",
    ("chunks", "float64", "not fused"): "05e9f8f8dc7548c1",
    ("rmsprop", "float32", "fused"): "eb96433731a73512",
    ("rmsprop", "float32", "not fused"): "52d8c6c5ded92ed2",
    ("rmsprop", "float64", "fused"): "ad88429e9d0505eb",
    ("rmsprop", "float64", "not fused"): "4237c882ab1c255f",
    ("one stream", "bfloat16", "fused"): "bee03838742411bf",
    ("one stream", "bfloat16", "not fused"): "6fe039e883237850",
    ("documents", "bfloat16", "fused"): "d140f8fe5684f9ec",
    ("documents", "bfloat16", "not fused"): "88716717ae9a71c8",
    ("chunks", "bfloat16", "fused"): "04fb0cd429ef6c1a",
    ("chunks", "bfloat16", "not fused"): "e61bb521d59940ba",
    ("rmsprop", "bfloat16", "fused"): "fa48fd4dd0c139c2",
    ("rmsprop", "bfloat16", "not fused"): "cf7dc1a57fb01870",
}


def exact(rng, shape, dtype):
    """Random numbers that every platform draws alike: multiples of 1/1024 up to 1/4."""
    return (rng.integers(-256, 257, shape) / 1024).astype(dtype)


def digest(run, dtype, isa, threads, products=None):
    """What a small run leaves: weights, moments, losses."""
    V, H, B, T, layers, optimizer, dropout, separator = RUNS[run]
    kernels.use_isa(isa)
    rng = np.random.default_rng(5)
    parameters, memory, mean = (Parameters(V, H, dtype, layers=layers) for _ in range(3))
    for layer in range(layers):
        names = ["Wz", "Wr", "Wh", "Uz", "Ur", "Uh", *(["Wy"] if layer == 0 else [])]
        for name in names:
            array = parameters[f"{name}_{layer + 1}" if layer else name]
            array[...] = exact(rng, array.shape, dtype)
    workspace = Workspace(
        *(V, H, B, T, dtype),
        threads=threads,
        layers=layers,
        resetting=separator,
        dropping=dropout > 0,
        products=products,
    )
    loop = TrainingLoop(
        parameters.flat,
        memory.flat,
        workspace,
        rng.integers(V, size=2000, dtype=np.uint8),
        separator=[1] if separator else None,
        optimizer=optimizer,
        mean=mean.flat if optimizer.startswith("adam") else None,
    )
    losses = loop.steps(12, 0.004, threads=threads, dropout=dropout, seed=3)
    left = [parameters.flat, memory.flat, mean.flat, losses]
    return hashlib.sha256(b"".join(array.tobytes() for array in left)).hexdigest()[:16]


@pytest.fixture(autouse=True)
def _restore_isa():
    before = kernels.active_isa()
    yield
    kernels.use_isa(before)


@pytest.mark.parametrize("run", RUNS)
def test_digest_of_a_run(run, isa, dtype):
    fused = "fused" if isa in FUSED else "not fused"
    assert digest(run, dtype, isa, 1) == DIGESTS[run, np.dtype(dtype).name, fused]


@pytest.mark.parametrize("products", ["", "-plain"])
@pytest.mark.parametrize("run", RUNS)
def test_digest_of_a_run_in_bfloat16(run, products, isa):
    """With the processor's instruction for pairs of bfloat16 where it has one, and without."""
    fused = "fused" if isa in FUSED else "not fused"
    found = digest(run, np.float32, isa + products, 1, "bfloat16")
    assert found == DIGESTS[run, "bfloat16", fused]


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("run", RUNS)
def test_threads_in_bfloat16(run, threads, isa, calm):
    one = digest(run, np.float32, isa, 1, "bfloat16")
    assert digest(run, np.float32, isa, threads, "bfloat16") == one


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("run", RUNS)
def test_threads(run, threads, isa, dtype, calm):
    """With more threads than streams, and units of one panel for each or several."""
    assert digest(run, dtype, isa, threads) == digest(run, dtype, isa, 1)


@pytest.mark.parametrize("B", [1, 3])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("separator", [None, [3, 1]])
def test_threads_that_sample(B, layers, separator, isa, dtype, draw_parameters, calm):
    """They share the units of all streams."""
    parameters, _ = draw_parameters(9, 128, dtype, layers=layers)
    uniforms = np.random.default_rng(1).random((70, B))
    found = set()
    for threads in (1, 2, 4):
        stream = SymbolStream(parameters, B, separator)
        stream.read(np.full((1, B), 2, np.int32))
        losses = np.empty(uniforms.shape)
        sampler = Sampler(9, B, dtype)
        sampled = sample_symbols(stream, sampler, uniforms, losses, threads)
        found.add((sampled.tobytes(), losses.tobytes(), stream.state.tobytes()))
        assert (sampled >= 0).all()
    assert len(found) == 1


@pytest.mark.parametrize("function", ["exp", "sigmoid", "tanh", "log"])
@pytest.mark.skipif(len(FUSED) < 2, reason="needs two instruction sets with fused multiply-add")
def test_functions(function, dtype):
    rng = np.random.default_rng(1)
    spread = np.concatenate([rng.normal(size=5000), rng.normal(size=5000) * 30, [0.0, 700, -700]])
    x = np.abs(spread).astype(dtype) + dtype(1e-3) if function == "log" else spread.astype(dtype)
    found = set()
    for isa in FUSED:
        kernels.use_isa(isa)
        out = np.empty_like(x)
        getattr(kernels, function)(x, out)
        found.add(out.tobytes())
    assert len(found) == 1


@pytest.mark.skipif(len(FUSED) < 2, reason="needs two instruction sets with fused multiply-add")
@pytest.mark.parametrize("layers", [1, 2])
def test_reading(layers, dtype):
    """Losses, predictions and samples of a stream, one text and several."""
    vocabulary = gru_ext.Vocabulary("abcdefghij\n")
    found = set()
    for isa in FUSED:
        kernels.use_isa(isa)
        model = gru_ext.Model.create(vocabulary, 75, layers=layers, dtype=dtype, seed=4)
        for count in (1, 2, 5):
            stream = model.stream(batch_size=count)
            bits = stream.feed(["abca\n" * 9] * count if count > 1 else "abca\n" * 9)
            found.add((count, bits.tobytes(), stream.probabilities().tobytes()))
        found.add((0, model.sample(60, seed=2)))
    assert len(found) == 4
