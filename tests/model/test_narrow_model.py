# SPDX-License-Identifier: MIT
"""Models with narrow weights: what they read, what they cannot do, and their files."""

import copy
import math
import pickle

import numpy as np
import pytest
import reference
from model_files import archive_of, array, described, members_of, refusal, refusal_in_little_memory
from training_runs import TEXT

import gru_ext
from gru_ext.core.packing import to_int8
from gru_ext.model import checkpoint_reader, metadata
from gru_ext.model.narrow_cost import NarrowCost

NARROW = ["bfloat16", "int8"]


@pytest.fixture(scope="module")
def model():
    return gru_ext.train(TEXT, hidden_size=24, max_steps=300, quiet=True)


@pytest.fixture(scope="module")
def small(model):
    return model.with_weights("int8")


@pytest.fixture(scope="module")
def stack():
    """A model of three layers with weights large enough that each character matters."""
    made = gru_ext.Model.create(gru_ext.Vocabulary("\n abcdefg☃"), 17, "float64", layers=3)
    made.parameters.assign(reference.random_parameters(10, 17, 2, scale=0.7, layers=3))
    return made


@pytest.fixture(scope="module")
def file_of_int8(small, tmp_path_factory):
    path = tmp_path_factory.mktemp("int8") / "small.npz"
    small.save(path)
    return path


@pytest.fixture(scope="module")
def arrays(file_of_int8):
    return members_of(file_of_int8.read_bytes())


@pytest.mark.parametrize(("weights", "most"), [("float32", 0), ("bfloat16", 0.01), ("int8", 0.05)])
def test_what_they_cost(model, weights, most):
    """The bounds are far above what is usual: it is a model of a few hundred steps."""
    before, found = model.evaluate(TEXT), model.evaluate(TEXT, weights=weights)
    assert abs(found.bits_per_char - before.bits_per_char) <= most
    assert (found == before) == (weights == "float32")
    same = model.with_weights(weights)
    assert same.evaluate(TEXT) == found
    assert model.score(TEXT, weights=weights).total_bits == same.score(TEXT).total_bits
    assert model.evaluate(TEXT, windows=20, weights=weights) == same.evaluate(TEXT, windows=20)


@pytest.mark.parametrize("weights", NARROW)
def test_every_way_to_generate(model, weights):
    """The same as with a model of such weights."""
    rounded = model.with_weights(weights)
    options = {"prompt": "The ", "seed": 3}
    assert model.sample(40, weights=weights, **options) == rounded.sample(40, **options)
    several = rounded.sample(40, n=5, **options)
    assert model.sample(40, n=5, weights=weights, **options) == several
    parts = [model.iter_sample(40, **options, weights=weights), rounded.iter_sample(40, **options)]
    assert "".join(parts[0]) == "".join(parts[1])
    generated = model.generate(40, n=5, weights=weights, **options)
    assert [sample.text for sample in generated] == several
    beams = [
        [(sample.text, sample.bits) for sample in each]
        for each in (
            model.beam_search(10, "The ", 4, weights=weights),
            rounded.beam_search(10, "The ", 4),
        )
    ]
    assert beams[0] == beams[1]
    streams = [model.stream(weights=weights), rounded.stream()]
    for stream in streams:
        stream.feed("The quick")
    assert streams[0].draw(20, seed=1) == streams[1].draw(20, seed=1)
    assert not np.array_equal(streams[0].probabilities(), model.next_probabilities("The quick"))


def test_the_weights_that_a_model_has(model, small):
    assert model.with_weights(None) is model.with_weights("float32") is model
    assert small.with_weights(None) is small.with_weights("int8") is small
    for wrong in ("float64", "int4", "INT8", ""):
        with pytest.raises(ValueError, match="`weights` must be float32, bfloat16 or int8"):
            model.with_weights(wrong)
    with pytest.raises(TypeError, match="`weights` must be"):
        model.stream(weights=8)


def test_a_stream_keeps_the_weights_of_its_time(model):
    changing = gru_ext.Model(model.vocabulary, model.parameters.copy())
    rounded, own = changing.stream(weights="int8"), changing.stream()
    bits = model.score("The quick brown").bits, model.score("The quick brown", weights="int8").bits
    changing.parameters["by"][...] = 0
    np.testing.assert_array_equal(rounded.feed("The quick brown"), bits[1])
    assert not np.array_equal(own.feed("The quick brown"), bits[0])


def test_numbers_that_narrow_weights_stand_for(stack):
    for weights in NARROW:
        rounded = stack.with_weights(weights)
        wide = rounded.with_weights("float32")
        assert wide.dtype == rounded.dtype == np.float32
        for name, view in wide.parameters.items():
            np.testing.assert_array_equal(view, rounded.parameters[name])
            values = stack.parameters[name]
            if name[0] == "b":
                np.testing.assert_array_equal(view, values.astype(np.float32))
            elif weights == "int8":
                np.testing.assert_array_equal(view, to_int8(values).widened())
            else:
                assert (np.abs(view - values) <= np.abs(values) * 2.0**-8).all()
        again = wide.with_weights(weights).parameters
        for name, view in rounded.parameters.items():
            np.testing.assert_allclose(again[name], view, rtol=1e-6)
        assert rounded != wide
        assert wide != rounded
        assert rounded == stack.with_weights(weights)


def test_values_that_do_not_fit(stack):
    broken = gru_ext.Model(stack.vocabulary, stack.parameters.copy())
    broken.parameters["Uz_2"][3, 4] = 3.4e38  # more than the largest bfloat16
    with pytest.raises(ValueError, match=r"Uz_2 must have finite values of bfloat16"):
        broken.with_weights("bfloat16")
    broken.parameters["bh"][0] = 1e300
    with pytest.raises(ValueError, match="bh must have finite values of int8"):
        broken.score("abc", weights="int8")
    broken.parameters["Uz_2"][3, 4] = math.nan
    with pytest.raises(ValueError, match="Uz_2 must have finite values"):
        broken.with_weights("int8")


def test_they_cannot_be_changed(small):
    parameters = small.parameters
    for refused in (
        lambda: parameters.flat,
        lambda: parameters.assign(dict(parameters)),
        lambda: gru_ext.Trainer(small, small.vocabulary.encode(TEXT)),
        lambda: small.evaluate(TEXT, adapt=True),
    ):
        with pytest.raises(TypeError, match=r"has int8 weights, .*with_weights\('float32'\)"):
            refused()
    with pytest.raises(ValueError, match="read-only"):
        parameters["Uz"][0, 0] = 1
    with pytest.raises(ValueError, match="`adapt` changes the weights"):
        small.evaluate(TEXT, adapt=True, weights="float32")
    trained = gru_ext.train(TEXT, init_from=small, hidden_size=24, max_steps=2, quiet=True)
    assert trained.parameters.narrow is None


def test_copies(small):
    parameters = small.parameters
    assert copy.copy(parameters) is copy.deepcopy(parameters) is parameters.copy() is parameters
    other = pickle.loads(pickle.dumps(parameters))
    assert other == parameters
    np.testing.assert_array_equal(other.packed.view(np.int32), parameters.packed.view(np.int32))


def test_how_they_are_shown(model, small):
    assert "int8" in repr(small)
    assert "int8" in repr(small.parameters)
    assert "int8" in small._repr_html_()
    large, little = model.summary(), small.summary()
    assert "int8" in little.title
    assert [row.parameters for row in large.rows] == [row.parameters for row in little.rows]
    for before, after in zip(large.rows, little.rows, strict=True):
        rows = before.shape[0] * len(before.names)
        biases = before.names[0].startswith("b")
        assert after.bytes == (before.bytes if biases else before.bytes // 4 + 4 * rows)


def test_a_file_of_int8(model, small, file_of_int8, tmp_path):
    loaded = gru_ext.load(file_of_int8)
    assert loaded == small
    assert loaded.sample(50, seed=1) == model.sample(50, seed=1, weights="int8")
    assert loaded.about["format"] == 2
    loaded.save(tmp_path / "again.npz")
    first, second = (members_of(p.read_bytes()) for p in (file_of_int8, tmp_path / "again.npz"))
    assert first == second
    wide = loaded.with_weights("float32")
    wide.save(tmp_path / "wide.npz")
    assert gru_ext.load(tmp_path / "wide.npz") == wide
    with pytest.raises(ValueError, match="not bfloat16"):
        model.with_weights("bfloat16").save(tmp_path / "half.npz")
    assert not (tmp_path / "half.npz").exists()


def test_a_file_of_int8_is_a_quarter_of_the_size(tmp_path):
    model = gru_ext.Model.create(gru_ext.Vocabulary.from_text(TEXT), 256)
    for name, each in (("large", model), ("small", model.with_weights("int8"))):
        each.save(tmp_path / name)
    sizes = [(tmp_path / name).stat().st_size for name in ("large", "small")]
    assert sizes[1] < 0.27 * sizes[0]


def test_readers_before_int8_say_that_they_are_too_old(arrays, tmp_path, monkeypatch):
    """They knew format 1, and looked at the format before the arrays."""
    monkeypatch.setattr(checkpoint_reader, "NARROW_FORMAT", metadata.FORMAT_VERSION)
    assert "has format 2, from a newer gru_ext" in refusal(tmp_path, archive_of(arrays))


def test_files_that_are_refused(arrays, members, tmp_path):
    H, V = 24, len(set(TEXT))
    good = np.zeros((H, V), np.int8)
    lowest = good.copy()
    lowest[3, 1] = -128
    for changed, told in (
        ({"Wz": array(lowest)}, "has Wz with -128: int8 weights are from -127"),
        ({"Uz": array(np.zeros((H, H), np.float32))}, "has Uz as float32, but Wz as int8"),
        ({"Uz": array(np.zeros((H, H + 1), np.int8))}, "has Uz of shape"),
        ({"Wz": array(good.astype(np.uint8))}, "floating-point weights and format 2"),
        ({"Wz": array(good.astype(np.float32))}, "floating-point weights and format 2"),
        ({"bz": array(np.zeros((H, 1)))}, "has bz as float64, but all biases as float32"),
        ({"scale_Uz": array(np.zeros((H, 1)))}, "has scale_Uz as float64, but all scales"),
        ({"scale_Uz": array(np.zeros((H, 2), np.float32))}, "has scale_Uz of shape"),
        ({"scale_Uz": array(np.full((H, 1), -1, np.float32))}, "scale_Uz with negative scales"),
        ({"scale_Uz": array(np.full((H, 1), np.nan, np.float32))}, "scale_Uz with values that are"),
        ({"gru_ext": members["gru_ext"]}, "int8 weights and format 1"),
    ):
        assert told in refusal(tmp_path, archive_of(arrays | changed)), changed.keys()
    for name in ("Uz", "scale_Uz", "by", "gru_ext"):
        without = {key: value for key, value in arrays.items() if key != name}
        assert name == "gru_ext" or name in refusal(tmp_path, archive_of(without))
        assert refusal(tmp_path, archive_of(without))


def test_claims_of_size(arrays, tmp_path):
    shape = described("'|i1'", shape="(70000, 70000)")
    claimed = array(np.zeros(1, np.int8), shape)
    assert "claims" in refusal_in_little_memory(tmp_path, archive_of(arrays | {"Uz": claimed}))


def test_recorded_costs(small):
    cost = NarrowCost(["a.txt"], 100, 1.5, 1.25)
    assert cost.bits == pytest.approx(0.25 / math.log(2))
    assert str(cost) == "0.3607 bits per character over 100 characters of a.txt"
    assert NarrowCost.recorded({"int8": cost.record()}) == cost
    for wrong in (
        None,
        5,
        {},
        cost.record() | {"characters": -1},
        cost.record() | {"texts": "a"},
        cost.record() | {"nats_per_char": "1"},
    ):
        assert NarrowCost.recorded({"int8": wrong}) is None
    assert NarrowCost.recorded({}) is None
    kept = gru_ext.Model(small.vocabulary, small.parameters, {"int8": cost.record()})
    assert "int8" not in kept.with_weights("float32").about
