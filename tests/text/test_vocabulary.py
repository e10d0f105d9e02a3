# SPDX-License-Identifier: MIT
"""Characters are counted, encoded and decoded."""

import numpy as np
import pytest

import gru_ext
from gru_ext import Vocabulary
from gru_ext.text.vocabulary import Counts


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


@pytest.mark.parametrize("text", ["hello world\n", "日本語 🙂 日本", ""])
def test_encode_and_decode(text):
    vocabulary = Vocabulary.from_text("hello world\n日本語 🙂ab")
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
    characters = "".join(map(chr, (*range(0xD800), *range(0xE000, n + 0x800))))[:n]
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


@pytest.mark.parametrize("size", [1, 3, 100])
def test_pieces_are_counted(size):
    text = "naïve ☃ 🙂 naïve"
    counts = Counts(text[i : i + size] for i in range(0, len(text), size))
    assert counts.length == len(text)
    assert [chr(code) for code in counts.codes()] == sorted(set(text))
    assert [chr(code) for code in counts.codes(3)] == [" "]
    assert all(counts.by_code[ord(c)] == text.count(c) for c in text)
    data = text.encode()
    counts = Counts((data[i : i + size] for i in range(0, len(data), size)), "bytes")
    assert counts.by_code.tolist() == [data.count(code) for code in range(256)]


def test_no_pieces():
    counts = Counts([])
    assert (counts.length, counts.codes().tolist()) == (0, [])


def test_a_vocabulary_is_extended_by_what_is_counted():
    vocabulary = Vocabulary("zb")
    assert vocabulary.extended(Counts(["bz"])) is vocabulary
    assert vocabulary.extended(Counts(["a☃", "zz"])) == Vocabulary("abz☃")
    for complete in (Vocabulary("a\ufffd", unknown=True), Vocabulary("ab", "bytes")):
        assert complete.extended(Counts(["xyz"])) is complete


def test_equality_and_membership():
    vocabulary = Vocabulary("abc")
    assert vocabulary == gru_ext.Vocabulary.from_text("cabba")
    assert vocabulary != Vocabulary("acb")
    assert hash(vocabulary) == hash(Vocabulary("abc"))
    assert "b" in vocabulary
    assert "z" not in vocabulary
    assert repr(vocabulary) == "Vocabulary('abc')"


def test_bytes():
    vocabulary = Vocabulary.from_text("ab", "bytes")
    assert (len(vocabulary), vocabulary.units, vocabulary.dtype) == (256, "bytes", np.uint8)
    assert vocabulary.encode("é\udcff").tolist() == [0xC3, 0xA9, 0xFF]
    data = bytes(range(256)) * 3
    symbols = vocabulary.encode(data)
    assert symbols.tolist() == list(data)
    assert vocabulary.to_bytes(symbols) == data
    assert vocabulary.decode(vocabulary.encode("né ☃ 🙂")) == "né ☃ 🙂"
    assert vocabulary.decode(vocabulary.encode(b"a\xffb\xe2\x98")) == "a\ufffdb\ufffd"
    assert vocabulary != Vocabulary(vocabulary.characters)


def test_bytes_are_decoded_as_they_come():
    vocabulary = Vocabulary.from_text("ab", "bytes")
    decode = vocabulary.decoder()
    symbols = vocabulary.encode("é☃🙂".encode() + b"\xf0\x9f")
    told = [decode(symbols[i : i + 1], False) for i in range(len(symbols))]
    assert told == ["", "é", "", "", "☃", "", "", "", "🙂", "", ""]
    assert decode(symbols[:0], True) == "\ufffd"


def test_some_bytes():
    vocabulary = Vocabulary("a\xe9", "bytes")
    assert vocabulary.encode(b"\xe9a").tolist() == [1, 0]
    assert vocabulary.to_bytes(np.array([1, 0])) == b"\xe9a"
    with pytest.raises(ValueError, match=r"^bytes that the model does not know: 0x00, 0x62$"):
        vocabulary.encode(b"\x00ab")


@pytest.mark.parametrize(
    ("min_count", "characters"),
    [(1, "\nabc☃"), (2, "abc\ufffd"), (3, "bc\ufffd"), (4, "c\ufffd")],
)
def test_rare_characters_become_one_unknown(min_count, characters):
    text = "aabbbcccc\n☃"
    vocabulary = Vocabulary.from_text(text, min_count=min_count)
    assert vocabulary.characters == characters
    assert vocabulary.unknown == (min_count > 1)
    shown = "".join(c if c in characters else "\ufffd" for c in text)
    assert vocabulary.decode(vocabulary.encode(text)) == shown
    if min_count > 1:
        assert vocabulary.decode(vocabulary.encode("x\U0010ffff\x00a")) == "\ufffd\ufffd\ufffd" + (
            "a" if min_count == 2 else "\ufffd"
        )


def test_a_replacement_character_of_the_text_is_the_unknown():
    vocabulary = Vocabulary.from_text("aa\ufffd\ufffd", min_count=2)
    assert vocabulary.characters == "a\ufffd"
    with pytest.raises(ValueError, match="'b'"):
        Vocabulary.from_text("aa\ufffd\ufffd").encode("b")


def test_metadata():
    for vocabulary in (
        Vocabulary("abc"),
        Vocabulary.from_text("x", "bytes"),
        Vocabulary.from_text("aab", min_count=2),
    ):
        assert Vocabulary.from_metadata(vocabulary.metadata()) == vocabulary
    # as it always was, so that older readers need no change
    assert Vocabulary("abc").metadata() == {"vocabulary": "abc"}
    assert Vocabulary.from_metadata({"step": 3}) is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("abc", "words"), "chars or bytes"),
        (("a\u0100", "bytes"), r"U\+00FF"),
        (("abc", "chars", True), r"U\+FFFD"),
    ],
)
def test_vocabularies_that_make_no_sense(arguments, told):
    with pytest.raises(ValueError, match=told):
        Vocabulary(*arguments)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("aabb", "chars", 3), "no character occurs 3 times.*at most 2"),
        (("aabb", "words"), "chars or bytes"),
        (("aabb", "chars", 0), "1 or more"),
        (("aabb", "bytes", 2), "all 256"),
    ],
)
def test_min_counts_that_make_no_sense(arguments, told):
    with pytest.raises(ValueError, match=told):
        Vocabulary.from_text(*arguments)


def test_characters_have_no_bytes():
    with pytest.raises(TypeError, match="no bytes"):
        Vocabulary("abc").to_bytes(np.array([0]))
    with pytest.raises(TypeError, match="str"):
        Vocabulary("abc").encode(b"abc")
    with pytest.raises(TypeError, match="str or bytes"):
        Vocabulary.from_text("x", "bytes").encode(3)


@pytest.mark.parametrize(
    ("known", "text", "told"),
    [
        ("abc", "\u0301", r"know: U\+0301$"),
        ("abc", "\ufe0f", r"know: U\+FE0F$"),
        ("abc", "\u200d\x07", r"know: '\\x07', U\+200D$"),
        ("abce\u0301", "é", r"know: 'é'; it knows 'é' as 'e' U\+0301: normalise the text to NFD$"),
        ("abcé", "e\u0301", r"U\+0301; it knows U\+0301 as part of 'é': normalise .* to NFC$"),
        ("Å", "\u212b", r"; it knows .* as 'Å': normalise the text to NFC$"),
    ],
)
def test_marks_that_the_model_does_not_know_are_visible(known, text, told):
    with pytest.raises(ValueError, match=told):
        Vocabulary(known).encode(text)


@pytest.mark.parametrize("before", ["", "é", "a" * 300_000])
def test_half_a_surrogate_pair_is_no_text(before):
    text, told = before + "\ud800x", rf"ud800' at {len(before)}, half of a surrogate pair"
    for use in (
        Vocabulary.from_text,
        Vocabulary("aéx\ufffd", unknown=True).encode,
        lambda text: gru_ext.train(text, quiet=True),
        gru_ext.train("aéx" * 40, max_steps=1, quiet=True).evaluate,
    ):
        with pytest.raises(ValueError, match=told):
            use(text)


def test_half_a_surrogate_pair_is_no_prompt_and_no_separator():
    model = gru_ext.train("aéx" * 40, max_steps=1, min_count=2, quiet=True)
    for prompt in ("\ud800", "a\udcff"):
        with pytest.raises(ValueError, match="half of a surrogate pair"):
            model.sample(3, prompt)
    for units in ("chars", "bytes"):
        with pytest.raises(ValueError, match=r"^document separator has '\\ud800' at 1, half"):
            gru_ext.train("aéx" * 40, units=units, document_separator="x\ud800", quiet=True)


@pytest.mark.parametrize("text", ["input.txt", b"a.bin", "data/input"])
def test_a_path_is_no_text(text):
    with pytest.raises(ValueError, match=r"pathlib\.Path\("):
        Vocabulary.from_text(text, "bytes" if isinstance(text, bytes) else "chars")


def test_several_threads_may_read_first(monkeypatch):
    """None of them sees the table of another before it is complete."""
    vocabulary, points, seen = Vocabulary("abc"), Vocabulary._points, []

    def meanwhile(self):
        if not seen:  # what another thread does while the table is made
            seen.append(None)
            seen.append(vocabulary.encode("cab").tolist())
        return points(self)

    monkeypatch.setattr(Vocabulary, "_points", meanwhile)
    assert vocabulary.encode("bc").tolist() == [1, 2]
    assert seen == [None, [2, 0, 1]]
