# SPDX-License-Identifier: MIT
"""What is compressed is decompressed, and smaller where there is something to learn."""

import threading
import tracemalloc

import numpy as np
import pytest
from gru_compress import ContainerError, Given, compress, decompress
from gru_compress._network import instruction_sets
from gru_compress.container import unpack

import gru_ext

TEXT = b"the quick brown fox jumps over the lazy dog. \xe2\x82\xac\n" * 150
SMALL = {"hidden_size": 16, "window": 8}
RANDOM = np.random.default_rng(0).bytes(3000)
NEARLY = b"".join(RANDOM[i : i + 9] + bytes([i % 256]) for i in range(0, 900)) + RANDOM * 3

WORDS = ["the", "of", "and", "quick", "brown", "lazy", "fox", "dog", "jumps", "sleeps", "hears"]
SENTENCES = " ".join(np.random.default_rng(1).choice(WORDS, 3000)).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a",
        b"\xff" * 5000,
        bytes(range(256)) * 2,
        TEXT,
        RANDOM,
        RANDOM + TEXT,
        RANDOM * 4,
        NEARLY,
    ],
    ids=["empty", "one", "one byte", "all bytes", "text", "random", "both", "repeated", "nearly"],
)
@pytest.mark.parametrize("options", [{}, {"streams": 5, "groups": 3}, {"layers": 2}], ids=str)
def test_round_trip(data, options):
    packed = compress(data, **SMALL, **options)
    assert decompress(packed) == data
    assert len(packed) < 1.05 * len(data) + 200


def test_it_learns():
    learned, not_learned = (len(compress(SENTENCES, **SMALL, learning_rate=r)) for r in (0.02, 0))
    assert learned < 0.8 * not_learned


@pytest.mark.parametrize("streams", [1, 4])
def test_repetitions_are_found(streams):
    once, twice = (len(compress(RANDOM * n, **SMALL, streams=streams)) for n in (1, 8))
    assert twice < (streams + 1) * once  # those side by side do not see each other


@pytest.mark.parametrize("streams", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("size", [1, 2, 49, 50, 51, 333])
def test_streams_of_different_lengths(streams, size):
    packed = compress(TEXT[:size], **SMALL, streams=streams, groups=min(streams, 3))
    assert decompress(packed) == TEXT[:size]


def test_the_number_of_threads_changes_nothing():
    many = {"streams": 6, "groups": 3} | SMALL
    packed = {compress(TEXT, threads=threads, **many) for threads in (1, 2, 3, 8)}
    assert len(packed) == 1
    assert decompress(packed.pop(), threads=2) == TEXT


def test_several_at_a_time():
    results = {}

    def work(number):
        results[number] = decompress(compress(TEXT, **SMALL))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == dict.fromkeys(range(3), TEXT)


@pytest.mark.parametrize("isa", instruction_sets())
def test_other_instruction_sets_are_found(isa):
    packed = compress(TEXT, isa=isa, **SMALL)
    assert decompress(packed) == TEXT


def test_instruction_sets_with_fused_multiply_add_write_the_same():
    others = [isa for isa in instruction_sets() if isa != "generic"]
    for options in (SMALL, {"hidden_size": 50, "layers": 2, "streams": 5}):
        assert len({compress(TEXT, isa=isa, **options) for isa in others}) <= 1


@pytest.fixture(scope="module", params=["bytes", "chars"])
def path(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("given") / "model.npz"
    options = {"max_steps": 1500, "learning_rate": 0.02, "quiet": True, "units": request.param}
    gru_ext.train(SENTENCES.decode(), hidden_size=24, layers=2, dropout=0, output=path, **options)
    return path


@pytest.mark.parametrize("rate", [0, 0.002])
def test_a_given_model(path, rate):
    model, before = Given(path), path.read_bytes()
    packed = compress(SENTENCES, model, learning_rate=rate)
    assert decompress(packed, model) == decompress(packed, Given(path)) == SENTENCES
    assert len(packed) < len(compress(SENTENCES, hidden_size=24, layers=2))
    unknown = RANDOM[:500] + TEXT  # bytes that the model does not know
    assert decompress(compress(unknown, model, learning_rate=rate), model) == unknown
    assert path.read_bytes() == before


def test_models_must_be_the_same(path, tmp_path):
    packed, model = compress(TEXT, Given(path)), gru_ext.load(path)
    with pytest.raises(ContainerError, match=r"^needs the model it was written with$"):
        decompress(packed)
    model.parameters["by"][0] += 1
    model.save(tmp_path / "other.npz")
    with pytest.raises(ContainerError, match=r"^was written with another model than"):
        decompress(packed, Given(tmp_path / "other.npz"))
    with pytest.raises(ContainerError, match=r"^was written without a model$"):
        decompress(compress(TEXT, **SMALL), Given(path))


MANY = "".join(map(chr, [10, *range(32, 87), *range(0x4E00, 0x4E00 + 944)]))


def test_a_model_of_many_characters(tmp_path):
    gru_ext.Model.create(gru_ext.Vocabulary(MANY), 4).save(tmp_path / "model.npz")
    model = Given(tmp_path / "model.npz")
    assert len(model.points) == 1000
    assert decompress(compress(TEXT[:500], model), model) == TEXT[:500]


def test_models_that_cannot_be_used(tmp_path):
    for name, characters, dtype, told in (
        ("double", "abc", "float64", "must be float32, not float64"),
        ("none", "äöü", "float32", "knows no character that is a byte"),
        ("many", MANY + "X", "float32", "has 1,001 characters, more than the 1,000 that can be"),
    ):
        gru_ext.Model.create(gru_ext.Vocabulary(characters), 4, dtype).save(tmp_path / name)
        with pytest.raises(ValueError, match=told):
            Given(tmp_path / name)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"hidden_size": 700},
        {"layers": 3, "hidden_size": 300},
        {"streams": 64, "window": 100},
        {"streams": 16, "groups": 16, "hidden_size": 300},
    ],
    ids=str,
)
def test_memory_is_what_the_plan_says(options):
    limit = unpack(compress(TEXT, **options)).plan.memory
    tracemalloc.start()
    compress(TEXT, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert limit / 5 < peak < limit
    with pytest.raises(ValueError, match=r"needs up to .* MiB of memory, and the limit is "):
        compress(TEXT, memory_limit=limit - 1, **options)
