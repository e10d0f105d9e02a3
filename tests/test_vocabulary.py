# SPDX-License-Identifier: MIT
"""Characters to symbols and back."""

import numpy as np
import pytest

import gru_ext
from gru_ext import Vocabulary


@pytest.mark.parametrize(
    "text",
    [
        "hello world\n",
        "a",
        "zyx",
        "Ünïcödé 日本語 🙂 \u200d",
        "\x00\t\r\n",
        "\U0010ffff\ue000a",
    ],
)
def test_characters_are_sorted_as_the_notebook_sorts_them(text):
    vocabulary = Vocabulary.from_text(text)
    assert vocabulary.characters == "".join(sorted(set(text)))
    assert len(vocabulary) == len(set(text))


@pytest.mark.parametrize("text", ["hello world\n", "日本語 🙂 日本", "a\ud800b", ""])
def test_encode_and_decode(text):
    vocabulary = Vocabulary.from_text("hello world\n日本語 🙂\ud800ab")
    symbols = vocabulary.encode(text)
    assert symbols.tolist() == [vocabulary.characters.index(c) for c in text]
    assert symbols.shape == (len(text),)
    assert vocabulary.decode(symbols) == text


def test_the_order_given_is_kept():
    vocabulary = Vocabulary("zay")
    assert vocabulary.encode("ayz").tolist() == [1, 2, 0]
    assert vocabulary.decode(np.array([0, 1, 2])) == "zay"


@pytest.mark.parametrize(
    ("n", "dtype"),
    [
        (1, np.uint8),
        (256, np.uint8),
        (257, np.uint16),
        (65536, np.uint16),
        (65537, np.int32),
    ],
)
def test_symbols_take_the_smallest_type(n, dtype):
    characters = "".join(map(chr, range(n)))
    vocabulary = Vocabulary(characters)
    symbols = vocabulary.encode(characters[::-1])
    assert vocabulary.dtype == dtype
    assert symbols.dtype == dtype
    assert symbols.tolist() == list(range(n))[::-1]


def test_a_text_longer_than_what_is_encoded_at_a_time():
    text = "abcdefghij" * 250_000 + "k"
    symbols = Vocabulary.from_text(text).encode(text)
    assert symbols[-1] == 10
    assert np.array_equal(symbols[:-1], np.tile(np.arange(10), 250_000))


def test_unseen_characters_are_listed():
    with pytest.raises(ValueError, match="not know") as refused:
        Vocabulary("abc").encode("xaby☃x")
    for character in "xy☃":
        assert repr(character) in str(refused.value)
    for character in "abc":
        assert repr(character) not in str(refused.value)
    assert str(refused.value).count("'x'") == 1


def test_an_unseen_character_far_into_the_text():
    with pytest.raises(ValueError, match="'z'"):
        Vocabulary("ab").encode("ab" * 1_200_000 + "z")


def test_many_unseen_characters_make_a_message_of_one_line():
    with pytest.raises(ValueError, match="more") as refused:
        Vocabulary("a").encode("a\n\u2028" + "".join(map(chr, range(0x4E00, 0x5E00))))
    assert len(str(refused.value)) < 500
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("characters", ["", "aba"])
def test_no_vocabulary(characters):
    with pytest.raises(ValueError, match="character"):
        Vocabulary(characters)


def test_no_vocabulary_of_an_empty_text():
    with pytest.raises(ValueError, match="empty"):
        Vocabulary.from_text("")


def test_equality_and_membership():
    vocabulary = Vocabulary("abc")
    assert vocabulary == gru_ext.Vocabulary.from_text("cabba")
    assert vocabulary != Vocabulary("acb")
    assert hash(vocabulary) == hash(Vocabulary("abc"))
    assert "b" in vocabulary
    assert "z" not in vocabulary
    assert repr(vocabulary) == "Vocabulary('abc')"
