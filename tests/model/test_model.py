# SPDX-License-Identifier: MIT
"""What a user writes: train, sample, evaluate, save, load."""

import math

import numpy as np
import pytest
import reference

import gru_ext
from gru_ext import CheckpointError, Model, Vocabulary

TEXT = "The quick brown fox jumps over the lazy dog.\n" * 12


@pytest.fixture(scope="module")
def model():
    plain = {"dropout": 0.0, "weight_dropout": 0.0}
    return gru_ext.train(TEXT, hidden_size=24, max_steps=300, quiet=True, **plain)


def scattered(dtype, H=9, characters="\n abcdefg☃", layers=1):
    """A model with weights large enough that each character matters."""
    V = len(characters)
    model = Model.create(Vocabulary(characters), H, dtype, layers=layers)
    model.parameters.assign(reference.random_parameters(V, H, 2, scale=1.0, layers=layers))
    return model


def reference_run(model, text):
    """Losses of a text's characters but the first, and the distribution after the last."""
    p = {name: array.astype(np.float64) for name, array in model.parameters.items()}
    symbols = model.vocabulary.encode(text).astype(int)[:, None]
    targets = np.append(symbols[1:], [[0]], axis=0)
    hidden = np.zeros((model.layers, 1, model.hidden_size))
    run = reference.forward(p, symbols, targets, hidden)
    return run["loss"][:-1, 0], run["p"][-1][:, 0]


def test_the_example_of_the_documentation(tmp_path, capsys):
    model = gru_ext.train(TEXT, hidden_size=128, max_steps=60)
    text = model.sample(500, prompt="The ", temperature=0.8, seed=1)
    assert len(text) == 504
    assert text.startswith("The ")
    assert set(text) <= set(TEXT)
    model.save(tmp_path / "model.npz")
    again = gru_ext.load(tmp_path / "model.npz")
    bits = again.evaluate(TEXT).bits_per_char
    assert bits == model.evaluate(TEXT).bits_per_char
    assert bits < math.log2(len(set(TEXT)))
    assert "bits/char" in capsys.readouterr().out


def test_training_learns(model):
    assert model.evaluate(TEXT).bits_per_char < 1.0
    assert "the lazy dog" in model.sample(200, "The quick ", temperature=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("as_text", [str, lambda path: path])
@pytest.mark.parametrize("layers", [1, 3])
def test_save_and_load(tmp_path, dtype, as_text, layers):
    model = scattered(dtype, layers=layers)
    path = as_text(tmp_path / "any name")
    model.save(path)
    back = gru_ext.load(path)
    assert back.vocabulary == model.vocabulary
    assert (back.hidden_size, back.layers) == (9, layers)
    assert back.dtype == dtype
    for name, view in model.parameters.items():
        assert back.parameters[name].tobytes() == view.tobytes(), name
    back.save(path)
    assert gru_ext.load(path).sample(20, seed=1) == model.sample(20, seed=1)


def test_sampling_repeats_itself_with_a_seed(model):
    first = model.sample(300, seed=5)
    assert model.sample(300, seed=5) == first
    assert model.sample(300, seed=6) != first
    assert model.sample(300) != model.sample(300)
    assert model.sample(1500, seed=5).startswith(first)
    assert model.sample(300, prompt="The ", seed=5) == model.sample(300, "The ", 1.0, 5)


@pytest.mark.parametrize("n", [0, 1, 7, 1000, 1001])
def test_lengths(model, n):
    assert len(model.sample(n, seed=0)) == n
    assert len(model.sample(n, prompt="fox\n", seed=0)) == n + 4


@pytest.mark.parametrize("n", [1, 2, 5, 256, 257, 258, 600])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", [1, 2])
def test_temperature_zero_takes_the_likeliest(dtype, n, layers):
    model = scattered(dtype, layers=layers)
    # Weights whose text changes with any part of the prompt.
    model.parameters.assign(reference.random_parameters(10, 9, 0, scale=2.0, layers=layers))
    characters = model.vocabulary.characters
    prompt = "".join(np.random.default_rng(n).choice(list(characters), n))
    p = {name: array.astype(np.float64) for name, array in model.parameters.items()}
    symbols, expected = model.vocabulary.encode(prompt).astype(int), ""
    hidden = np.zeros((layers, 1, 9))
    for _ in range(25):
        step = reference.forward(p, symbols[:, None], 0 * symbols[:, None], hidden)
        hidden = np.stack([layer["h"][-1].T for layer in step["stack"]])
        symbols = step["p"][-1].argmax(axis=0)
        expected += characters[symbols[0]]
    for seed in (1, 2):
        assert model.sample(25, prompt, temperature=0, seed=seed) == prompt + expected


@pytest.mark.parametrize(("temperature", "layers"), [(0.5, 1), (1.0, 1), (2.0, 1), (1.0, 3)])
def test_characters_are_drawn_from_the_distribution(temperature, layers):
    model = scattered("float64", layers=layers)
    p = reference_run(model, "ab☃")[1] ** (1 / temperature)
    p /= p.sum()
    n = 3000
    drawn = [model.sample(1, "ab☃", temperature, seed)[-1] for seed in range(n)]
    counts = np.array([drawn.count(c) for c in model.vocabulary.characters])
    assert (np.abs(counts - n * p) < 5 * np.sqrt(n * p * (1 - p)) + 1).all()


def test_unknown_characters_in_a_prompt_are_listed(model):
    with pytest.raises(ValueError, match="not know") as refused:
        model.sample(5, prompt="The ☃ and 7 é")
    for character in "☃7é":
        assert repr(character) in str(refused.value)
    assert repr("T") not in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"length": -1}, "length.*-1"),
        ({"length": 5, "temperature": -0.1}, r"temperature.*-0\.1"),
        ({"length": 5, "temperature": math.nan}, "temperature.*nan"),
        ({"length": 5, "temperature": math.inf}, "temperature.*inf"),
        ({"length": 5, "seed": -1}, "seed|negative"),
    ],
)
def test_bad_numbers(model, arguments, told):
    with pytest.raises(ValueError, match=told):
        model.sample(**arguments)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-13)])
@pytest.mark.parametrize("n", [2, 3, 255, 256, 257, 700])
@pytest.mark.parametrize("layers", [1, 3])
def test_evaluation_is_that_of_the_equations(dtype, tolerance, n, layers):
    model = scattered(dtype, layers=layers)
    characters = model.vocabulary.characters
    text = "".join(np.random.default_rng(n).choice(list(characters), n))
    expected = reference_run(model, text)[0].mean()
    result = model.evaluate(text)
    assert result.characters == n - 1
    assert result.nats_per_char == pytest.approx(expected, rel=tolerance)
    assert result.bits_per_char == pytest.approx(result.nats_per_char / math.log(2), rel=1e-14)
    assert result.perplexity == pytest.approx(math.exp(result.nats_per_char), rel=1e-14)


def test_evaluation_changes_nothing(model):
    before = model.parameters.flat.copy()
    assert model.evaluate(TEXT) == model.evaluate(TEXT)
    assert np.array_equal(model.parameters.flat, before)


@pytest.mark.parametrize(
    ("text", "told"), [("", "empty.* 2 characters"), ("T", "2 characters"), ("The ☃", "'☃'")]
)
def test_texts_that_cannot_be_evaluated(model, text, told):
    with pytest.raises(ValueError, match=told):
        model.evaluate(text)


@pytest.fixture
def notebook_file(tmp_path):
    """What the notebook writes: eleven float64 arrays."""
    weights = reference.random_parameters(4, 6, seed=1)
    with (tmp_path / "gru_weights.data").open("wb") as file:
        np.savez(file, **weights)
    return tmp_path / "gru_weights.data", weights


def test_a_file_of_the_notebook_needs_a_vocabulary(notebook_file):
    path, weights = notebook_file
    with pytest.raises(CheckpointError, match=r"gru_weights\.data.*vocabulary"):
        gru_ext.load(path)
    with pytest.raises(CheckpointError, match=r"gru_weights\.data.* 4 .* 5"):
        gru_ext.load(path, vocabulary=Vocabulary("abcde"))
    model = gru_ext.load(path, vocabulary=Vocabulary("bcda"))
    assert model.dtype == np.float64
    assert all(np.array_equal(model.parameters[name], weights[name]) for name in weights)
    assert model.evaluate("abcd").nats_per_char == pytest.approx(
        reference_run(model, "abcd")[0].mean(), rel=1e-13
    )


def test_a_vocabulary_once_given_is_saved(notebook_file, tmp_path):
    gru_ext.load(notebook_file[0], vocabulary=Vocabulary("bcda")).save(tmp_path / "model.npz")
    assert gru_ext.load(tmp_path / "model.npz").vocabulary.characters == "bcda"


def test_a_model_of_parts_that_do_not_fit():
    with pytest.raises(ValueError, match=r"3 characters.* 4"):
        Model(Vocabulary("abc"), gru_ext.Parameters(4, 5))


def test_a_new_stack_begins_with_the_layer_of_a_model_of_one():
    """Each matrix drawn evenly within 1/sqrt(H), in the notebook's order, the upper ones after."""
    rng, scale = np.random.default_rng(4), 1 / math.sqrt(30)
    stack, one = (
        Model.create(Vocabulary("abcde"), 30, "float64", 4, layers=layers).parameters
        for layers in (2, 1)
    )
    for name in ("Wz", "Uz", "Wr", "Ur", "Wh", "Uh", "Wy"):
        drawn = rng.random(one[name].shape) * (2 * scale) - scale
        assert np.array_equal(one[name], drawn)
        assert np.array_equal(stack[name], drawn)
    for name in ("Wz_2", "Uz_2", "Wr_2", "Ur_2", "Wh_2", "Uh_2"):
        assert np.array_equal(stack[name], rng.random((30, 30)) * (2 * scale) - scale)
    assert not any(stack[name].any() for name in stack if name.startswith("b"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_new_model(dtype):
    model = Model.create(Vocabulary("abcde"), 30, dtype, seed=4)
    assert model.dtype == dtype
    # Far from certain of anything, as it knows nothing.
    assert model.evaluate("abcdeedcba").nats_per_char == pytest.approx(math.log(5), rel=0.1)
    again = Model.create(Vocabulary("abcde"), 30, dtype, seed=4)
    other = Model.create(Vocabulary("abcde"), 30, dtype, seed=5)
    assert np.array_equal(model.parameters["Uh"], again.parameters["Uh"])
    assert not np.array_equal(model.parameters["Uh"], other.parameters["Uh"])


def test_one_character_is_all_there_is():
    model = gru_ext.train("aaaaaaaaaa", hidden_size=3, max_steps=3, quiet=True)
    assert model.sample(4, seed=0) == "aaaa"
    assert model.evaluate("aaa").nats_per_char == 0
    assert model.evaluate("aaa").perplexity == 1


def test_the_parameters_are_views_that_can_be_written():
    model = scattered("float32")
    model.parameters["by"][...] = 0
    model.parameters["Wy"][...] = 0
    assert model.evaluate("abc").perplexity == pytest.approx(len(model.vocabulary), rel=1e-5)


@pytest.mark.parametrize("text", ["abc" * 30, "ab\n" * 30])
def test_nothing_is_random_at_temperature_0(text):
    model = gru_ext.train(text, hidden_size=5, max_steps=20, quiet=True)
    samples = {model.sample(20, temperature=0, seed=seed) for seed in (None, *range(20))}
    assert len(samples) == 1
    assert len({model.sample(20, temperature=0.5, seed=seed) for seed in range(20)}) > 1
