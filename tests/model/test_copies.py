# SPDX-License-Identifier: MIT
"""Copies of models and parameters: their arrays are views of the buffer that the kernels take."""

import copy
import multiprocessing
import pickle

import numpy as np
import pytest
from training_runs import TEXT

import gru_ext
from gru_ext import Model, Parameters, Vocabulary

CACHE_LINE = 64


def through_pickle(value, protocol=pickle.HIGHEST_PROTOCOL):
    return pickle.loads(pickle.dumps(value, protocol))


def through_read_only_buffers(value):
    """As between processes that hand over the arrays without a copy."""
    buffers = []
    data = pickle.dumps(value, 5, buffer_callback=buffers.append)
    return pickle.loads(data, buffers=[bytes(buffer.raw()) for buffer in buffers])


def through_setstate(value):
    other = type(value).__new__(type(value))
    if hasattr(value, "parameters"):
        vars(other).update(vars(value) | {"parameters": through_setstate(value.parameters)})
    else:
        other.__setstate__(value.__getstate__())
    return other


def through_parameters(value):
    if isinstance(value, Model):
        return Model(value.vocabulary, value.parameters.copy(), value.about)
    return value.copy()


COPIES = [
    copy.deepcopy,
    through_pickle,
    lambda value: through_pickle(value, 2),
    lambda value: through_pickle(value, 4),
    lambda value: copy.deepcopy(through_pickle(copy.copy(value))),
    through_read_only_buffers,
    through_setstate,
    through_parameters,
]


def new_model(dtype="float32", layers=1):
    return Model.create(Vocabulary.from_text(TEXT), 9, dtype, seed=2, layers=layers)


def assert_one_buffer(parameters):
    """All arrays are views of the flat buffer, which can be written to and is aligned."""
    assert parameters.flat.flags.writeable
    assert parameters.flat.ctypes.data % CACHE_LINE == 0
    for name, view in parameters.items():
        assert np.shares_memory(view, parameters.flat), name
    kept = {name: view.copy() for name, view in parameters.items()}
    parameters.flat[...] = 0
    assert not any(view.any() for view in parameters.values())
    parameters.assign(kept)


@pytest.mark.parametrize("make", COPIES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_copy_has_a_buffer_of_its_own(make, dtype, layers):
    model = new_model(dtype, layers)
    for original, copied in (
        (model.parameters, make(model.parameters)),
        (model.parameters, make(model).parameters),
    ):
        assert type(copied) is Parameters
        assert copied == original
        assert [*copied] == [*original]
        assert (copied.dtype, copied.layers, copied.count) == (dtype, layers, original.count)
        assert_one_buffer(copied)
        assert not np.shares_memory(copied.flat, original.flat)
        copied["by"][...] = 5
        assert not original["by"].any()


def test_copy_copy_shares_the_buffer():
    model = new_model()
    for other in (copy.copy(model).parameters, copy.copy(model.parameters)):
        assert other.flat is model.parameters.flat
        other["by"][...] += 1
        assert (other["by"] == model.parameters["by"]).all()
        assert_one_buffer(other)
    own = np.zeros(model.parameters.flat.size + 1, np.float32)[1:]  # of the caller, not aligned
    assert copy.copy(model.parameters.like(own)).flat is own


def test_a_deep_copy_of_parameters_and_their_buffer():
    parameters = new_model().parameters
    for pair in ((parameters, parameters.flat), (parameters.flat, parameters)):
        both = copy.deepcopy([*pair, parameters])
        named, flat = sorted(both[:2], key=lambda part: isinstance(part, np.ndarray))
        assert named.flat is flat
        assert both[2] is named


@pytest.mark.parametrize("make", COPIES)
def test_training_a_copy_trains_what_is_saved(tmp_path, make):
    copied = make(new_model())
    symbols = copied.vocabulary.encode(TEXT)
    gru_ext.Trainer(copied, symbols, seq_length=9, batch_size=2, learning_rate=0.1).advance(50)
    copied.save(tmp_path / "model.npz")
    saved = gru_ext.load(tmp_path / "model.npz")
    assert saved == copied
    assert saved != new_model()
    assert saved.evaluate(TEXT) == copied.evaluate(TEXT)
    copied.parameters["Wy"][...] = 0
    copied.parameters["by"][...] = 0
    assert copied.evaluate(TEXT).perplexity == pytest.approx(len(copied.vocabulary), rel=1e-5)


def test_a_pickle_holds_the_buffer_once():
    parameters = Parameters(100, 100)
    assert len(pickle.dumps(parameters)) < 1.1 * parameters.flat.nbytes


def test_a_pickle_with_the_views_of_an_earlier_version():
    parameters = new_model().parameters
    state = parameters.__getstate__() | {"_views": {"by": np.ones(3)}, "_layout": {}}
    other = Parameters.__new__(Parameters)
    other.__setstate__(state)
    assert other == parameters
    assert_one_buffer(other)


def test_a_model_goes_to_another_process():
    model = new_model()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(Model.evaluate, (model, TEXT)) == model.evaluate(TEXT)
        assert pool.apply(copy.copy, (model,)) == model


@pytest.mark.parametrize("make", [copy.copy, *COPIES[:4]])
def test_an_exception_brings_its_model_along(make):
    model = new_model()
    for error in (
        gru_ext.NotSavedError("cannot write", model),
        gru_ext.TrainingInterrupted(model, 15),
    ):
        other = make(error)
        assert type(other) is type(error)
        assert str(other) == str(error)
        assert other.model == model
        assert getattr(other, "signal", 15) == 15
        assert_one_buffer(other.model.parameters)


def test_an_attribute_of_a_subclass_is_kept():
    class Named(Parameters):
        pass

    named = Named(3, 4)
    named.label = ["a"]
    for make in (copy.copy, copy.deepcopy):
        other = make(named)
        assert type(other) is Named
        assert other.label == ["a"]
        assert (other.label is named.label) == (make is copy.copy)


def test_the_buffer_cannot_be_replaced():
    parameters = Parameters(3, 4)
    with pytest.raises(AttributeError):
        parameters.flat = parameters.flat.copy()


def test_equality_of_parameters():
    one = new_model().parameters
    assert one == new_model().parameters
    assert one != new_model("float64").parameters
    assert one != new_model(layers=2).parameters
    assert one != Parameters(one.vocabulary_size, 10)
    assert one != dict(one)
    assert one != 3
    for name in one:
        other = one.copy()
        other[name][0, 0] += 1
        assert one != other, name


def test_equality_of_models(tmp_path):
    one = new_model()
    assert one == new_model()
    assert one != one.parameters
    one.save(tmp_path / "model.npz")
    assert gru_ext.load(tmp_path / "model.npz") == one
    other = copy.deepcopy(one)
    other.vocabulary = Vocabulary(one.vocabulary.characters[::-1])
    assert other != one
    other = copy.deepcopy(one)
    other.about["document_separator"] = "\n"
    assert other != one


def test_what_can_change_has_no_hash():
    for changing in (new_model(), Parameters(3, 4)):
        with pytest.raises(TypeError, match="unhashable"):
            hash(changing)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["Wz", "Uh", "by", "bh_2", "Wr_2"])
def test_weights_that_are_not_finite_are_named(value, name):
    model = new_model(layers=2)
    model.parameters[name][-1, -1] = value
    for use in (
        lambda: model.sample(5),
        lambda: model.evaluate(TEXT),
        lambda: gru_ext.train(TEXT, init_from=model, max_steps=2, quiet=True),
        lambda: gru_ext.Trainer(model, model.vocabulary.encode(TEXT)),
    ):
        with pytest.raises(ValueError, match=rf"^{name} must have finite values only"):
            use()


def test_a_padding_that_is_not_finite_is_named():
    model = new_model()
    padding = model.parameters.like()
    for view in padding.values():
        view[...] = 1
    model.parameters.flat[padding.flat == 0] = np.nan
    with pytest.raises(ValueError, match=r"^the padding of flat must have"):
        model.sample(5)
