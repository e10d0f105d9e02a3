# SPDX-License-Identifier: MIT
"""Streams of text: what is fed, drawn, copied and taken back."""

import copy
import math

import numpy as np
import pytest
from enumeration import toy

from gru_ext.model import sampling

CHARACTERS = "\nabcd☃"
BYTES = "".join(map(chr, range(256)))


@pytest.fixture(scope="module")
def model():
    return toy(CHARACTERS, 9, layers=2, document_separator="\n\n")


def begun(model, text="ab\nc", B=1):
    stream = model.stream(B)
    stream.feed(text)
    return stream


@pytest.mark.parametrize("text", ["", "a", "☃", "ab\n\ncd☃a" * 80])
def test_feeding_costs_what_the_score_says(model, text):
    np.testing.assert_array_equal(model.stream().feed(text), model.score(text).bits)
    one, at_once = begun(model), begun(model)
    bits = at_once.feed(text)
    np.testing.assert_array_equal(bits, model.score(text, prompt="ab\nc").bits)
    for i, c in enumerate(text):
        assert one.feed(c) == bits[i : i + 1]
    assert one.state.tobytes() == at_once.state.tobytes()


def test_a_batch_feeds_one_text_or_several(model):
    texts = ["abcd", "☃☃a\n", "\n\nab"]
    several = model.stream(3)
    bits = several.feed(texts)
    assert bits.shape == (4, 3)
    for b, text in enumerate(texts):
        np.testing.assert_array_equal(bits[:, b], model.score(text).bits)
    shared = model.stream(2).feed("abcd")
    np.testing.assert_array_equal(shared, np.stack([model.score("abcd").bits] * 2, axis=1))


def test_predictions_are_those_of_the_model(model):
    stream = begun(model)
    p = dict(zip(CHARACTERS, stream.probabilities(), strict=True))
    assert model.next_probabilities("ab\nc") == p
    assert stream.entropy() == pytest.approx(-sum(q * math.log2(q) for q in p.values()))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 0.5, "top_k": 3},
        {"stop": ["ab", "☃"]},
        {"stop": "c", "keep_stop": True},
        {"regex": "(ab|☃)+c"},
        {"surprise": 2.0, "banned": "\n"},
        {"temperature": 0},
    ],
    ids=str,
)
@pytest.mark.parametrize("part", [1, 7, 256])
def test_what_is_drawn_is_the_sample_after_what_was_read(model, options, part, monkeypatch):
    expected = [model.sample(40, "ab\nc", seed=seed, **options)[4:] for seed in range(5)]
    monkeypatch.setattr(sampling, "_PART", part)
    for seed, text in enumerate(expected):
        assert begun(model).draw(40, seed=seed, **options) == text


def test_streams_of_a_batch_are_the_samples_of_a_seed(model):
    texts = begun(model, B=5).draw(30, 0.8, 7, top_p=0.9)
    assert texts == [t[4:] for t in model.sample(30, "ab\nc", 0.8, 7, n=5, top_p=0.9)]
    assert begun(model, B=2).draw(0, seed=1) == ["", ""]


def test_what_was_drawn_has_been_read(model):
    """Also a stop text that is cut off, and nothing beyond the end."""
    for seed in range(8):
        for options in ({}, {"stop": "b", "keep_stop": True}, {"regex": "[^d]+d"}):
            stream, other = begun(model), begun(model)
            other.feed(stream.draw(20, seed=seed, **options))
            assert stream.state.tobytes() == other.state.tobytes()
            np.testing.assert_array_equal(stream.probabilities(), other.probabilities())
        stream, other = begun(model), begun(model)
        text = stream.draw(20, seed=seed, stop="b")
        other.feed(text + "b" * (len(text) < 20))
        assert stream.state.tobytes() == other.state.tobytes()


def test_streams_of_a_batch_end_each_by_itself(model):
    stream = begun(model, B=6)
    texts = stream.draw(30, seed=3, stop="a", keep_stop=True)
    assert len({len(text) for text in texts}) > 1
    for b, text in enumerate(texts):
        alone = begun(model)
        alone.feed(text)
        assert alone.state[:, 0].tobytes() == stream.state[:, b].tobytes()


def test_parts_that_are_drawn_one_after_the_other(model):
    """At temperature 0 they are one text; else each call begins the random numbers anew."""
    whole, parts = begun(model), begun(model)
    text = whole.draw(30, temperature=0)
    assert "".join(parts.draw(n, temperature=0) for n in (1, 0, 9, 20)) == text
    assert whole.state.tobytes() == parts.state.tobytes()
    stream = begun(model)
    first = stream.draw(20, seed=1)
    assert first + stream.draw(20, seed=1) == "".join(
        (first, model.sample(20, "ab\nc" + first, seed=1)[4 + len(first) :])
    )


def test_copies_and_rewinding(model):
    stream = begun(model)
    saved = stream.copy()
    text = stream.draw(30, seed=1)
    assert type(saved) is type(stream)
    for twin in (saved.copy(), copy.copy(saved), copy.deepcopy(saved)):
        assert twin.draw(30, seed=1) == text
    after = stream.state
    stream.rewind(saved)
    assert stream.draw(30, seed=2) != text
    stream.rewind(saved)
    assert stream.draw(30, seed=1) == text
    assert stream.state.tobytes() == after.tobytes()


def test_streams_of_bytes():
    model = toy(BYTES, units="bytes", scale=0.7)
    stream = model.stream()
    np.testing.assert_array_equal(stream.feed("é☃a"), model.score("é☃a".encode()).bits)
    saved = stream.copy()
    assert stream.draw(20, seed=1) == model.sample(20, "é☃a".encode(), seed=1)[6:]
    assert saved.draw(9, seed=1, regex="☃{3}", stop="☃☃") == b""
    assert stream.feed(b"\xff").shape == (1,)
    assert stream.feed("é").shape == (2,)
    assert model.stream(2).feed(["é", b"ab"]).shape == (2, 2)


def test_what_it_shows(model):
    stream = model.stream(3)
    assert repr(stream) == "<gru_ext.Stream: batch size 3, has read nothing>"
    stream.feed("a")
    assert repr(stream) == "<gru_ext.Stream: batch size 3, has read something>"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"length": -1}, "`length` must be .* -1"),
        ({"length": "5"}, "`length` must be"),
        ({"temperature": -1}, "`temperature` must be"),
        ({"stop": "x"}, "`stop` has .*: 'x'"),
        ({"best_of": 2}, "best_of"),
        ({"surprise": "validation"}, "give bits"),
        ({"regex": "abcdab"}, "6 or more for this `regex`"),
    ],
)
def test_refusals(model, arguments, told):
    stream = begun(model)
    before = stream.state
    with pytest.raises((TypeError, ValueError), match=told):
        stream.draw(**{"length": 5} | arguments)
    assert stream.state.tobytes() == before.tobytes()
    assert len(stream.draw(5)) == 5


def test_there_must_be_something_to_follow(model):
    with pytest.raises(ValueError, match="read nothing yet"):
        model.stream().draw(5)
    stream = begun(model)
    stream.reset()
    with pytest.raises(ValueError, match="read nothing yet"):
        stream.draw(5)


@pytest.mark.parametrize(
    ("B", "text", "told"),
    [
        (1, "abx", "not know: 'x'"),
        (1, b"ab", "str"),
        (2, ["ab"], "2 texts"),
        (2, ["ab", "a"], "same length"),
        (2, ["ab", "ax"], "not know: 'x'"),
        (1, None, "integers"),
    ],
)
def test_texts_that_cannot_be_fed(model, B, text, told):
    stream = begun(model, B=B)
    before = stream.state
    with pytest.raises((TypeError, ValueError), match=told):
        stream.feed(text)
    assert stream.state.tobytes() == before.tobytes()


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, True, 2**21])
def test_batch_sizes_that_are_refused(model, batch_size):
    with pytest.raises((TypeError, ValueError), match="`batch_size` must be"):
        model.stream(batch_size)
