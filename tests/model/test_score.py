# SPDX-License-Identifier: MIT
"""A score as a sequence, its most surprising characters, its lines, and how it is shown."""

import math
import pickle
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from enumeration import toy

from gru_ext.text.unknown import UNKNOWN_BITS

CHARACTERS = "\nabcdé☃"
TEXT = "aé\n\nbcd☃a\nab"


@pytest.fixture
def model():
    return toy(CHARACTERS, H=9)


@pytest.fixture
def of_bytes():
    return toy("".join(map(chr, range(256))), units="bytes", scale=0.7)


def test_iteration_gives_characters_and_bits(model):
    score = model.score(TEXT)
    assert [c for c, _ in score] == [*TEXT]
    assert [bits for _, bits in score] == score.bits.tolist()
    assert len([*score]) == len(score) == len(TEXT)
    assert dict(model.score("ab")).keys() == {"a", "b"}


@pytest.mark.parametrize("text", [TEXT, TEXT.encode()])
def test_a_model_of_bytes_gives_bytes(of_bytes, text):
    score, data = of_bytes.score(text), TEXT.encode()
    assert b"".join(c for c, _ in score) == data
    assert all(type(c) is bytes and len(c) == 1 for c, _ in score)
    assert len(score) == len(data)
    (first,) = score.top(1)
    assert first.character == data[first.place : first.place + 1]


def test_the_most_surprising_characters(model):
    score = model.score(TEXT, prompt="\n")
    top = score.top(3)
    expected = sorted(range(len(TEXT)), key=lambda i: -score.bits[i])[:3]
    assert [each.place for each in top] == expected
    assert [each.character for each in top] == [TEXT[i] for i in expected]
    assert [each.bits for each in top] == [score.bits[i] for i in expected]
    assert len(score.top()) == 10
    assert [each.place for each in score.top(99)][:3] == expected
    assert score.top(0) == []


def test_what_was_not_predicted_is_not_surprising(model):
    assert sorted(each.place for each in model.score("ab?a", unknown="skip").top()) == [1, 3]
    assert {each.place for each in model.score("ab?a", unknown="cost").top()} == {1, 2, 3}
    assert model.score("ab?a", unknown="cost").top(1)[0][1:] == ("?", UNKNOWN_BITS)
    assert model.score("a").top() == []


def test_equal_ones_are_in_the_order_of_the_text():
    score = toy("ab", scale=0).score("abbab")  # each costs one bit
    assert [each.place for each in score.top(3)] == [1, 2, 3]


@pytest.mark.parametrize("wrong", [-1, 1.5, "3"])
def test_how_many_must_be_a_count(model, wrong):
    with pytest.raises((TypeError, ValueError), match="`n` must be a whole number, 0 or more"):
        model.score("ab").top(wrong)


@pytest.mark.parametrize("text", ["", "\n", "a", "a\n", "\na", TEXT, TEXT + "\n\n"])
@pytest.mark.parametrize("prompt", ["", "a\n"])
def test_lines_are_parts_of_the_text(model, of_bytes, text, prompt):
    for score in (
        model.score(text, prompt),
        of_bytes.score(text, prompt),
        of_bytes.score(text.encode(), prompt),
    ):
        lines, whole = score.lines(), score.text
        newline = "\n" if isinstance(whole, str) else b"\n"
        assert whole[:0].join(line.text for line in lines) == whole
        assert all(line.text.count(newline) <= 1 for line in lines)
        assert all(line.text.endswith(newline) for line in lines[:-1])
        assert np.array_equal(np.concatenate([[], *(line.bits for line in lines)]), score.bits)
        assert sum(line.characters for line in lines) == score.characters
        assert all(line.units == score.units for line in lines)
        assert [pair for line in lines for pair in line] == [*score]


def test_a_line_ends_at_a_newline_alone():
    model = toy("\n\ra\u2028\x0c")
    lines = model.score("a\r\na\u2028a\x0ca").lines()
    assert [line.text for line in lines] == ["a\r\n", "a\u2028a\x0ca"]


@pytest.mark.parametrize("unknown", ["skip", "cost"])
def test_a_line_knows_its_unknown_characters(model, unknown):
    score = model.score("?a\nb??c\nd", unknown=unknown)
    lines = score.lines()
    assert [line.unknown for line in lines] == [1, 2, 0]
    assert score.unknown == 3
    counted = unknown == "cost"
    assert [line.characters for line in lines] == [1 + counted, 3 + 2 * counted, 1]
    assert score.bits_per_char == pytest.approx(score.total_bits / score.characters)


def test_the_mean_of_nothing(model):
    assert math.isnan(model.score("a").bits_per_char)
    assert repr(model.score("a")) == "<gru_ext.Score: 1 character, 'a'>"
    assert repr(model.score("")) == "<gru_ext.Score: 0 characters, ''>"


def test_one_line(model, of_bytes):
    score = model.score("ab?\n" * 20, unknown="skip")
    mean = f"{score.bits_per_char:.3f}"
    assert repr(score) == (
        f"<gru_ext.Score: {mean} bits/char, 80 characters, 20 of them unknown, "
        + repr(("ab?\n" * 20)[:30])
        + "…>"
    )
    assert re.fullmatch(r"<gru_ext.Score: .{5} bits/byte, 3 bytes, '☃'>", repr(of_bytes.score("☃")))
    assert "\u202e" not in repr(toy("\u202ea").score("a\u202e" * 40))
    assert len(repr(toy("\x01\x02").score("\x01\x02" * 40))) < 130


def test_a_notebook_shows_each_character(model, of_bytes):
    for score in (model.score(TEXT, unknown="skip"), of_bytes.score(TEXT)):
        root = ET.fromstring(score._repr_html_())
        shown = [span.text for span in root[2]]
        assert "".join(shown) == TEXT.replace("\n", "↵")
        assert root[0].text in repr(score)
    tips = [span.get("title") for span in ET.fromstring(model.score(TEXT)._repr_html_())[2]]
    assert tips == ["not predicted", *(f"{bits:.2f} bits" for bits in model.score(TEXT).bits[1:])]


def test_a_notebook_shows_the_start_of_a_long_text(model, of_bytes):
    for text in ("ab☃" * 3000, ("ab☃" * 3000).encode()):
        for each in (of_bytes, model) if isinstance(text, str) else (of_bytes,):
            html = each.score(text)._repr_html_()
            assert "the first 2,000 of " in html
            assert len(html) < 200_000


def test_a_score_can_be_pickled(model):
    score = model.score(TEXT, prompt="a")
    again = pickle.loads(pickle.dumps(score))
    assert [*again] == [*score]
    assert repr(again) == repr(score)
