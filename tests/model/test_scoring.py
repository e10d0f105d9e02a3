# SPDX-License-Identifier: MIT
"""Scores, hidden states and next probabilities, and the evaluation of windows and unknowns."""

import math

import numpy as np
import pytest
from enumeration import toy

from gru_ext import Vocabulary
from gru_ext.core.windows import Workspace, forward_window
from gru_ext.text.unknown import UNKNOWN_BITS

CHARACTERS = "\nabcdé☃"
BYTES = "".join(map(chr, range(256)))


def text_of(n, seed=0, characters=CHARACTERS):
    return "".join(np.random.default_rng(seed).choice(list(characters), n))


@pytest.fixture(
    params=[
        {},
        {"dtype": "float32"},
        {"layers": 3},
        {"document_separator": "\n"},
        {"document_separator": "a\n", "dtype": "float32", "layers": 2},
        {"characters": BYTES, "units": "bytes", "scale": 0.7},
    ],
    ids=["f64", "f32", "layers", "separator", "separator-layers", "bytes"],
)
def model(request):
    return toy(**{"characters": CHARACTERS, "H": 9} | request.param)


RAGGED = [
    [3, 0, 500, 1, 2, 0, 77, 4],
    [2000, *[5] * 150],
    [1] * 70,
    [0, 0],
    [300],
    [],
]


@pytest.mark.parametrize("n", [2, 3, 255, 256, 257, 1500])
def test_the_sum_is_that_of_the_evaluation(model, n):
    text = text_of(n)
    score, found = model.score(text), model.evaluate(text)
    assert score.text == text
    assert len(score) == len(score.bits) == len(model.vocabulary.encode(text))
    assert score.bits[0] == 0
    assert score.characters == found.characters == len(score) - 1
    total = found.nats_per_char * found.characters / math.log(2)
    assert score.total_bits == pytest.approx(total, rel=1e-12)
    assert score.bits_per_char == pytest.approx(found.bits_per_char, rel=1e-12)


def test_each_character_costs_its_probability(model):
    text = text_of(12, characters="\nabcd")
    bits = model.score(text).bits
    for i in range(1, len(text)):
        c = text[i].encode() if model.vocabulary.units == "bytes" else text[i]
        p = model.next_probabilities(text[:i])[c]
        assert bits[i] == pytest.approx(-math.log2(p), rel=1e-5)


@pytest.mark.parametrize("lengths", RAGGED)
@pytest.mark.parametrize("prompt", ["", "ab\n"])
def test_texts_of_a_list_do_not_depend_on_each_other(model, lengths, prompt):
    texts = [text_of(n, seed) for seed, n in enumerate(lengths)]
    scores, states = model.score(texts, prompt), model.hidden_states(texts, prompt)
    assert len(scores) == len(states) == len(texts)
    for text, score, state in zip(texts, scores, states, strict=True):
        alone = model.score(text, prompt)
        assert (score.text, score.characters) == (text, alone.characters)
        np.testing.assert_array_equal(score.bits, alone.bits)
        np.testing.assert_array_equal(state, model.hidden_states(text, prompt))
        assert state.shape == (len(alone), model.layers, model.hidden_size)


def test_a_prompt_predicts_the_first_character(model):
    prompt, text = "ab\nc", text_of(300)
    whole, part = model.score(prompt + text), model.score(text, prompt=prompt)
    np.testing.assert_array_equal(part.bits, whole.bits[len(prompt) :])
    assert part.characters == len(part) == len(whole) - len(prompt)
    assert part.bits[0] > 0
    states = model.hidden_states(prompt + text)[len(prompt) :]
    np.testing.assert_array_equal(model.hidden_states(text, prompt), states)


def test_bytes_and_str_of_a_model_of_bytes():
    model = toy(BYTES, units="bytes")
    text = "é☃ab"
    for first in (text, text.encode()):
        np.testing.assert_array_equal(model.score(first).bits, model.score(text.encode()).bits)
    mixed = model.score([text, b"\xff\x00", b""])
    assert [len(score) for score in mixed] == [7, 2, 0]
    following = model.next_probabilities(b"\xff")
    assert sorted(following) == [bytes([value]) for value in range(256)]


def test_texts_without_a_prediction(model):
    for text, characters in (("", 0), ("a", 0)):
        score = model.score(text)
        assert (score.characters, score.total_bits) == (characters, 0)
        assert math.isnan(score.bits_per_char)
    assert model.score("", prompt="a").characters == 0
    assert model.score("b", prompt="a").characters == 1


@pytest.mark.parametrize("text", ["a?b?", "?", "??ab", "abc", "a??", ""])
@pytest.mark.parametrize("prompt", ["", "b"])
def test_unknown_characters(text, prompt):
    model = toy("abc")
    known, unknown = text.replace("?", ""), text.count("?")
    plain = model.score(known, prompt)
    skipped, counted = (model.score(text, prompt, unknown=how) for how in ("skip", "cost"))
    at = np.array([c != "?" for c in text], bool)
    np.testing.assert_array_equal(skipped.bits[at], plain.bits)
    np.testing.assert_array_equal(counted.bits[at], plain.bits)
    assert np.all(skipped.bits[~at] == 0)
    assert np.all(counted.bits[~at] == UNKNOWN_BITS)
    assert skipped.unknown == counted.unknown == unknown
    assert (skipped.characters, counted.characters) == (
        plain.characters,
        plain.characters + unknown,
    )
    if unknown:
        with pytest.raises(ValueError, match=r"does not know: '\?'"):
            model.score(text, prompt)
    if len(known) > 1 and not prompt:
        for how, score in (("skip", skipped), ("cost", counted)):
            found = model.evaluate(text, unknown=how)
            assert (found.characters, found.unknown) == (score.characters, unknown)
            assert found.bits_per_char == pytest.approx(score.bits_per_char, rel=1e-12)


def test_the_unknown_token_is_known():
    vocabulary = Vocabulary.from_text("aabb☃", min_count=2)
    model = toy("".join(vocabulary.characters))
    model.vocabulary = vocabulary
    for how in ("error", "skip", "cost"):
        score = model.score("a☃?b", unknown=how)
        assert (score.unknown, score.characters) == (0, 3)
        np.testing.assert_array_equal(score.bits, model.score("a\ufffd\ufffdb").bits)


@pytest.mark.parametrize("layers", [1, 2])
def test_hidden_states_are_those_of_a_window(dtype, layers):
    model = toy(CHARACTERS, 9, dtype, layers)
    text = text_of(50)
    symbols = model.vocabulary.encode(text).astype(np.int32)[:, None]
    workspace = Workspace(len(CHARACTERS), 9, 1, 50, dtype, training=False, layers=layers)
    forward_window(model.parameters.flat, symbols, symbols, workspace)
    states = model.hidden_states(text)
    assert states.dtype == dtype
    np.testing.assert_array_equal(states[:, -1], workspace.states[1:, 0])
    stream = model.stream()
    for i, c in enumerate(text):
        stream.feed(c)
        np.testing.assert_array_equal(stream.state[:, 0], states[i])


def test_next_probabilities(model):
    prompts = ["a", "b\n", text_of(300), "a", *[text_of(n, n) for n in range(1, 130)]]
    found = model.next_probabilities(prompts)
    assert found == [model.next_probabilities(prompt) for prompt in prompts]
    for prompt, each in zip(prompts, found, strict=True):
        p = list(each.values())
        assert p == sorted(p, reverse=True)
        assert sum(p) == pytest.approx(1, abs=1e-6)
        assert len(each) == len(model.vocabulary)
        stream = model.stream()
        stream.feed(prompt)
        characters = model.vocabulary.characters
        if model.vocabulary.units == "bytes":
            characters = [c.encode("latin-1") for c in characters]
        np.testing.assert_array_equal([each[c] for c in characters], stream.probabilities())
    assert model.next_probabilities([]) == []


def test_equal_probabilities_are_in_the_order_of_the_vocabulary():
    model = toy("cab")
    model.parameters.flat[:] = 0
    assert list(model.next_probabilities("a")) == ["c", "a", "b"]


@pytest.mark.parametrize("temperature", [0.3, 4.0])
def test_a_temperature_divides_the_logits(temperature):
    model = toy("abc")
    p = model.next_probabilities("ab")
    powers = {c: q ** (1 / temperature) for c, q in p.items()}
    total = sum(powers.values())
    found = model.next_probabilities("ab", temperature)
    assert found == pytest.approx({c: q / total for c, q in powers.items()})


@pytest.mark.parametrize("windows", [1, 2, 7, 64, 99, 100, 101, 10**15])
@pytest.mark.parametrize("n", [2, 3, 100, 101, 800])
def test_windows_are_independent_sequences(model, windows, n):
    """Each reads its symbols from a zero state, and predicts each next one."""
    text = text_of(n, characters="\nabcd")
    plain = toy(model.vocabulary.characters, 9, model.dtype, model.layers)
    plain.vocabulary, plain.parameters = model.vocabulary, model.parameters
    bits = sum(
        plain.score(text[start : start + min(windows, n) + 1]).total_bits
        for start in range(0, n - 1, min(windows, n))
    )
    found = model.evaluate(text, windows=windows)
    assert found.characters == n - 1
    assert found.bits_per_char == pytest.approx(bits / (n - 1), rel=1e-12)


def test_long_windows():
    """They are read in parts, and several calls read all of them."""
    model = toy("abc", dtype="float32")
    text = text_of(2500 * 33 + 7, characters="abc")
    found = model.evaluate(text, windows=2500)
    scores = model.score([text[i : i + 2501] for i in range(0, len(text) - 1, 2500)])
    bits = sum(score.total_bits for score in scores)
    assert found.bits_per_char == pytest.approx(bits / (len(text) - 1), rel=1e-12)


@pytest.mark.parametrize(
    ("method", "arguments", "told"),
    [
        ("score", {"text": "x"}, "not know: 'x'"),
        ("score", {"text": 5}, "`text` must be a str, bytes or a list of them, not int"),
        ("score", {"text": ["a", 5]}, "`text` must be .* of int"),
        ("score", {"text": b"a"}, "bytes"),
        ("score", {"text": "a", "prompt": None}, "`prompt` must be"),
        ("score", {"text": "a", "prompt": "x"}, "not know: 'x'"),
        ("score", {"text": "a", "unknown": "none"}, "`unknown` must be error, skip or cost"),
        ("score", {"text": "a", "unknown": None}, "`unknown` must be error, skip or cost"),
        ("hidden_states", {"text": "x"}, "not know: 'x'"),
        ("hidden_states", {"text": None}, "`text` must be"),
        ("next_probabilities", {"prompt": ""}, "`prompt` must not be empty"),
        ("next_probabilities", {"prompt": ["a", ""]}, "`prompt` must not be empty"),
        ("next_probabilities", {"prompt": "a", "temperature": 0}, "`temperature` must be"),
        ("next_probabilities", {"prompt": "a", "temperature": math.nan}, "`temperature` must be"),
        ("next_probabilities", {"prompt": "a", "temperature": "1"}, "`temperature` must be"),
        ("next_probabilities", {"prompt": {1: 2}}, "`prompt` must be"),
        ("evaluate", {"text": "ab", "windows": 0}, "`windows` must be"),
        ("evaluate", {"text": "ab", "windows": 1.5}, "`windows` must be"),
        ("evaluate", {"text": "ab", "unknown": "some"}, "`unknown` must be error, skip or cost"),
        ("evaluate", {"text": "??a", "unknown": "skip"}, "2 characters"),
    ],
)
def test_refusals(method, arguments, told):
    with pytest.raises((TypeError, ValueError), match=told):
        getattr(toy(), method)(**arguments)


@pytest.mark.parametrize("method", ["score", "hidden_states", "next_probabilities", "evaluate"])
def test_parameters_that_are_not_finite_are_refused(method):
    model = toy()
    model.parameters["Uz"][0, 0] = math.inf
    with pytest.raises(ValueError, match="finite"):
        getattr(model, method)("abc")


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_any_number_of_threads(weights, monkeypatch, calm, gathered):
    """One long text, its windows and several texts: the same numbers, to the bit."""
    model = toy(characters=CHARACTERS, H=250, dtype="float32", layers=2, scale=0.1)
    model, text = model.with_weights(weights), text_of(900)

    def found(threads):
        for module in "evaluation", "scoring":
            monkeypatch.setattr(f"gru_ext.model.{module}.usable_threads", lambda: threads)
        scores = [model.score(text), *model.score([text[:500], text[:400], "ab"])]
        evaluations = [model.evaluate(text, windows=windows) for windows in (None, 100)]
        return (
            [score.bits.tobytes() for score in scores],
            [each.nats_per_char for each in evaluations],
            model.hidden_states(text).tobytes(),
        )

    alone = found(1)
    assert not gathered
    assert found(2) == alone
    assert set(gathered) == {1}
