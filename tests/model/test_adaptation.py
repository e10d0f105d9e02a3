# SPDX-License-Identifier: MIT
"""Dynamic evaluation against a statement of its rule in NumPy."""

import math

import numpy as np
import pytest
import reference
from training_runs import TEXT

from gru_ext.model.adaptation import AdaptationOptions, evaluate_adapting
from gru_ext.model.evaluation import evaluate_symbols
from gru_ext.model.model import Model
from gru_ext.text.vocabulary import Vocabulary

V, H = 7, 5
RATE, DECAY, LENGTH = 0.03, 0.02, 4


def options_of(rate=RATE, decay=DECAY, length=LENGTH):
    return AdaptationOptions(adapt_learning_rate=rate, adapt_decay=decay, adapt_length=length)


def expected(trained, symbols, separator=None, tied=False):
    """The nats per character, from the equations of docs/explanation/design/adaptation.md."""
    p = {name: value.copy() for name, value in trained.items()}
    memory = reference.zeros_like(p)
    layers = reference.layers_of(p)
    hidden, total = np.zeros((layers, 1, H)), 0.0
    text = "".join(map(str, symbols))
    mark = None if separator is None else "".join(map(str, separator))
    resets = np.array([mark is not None and text[: i + 1].endswith(mark) for i in range(len(text))])
    for t, start in enumerate(range(0, len(symbols) - 1, LENGTH), 1):
        inputs = symbols[start : start + LENGTH + 1, None]
        a = reference.forward(
            p, inputs[:-1], inputs[1:], hidden, resets[start : start + len(inputs) - 1, None]
        )
        total += a["loss"].sum()
        hidden = np.stack([layer["h"][-1].T for layer in a["stack"]])
        g = reference.backward(p, inputs[:-1], inputs[1:], a)
        if tied:
            g["Wh"] += g["Wy"].T
            g["Wy"] = np.zeros_like(g["Wy"])
        rate = RATE * math.sqrt(1 - 0.999**t)  # divides the second moment by 1 - 0.999**t
        reference.rmsprop(p, memory, g, rate, 0.999)
        if tied:
            p["Wy"][...] = p["Wh"].T
        if t % 8 == 0:
            for name in p:
                p[name] += (1 - (1 - DECAY) ** 8) * (trained[name] - p[name])
    return total / (len(symbols) - 1)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("separator", [None, (3,), (1, 2)])
@pytest.mark.parametrize("n", [6, 4 * 8 * 3, 4 * 8 * 3 + 1, 4 * 8 * 3 + 2, 4 * 8 * 3 + 18])
def test_against_the_oracle(layers, separator, n, dtype, draw_parameters):
    parameters, values = draw_parameters(V, H, dtype, layers=layers)
    symbols = np.random.default_rng(1).integers(0, V, n).astype(np.uint8)
    symbols[2:4] = 1, 2
    mark = None if separator is None else np.array(separator, np.uint8)
    result = evaluate_adapting(parameters, symbols, options_of(), separator=mark)
    assert result.characters == n - 1
    tolerance = 1e-9 if dtype == np.float64 else 1e-4
    want = expected(values, symbols, separator)
    assert result.nats_per_char == pytest.approx(want, rel=tolerance)
    static = evaluate_symbols(parameters, symbols, separator=mark)
    assert abs(result.nats_per_char - static.nats_per_char) > 10 * tolerance


@pytest.mark.parametrize("layers", [1, 2])
def test_tied_weights_stay_tied(layers, dtype, draw_parameters):
    parameters, values = draw_parameters(V, H, dtype, layers=layers)
    parameters["Wy"][...] = parameters["Wh"].T
    values["Wy"][...] = values["Wh"].T
    symbols = np.random.default_rng(1).integers(0, V, 150).astype(np.uint8)
    tolerance = 1e-9 if dtype == np.float64 else 1e-4
    result = evaluate_adapting(parameters, symbols, options_of()).nats_per_char
    assert result == pytest.approx(expected(values, symbols, tied=True), rel=tolerance)
    untied = expected(values, symbols, tied=False)
    assert result != pytest.approx(untied, rel=5 * tolerance)


def test_a_tiny_learning_rate_is_evaluation(dtype, draw_parameters):
    parameters, _ = draw_parameters(V, H, dtype)
    symbols = np.random.default_rng(2).integers(0, V, 1001).astype(np.uint16)
    result = evaluate_adapting(parameters, symbols, options_of(rate=1e-12))
    want = evaluate_symbols(parameters, symbols)
    assert result.nats_per_char == pytest.approx(want.nats_per_char, rel=1e-6)
    assert result.characters == want.characters


@pytest.mark.parametrize("n", [2, LENGTH, LENGTH + 1])
def test_a_text_of_one_segment_is_evaluated_without_an_update(n, dtype, draw_parameters):
    parameters, _ = draw_parameters(V, H, dtype)
    symbols = np.arange(n, dtype=np.int32) % V
    assert evaluate_adapting(parameters, symbols, options_of()) == evaluate_symbols(
        parameters, symbols
    )


def test_the_code_length_of_a_prefix_does_not_depend_on_what_follows(draw_parameters):
    """No character is predicted by weights that have learned from it, or from a later one."""
    parameters, _ = draw_parameters(V, H, np.float64)
    symbols = np.random.default_rng(3).integers(0, V, 100).astype(np.uint8)
    for n in range(2, 100):
        nats = [
            evaluate_adapting(parameters, symbols[:k], options_of()).nats_per_char * (k - 1)
            for k in (n, n + 1)
        ]
        p = math.exp(nats[0] - nats[1])  # of the last character
        assert 0 < p < 1
    other = symbols.copy()
    total = 0.0
    for symbol in range(V):  # the probabilities of all symbols at the end add up to 1
        other[-1] = symbol
        nats = evaluate_adapting(parameters, other, options_of()).nats_per_char * 99
        before = evaluate_adapting(parameters, other[:-1], options_of()).nats_per_char * 98
        total += math.exp(before - nats)
    assert total == pytest.approx(1)


def test_parameters_and_text_stay_as_they_were(dtype, draw_parameters):
    parameters, _ = draw_parameters(V, H, dtype, layers=2)
    symbols = np.random.default_rng(4).integers(0, V, 200).astype(np.uint8)
    symbols.flags.writeable = False
    before = parameters.flat.tobytes()
    first = evaluate_adapting(parameters, symbols, options_of())
    assert parameters.flat.tobytes() == before
    assert evaluate_adapting(parameters, symbols, options_of()) == first


@pytest.mark.parametrize("length", [5, 20, 50])
def test_bits_fall_on_a_repetitive_text(length, isa, dtype, draw_parameters):
    parameters, _ = draw_parameters(V, H, dtype, scale=0.1)
    symbols = np.tile(np.array([0, 1, 2, 3, 4, 5, 6, 3], np.uint8), 1000)
    options = AdaptationOptions(adapt_learning_rate=0.01, adapt_length=length)
    adapted = evaluate_adapting(parameters, symbols, options).bits_per_char
    assert adapted < 0.5 * evaluate_symbols(parameters, symbols).bits_per_char


def test_the_defaults_learn_a_text_that_the_model_does_not_know(dtype):
    vocabulary = Vocabulary.from_text(TEXT)
    model = Model.create(vocabulary, 32, dtype)
    symbols = np.tile(vocabulary.encode(TEXT), 10_000 // len(TEXT))
    static = evaluate_symbols(model.parameters, symbols).bits_per_char
    adapted = evaluate_adapting(model.parameters, symbols, AdaptationOptions()).bits_per_char
    assert adapted < static - 0.5


def test_the_default_learning_rate_falls_with_the_hidden_size():
    options = AdaptationOptions()
    assert options.rate(16) == options.rate(128) > options.rate(129) > options.rate(1024) > 0
    assert AdaptationOptions(adapt_learning_rate=0.5).rate(1024) == 0.5


@pytest.mark.parametrize("n", [3, 33, 70])
def test_progress_counts_each_character_once(n, draw_parameters):
    parameters, _ = draw_parameters(V, H, np.float32)
    seen = []
    evaluate_adapting(parameters, np.ones(n, np.uint8), options_of(), seen.append)
    assert sum(seen) == n - 1
    assert min(seen) > 0


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"adapt_learning_rate": 0}, ValueError),
        ({"adapt_learning_rate": "x"}, TypeError),
        ({"adapt_learning_rate": math.nan}, ValueError),
        ({"adapt_decay": 1}, ValueError),
        ({"adapt_decay": -0.1}, ValueError),
        ({"adapt_length": 0}, ValueError),
        ({"adapt_length": 2.5}, TypeError),
    ],
)
def test_refused_options(wrong, error):
    with pytest.raises(error, match=f"`{next(iter(wrong))}` must be"):
        AdaptationOptions(**wrong)


@pytest.mark.parametrize("n", [0, 1])
def test_a_text_without_predictions_is_refused(n, draw_parameters):
    parameters, _ = draw_parameters(V, H, np.float32)
    with pytest.raises(ValueError, match="at least 2 characters"):
        evaluate_adapting(parameters, np.zeros(n, np.uint8), options_of())


@pytest.mark.parametrize("place", [0, 50, 100])
def test_what_is_not_a_symbol_is_refused(place, draw_parameters):
    parameters, _ = draw_parameters(V, H, np.float32)
    symbols = np.zeros(101, np.uint8)
    symbols[place] = V
    with pytest.raises(ValueError, match=f"must be from 0 to {V - 1}, not {V}"):
        evaluate_adapting(parameters, symbols, options_of())


def test_parameters_that_are_not_finite_are_refused(draw_parameters):
    parameters, _ = draw_parameters(V, H, np.float32)
    parameters["Uh"][0, 0] = np.nan
    with pytest.raises(ValueError, match="Uh must have finite values"):
        evaluate_adapting(parameters, np.zeros(100, np.uint8), options_of())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [6, 400])
def test_divergence_is_an_error_that_names_the_learning_rate(n, draw_parameters):
    parameters, _ = draw_parameters(V, H, np.float32)
    symbols = np.random.default_rng(5).integers(0, V, n).astype(np.uint8)
    with pytest.raises(ValueError, match="`adapt_learning_rate` must be less than 3e"):
        evaluate_adapting(parameters, symbols, options_of(rate=3e38))
