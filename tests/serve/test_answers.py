# SPDX-License-Identifier: MIT
"""Answers: they are what the model itself says."""

import itertools
import json

import numpy as np
import pytest
from pages import HOSTILE, random_model

import gru_ext
from gru_ext.serve.answers import Answers
from gru_ext.serve.reader import EVERY, Reader
from gru_ext.serve.typed import TypedText, escapes, typed

TEXT = "".join(f"{n} apples and {n * 7} pears.\n" for n in range(60))


@pytest.fixture(scope="module")
def model():
    return gru_ext.train(TEXT, hidden_size=12, layers=2, max_steps=40, quiet=True)


def read(answers, text, caret=None):
    question = {"text": text, "caret": len(text) if caret is None else caret}
    return json.loads(json.dumps(answers.read(json.dumps(question).encode())))


def propose(answers, text, caret=None, **given):
    settings = {"length": 30, "temperature": 0.8, "top_p": 0.9, "seed": 3, **given}
    caret = len(text) if caret is None else caret
    question = json.dumps({"text": text, "caret": caret, **settings})
    return json.loads(json.dumps(answers.propose(question.encode())))["continuations"]


@pytest.mark.parametrize("caret", [1, 7, 300, 700])
def test_what_is_expected_is_what_the_model_says(model, caret):
    text = TEXT[:700]
    answer = read(Answers(model), text, caret)
    expected = model.next_probabilities(text[:caret])
    found = {each["text"]: each["p"] for each in answer["next"]}
    assert len(found) == 12
    assert list(found) == list(expected)[:12]
    assert list(found.values()) == pytest.approx(list(expected.values())[:12], rel=1e-4)
    number, rest = answer["others"]
    assert number == len(expected) - 12
    assert rest == pytest.approx(1 - sum(found.values()), abs=1e-5)
    p = np.array(list(expected.values()))
    assert answer["entropy"] == pytest.approx(-np.sum(p * np.log2(p)), rel=1e-4)
    assert answer["before"]["text"] == text[caret - 1]
    assert answer["bits"][0] is None
    assert answer["bits"][1:] == pytest.approx(model.score(text).bits[1:], abs=2e-3)


def test_at_the_beginning_it_is_as_after_a_newline(model):
    expected = model.next_probabilities("\n")
    for text in ("", "3 apples"):
        answer = read(Answers(model), text, 0)
        assert answer["before"] is None
        assert [each["text"] for each in answer["next"]] == list(expected)[:12]


def test_continuations_are_those_of_a_stream(model):
    text = TEXT[:300] + "3 app"
    found = propose(Answers(model), text + "more", len(text))
    stream = model.stream(3)
    stream.feed(text)
    assert [each["text"] for each in found] == stream.draw(30, 0.8, 3, top_p=0.9)
    for each in found:
        bits = model.score(text + each["text"]).bits[len(text) :]
        assert each["bits"] == pytest.approx(bits, abs=2e-3)
    assert propose(Answers(model), text) == found
    assert propose(Answers(model), text, seed=4) != found


def test_a_text_that_changes_is_read_as_a_new_one(model):
    """Whatever is typed, deleted or replaced: the bits and states are those of the text itself."""
    generator, reader = np.random.default_rng(0), Reader(model)
    symbols = model.vocabulary.encode(TEXT[:900]).astype(np.int32)
    for _ in range(40):
        at, end = np.sort(generator.integers(len(symbols) + 1, size=2))
        end = int(generator.choice([at, end, len(symbols)]))
        typed_ones = symbols[: generator.integers(3) * generator.integers(400)]
        symbols = np.concatenate([symbols[:at], typed_ones, symbols[end:]])[:1500]
        bits = reader.read(symbols)
        fresh = model.stream()
        expected = fresh.feed(symbols)
        np.testing.assert_allclose(bits[1:], expected[1:], atol=1e-4)
        assert np.isnan(bits[:1]).all()
        n = int(generator.integers(len(symbols) + 1))
        if n:
            fresh.reset()
            fresh.feed(symbols[:n])
            np.testing.assert_allclose(reader.after(n).state, fresh.state, atol=1e-5)


def test_few_states_are_kept_and_few_symbols_read_again(model, monkeypatch):
    from gru_ext.serve import reader as module

    read_ones = []
    bits_of = module.bits_of
    monkeypatch.setattr(
        module, "bits_of", lambda s, symbols: read_ones.append(len(symbols)) or bits_of(s, symbols)
    )
    reader, symbols = Reader(model), model.vocabulary.encode(TEXT[:600]).astype(np.int32)
    for n in range(1, 601):
        reader.read(symbols[:n])
    assert sum(read_ones) == 600
    assert len(reader._states) == 600 // EVERY + 2
    read_ones.clear()
    reader.read(symbols[:599])
    assert sum(read_ones) == 599 % EVERY


def test_unknown_characters_are_left_out(model):
    answer = read(Answers(model), "3 äapp\u0301lesé", 4)
    assert answer["unknown"] == [2, 6, 10]
    expected = model.score("3 apples").bits
    kept = [b for i, b in enumerate(answer["bits"]) if i not in (0, 2, 6, 10)]
    assert kept == pytest.approx(expected[1:], abs=2e-3)
    assert [each["text"] for each in answer["next"]] == list(model.next_probabilities("3 a"))[:12]
    assert read(Answers(model), "äöü")["next"] == read(Answers(model), "")["next"]


def test_halves_of_surrogate_pairs_are_unknown(model):
    question = b'{"text": "3 a\\ud83dpp", "caret": 6}'
    assert Answers(model).read(question)["unknown"] == [3]


def test_a_model_of_bytes():
    model = random_model("x", units="bytes")
    text = "aé漢😀\udcff\udc80b"
    data = text.encode("utf-8", "surrogateescape")
    answer = read(Answers(model), text)
    costs = model.score(data).bits
    ends = [1, 3, 6, 10, 11, 12, 13]
    sums = [costs[a:b].sum() for a, b in itertools.pairwise(ends)]
    assert answer["bits"] == [None, *(pytest.approx(s, abs=5e-3) for s in sums)]
    expected = [
        each.decode("utf-8", "surrogateescape")
        for each in list(model.next_probabilities(data))[:12]
    ]
    assert [each["text"] for each in answer["next"]] == expected
    for each in propose(Answers(model), text, length=200, temperature=1, top_p=1):
        assert len(each["bits"]) == len(each["text"])
        assert 196 < len(each["text"].encode("utf-8", "surrogateescape")) <= 200
        places = {i for i, c in enumerate(each["text"]) if "\udc80" <= c <= "\udcff"}
        assert places <= {int(i) for i in each["escapes"]}
        assert places


def test_half_a_character_at_the_end_is_left_out():
    assert typed("é漢".encode()) == "é漢"
    assert typed("é漢".encode()[:-1]) == "é"
    assert typed(b"\xffa\xc3") == "\udcffa"


def test_what_is_escaped():
    assert escapes("ab\n\u202e\0", False) == {2: "↵", 3: "U+202E", 4: "␀"}
    assert escapes("e\u0301 \u0301\n\u0301", False) == {3: "◌\u0301", 4: "↵", 5: "◌\u0301"}
    assert escapes("a\udcff", True) == {1: "FF"}


def test_any_vocabulary():
    model = random_model(HOSTILE + "\u0301")
    for text in ("", HOSTILE, HOSTILE[::-1]):
        answer = read(Answers(model), text)
        assert len(answer["bits"]) == len(text)
        assert not set("".join(each["shown"] for each in answer["next"])) & set("\n\0\x1b\u202e")
        for each in propose(Answers(model), text, length=400, temperature=1.5, top_p=1):
            plain = {c for i, c in enumerate(each["text"]) if str(i) not in each["escapes"]}
            assert not plain & set("\n\0\x01\x1b\x7f\u200b\u200e\u202e\u2066\u2028\ufeff\ufe0f")


def test_a_vocabulary_of_one_character():
    model = random_model("a")
    answer = read(Answers(model), "aa")
    assert answer["next"] == [{"text": "a", "shown": "a", "escaped": False, "p": 1.0}]
    assert answer["others"] == [0, 0.0]
    assert propose(Answers(model), "")[0]["text"] == "a" * 30


def test_a_vocabulary_with_halves_of_surrogate_pairs():
    """A hostile file may have them; they are shown, and left out where they are typed."""
    model = gru_ext.Model.create(gru_ext.Vocabulary("ab\ud800\udc00"), 4)
    answer = read(Answers(model), "ab")
    assert {each["text"] for each in answer["next"]} == {"a", "b", chr(0xD800), chr(0xDC00)}
    for each in propose(Answers(model), "ab", temperature=1, top_p=1):
        assert len(each["bits"]) == len(each["text"])


def test_a_model_that_is_not_finite():
    model = random_model("ab")
    model.parameters["by"][...] = np.nan
    with pytest.raises(ValueError, match="finite values only"):
        Answers(model)


def test_a_model_whose_probabilities_are_not_finite():
    model = random_model("abc")
    model.parameters["Wy"][...] = 3e38
    model.parameters["by"][...] = 3e38
    with pytest.raises(ValueError, match="finite"):
        read(Answers(model), "abcabcabc")


def test_the_state_is_that_of_documents():
    model = random_model("one.|two", document_separator="|")
    answer = read(Answers(model), "one|")
    assert [each["text"] for each in answer["next"]] == list(model.next_probabilities("one|"))[:12]
    assert [each["text"] for each in read(Answers(model), "")["next"]] == list(
        model.next_probabilities("|")
    )[:12]


def test_typed_text_counts_symbols():
    vocabulary = gru_ext.Vocabulary.from_text("x", "bytes")
    text = TypedText(vocabulary, "é\ud800a")
    assert text.ends.tolist() == [0, 2, 5, 6]
    assert text.symbols.tolist() == [*"é\ufffda".encode()]
