# SPDX-License-Identifier: MIT
"""The validation part of a text: which symbols it has, and that none is lost."""

from collections import Counter

import numpy as np
import pytest

from gru_ext.text import corpus
from gru_ext.text.corpus import store_mapped
from gru_ext.text.documents import count_documents, document_ends
from gru_ext.text.draws import draw, draw_order
from gru_ext.text.split import split_text, validation_size

LINES = "".join(f"{i} {'x' * (i % 7)}\n" for i in range(2000))
NEWLINE = ord("\n")


def symbols_of(text):
    return np.frombuffer(text.encode("latin-1"), np.uint8).copy()


def parts_of(text, fraction=None, method=None, seed=0, separator=None, **more):
    """Training part and validation part as texts, and what was found."""
    wanted = None if separator is None else symbols_of(separator)
    found = split_text(
        symbols_of(text), fraction, method, seed, separator=wanted, newline=NEWLINE, **more
    )
    whole = found.symbols.tobytes().decode("latin-1")
    return whole[: found.trained], whole[found.trained :], found


@pytest.mark.parametrize(
    ("characters", "fraction", "size"),
    [
        (999, None, 100),
        (990, None, 0),
        (10**6, None, 10**5),
        (10**9, None, 10**6),
        (100, 0.2, 20),
        (10**9, 0.5, 5 * 10**8),
        (10, 0, 0),
    ],
)
def test_how_much_is_taken(characters, fraction, size):
    assert validation_size(characters, fraction) == size


def test_a_fraction_that_leaves_nothing():
    with pytest.raises(ValueError, match=r"`val_fraction` of 0.01 of 100 characters leaves no"):
        validation_size(100, 0.01)


def test_the_tail_is_the_end_of_the_text():
    text = "0123456789" * 20
    training, validation, found = parts_of(text, 0.25, "tail")
    assert (training, validation) == (text[:150], text[150:])
    assert (found.method, found.described) == ("tail", "the end of the text")


@pytest.mark.parametrize("size", [2, 3, 9, 100, 255, 256, 700, 5000, 100_000])
@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("newline", [None, 0])
def test_blocks_are_spread_over_the_text(size, fraction, newline):
    n = max(round(size / fraction), size + 8)
    symbols = np.arange(n, dtype=np.int32)
    if newline == 0:
        symbols[::11] = 0
    wanted = round(n * fraction)
    found = split_text(symbols.copy(), fraction, "blocks", 5, newline=newline)
    training, validation = found.symbols[: found.trained], found.symbols[found.trained :]
    assert Counter(found.symbols.tolist()) == Counter(symbols.tolist())
    assert abs(len(validation) - wanted) <= wanted / 4 + 1
    assert len(validation) >= 2
    assert len(training) >= 1
    if newline is not None:
        return
    for part in (training, validation):
        assert (np.diff(part) > 0).all()  # in the order of the text
    cuts = np.flatnonzero(np.diff(validation) > 1)
    count = max(1, min(16, wanted // 256))
    assert len(cuts) <= count - 1  # neighbours may touch
    assert found.described == f"{count} block{'s' * (count > 1)}"
    for interval in np.array_split(symbols, count):  # a block in each of them
        inside = np.intersect1d(interval, validation)
        assert abs(len(inside) - wanted / count) <= 4


def test_blocks_begin_and_end_with_lines():
    training, validation, found = parts_of(LINES, 0.3, "blocks")
    assert found.described == "16 blocks"
    lines = set(LINES.split("\n"))
    for part in (training, validation):
        assert part.endswith("\n")
        assert lines.issuperset(part.split("\n"))
    assert Counter(training.split("\n")) + Counter(validation.split("\n")) == (
        Counter(LINES.split("\n")) + Counter([""])
    )


@pytest.mark.parametrize("separator", ["<|end|>", "abab"])
@pytest.mark.parametrize("seed", range(8))
def test_blocks_leave_separators_whole(separator, seed):
    text = "".join(f"{i}{separator}" for i in range(900))
    training, validation, _ = parts_of(text, 0.2, "blocks", seed, separator)
    assert training.count(separator) + validation.count(separator) == 900
    rest = (training + validation).replace(separator, "")
    assert not set(rest) - set("0123456789")


@pytest.mark.parametrize("separator", ["\n", "\n\n", "<|end|>", "aba"])
@pytest.mark.parametrize("end", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_whole_documents_are_drawn(separator, end, seed):
    documents = [f"{i} {'x' * (i % 17)}" for i in range(300)]
    text = separator.join(documents) + separator * end
    training, validation, found = parts_of(text, 0.1, None, seed, separator)
    assert found.method == "documents"
    assert 0.1 * len(text) <= len(validation) <= 0.1 * len(text) + 21 + len(separator)
    split_up = [part.removesuffix(separator).split(separator) for part in (training, validation)]
    trained, validated = split_up
    assert sorted(trained + validated) == sorted(documents)
    order = documents.index
    assert list(map(order, trained)) == sorted(map(order, trained))
    assert list(map(order, validated)) == sorted(map(order, validated))
    noun = "lines" if separator == "\n" else "documents"
    assert found.described == f"{len(validated)} of 300 {noun}"


def test_what_is_drawn_depends_on_the_seed():
    for method, separator in (("blocks", None), ("documents", "\n")):
        drawn = {parts_of(LINES, 0.1, method, seed, separator)[1] for seed in range(6)}
        assert len(drawn) == 6
        assert parts_of(LINES, 0.1, method, 3, separator)[1] in drawn


def test_what_is_drawn_stays_the_same():
    """Recorded runs are resumed with other versions of NumPy, and on other machines."""
    assert [f"{number:x}" for number in draw(7, 2, 3, 2)] == [
        "2516024b1f5c8f08",
        "671d5985845234b5",
    ]
    assert draw_order(7, 2, 3, 8).tolist() == [3, 0, 5, 1, 2, 4, 7, 6]


def test_empty_documents_stay_with_the_one_before():
    ends = document_ends(symbols_of("a\n\n\nb\n\nc"), symbols_of("\n"))
    assert ends.tolist() == [4, 7, 8]
    assert document_ends(symbols_of("\na"), symbols_of("\n")).tolist() == [1, 2]
    assert document_ends(symbols_of("a<>b<>"), symbols_of("<>")).tolist() == [3, 6]
    assert document_ends(symbols_of("a<><><>b<>"), symbols_of("<>")).tolist() == [7, 10]
    assert document_ends(symbols_of("a\n\n\nb\n\n"), symbols_of("\n\n")).tolist() == [4, 7]
    assert document_ends(symbols_of("ab"), symbols_of("abc")).tolist() == [2]


@pytest.mark.parametrize("separator", ["a", "aa", "ab", "aba"])
def test_ends_of_documents_do_not_depend_on_slices(monkeypatch, separator):
    text = symbols_of("aababaaabcabcababaabba")
    ends = document_ends(text, symbols_of(separator))
    starts = [at for at in range(1, 23) if text[:at].tobytes().endswith(separator.encode())]
    near = range(1, len(separator) + 1)
    wanted = [at for at in starts if not {at + i for i in near} & {*starts} and at < 22] + [22]
    assert ends.tolist() == wanted
    for size in range(1, 9):
        monkeypatch.setattr(corpus, "_SLICE", size)
        assert document_ends(text, symbols_of(separator)).tolist() == wanted


def test_short_neighbours_of_a_long_text_count_as_one_document(monkeypatch):
    text = symbols_of("ab\n" * 1000 + "abcdefghijkl\n" * 5)
    whole = document_ends(text, symbols_of("\n"), most=1 << 20)
    assert len(whole) == 1005 == count_documents(text, symbols_of("\n"))
    for size in (1 << 20, 7):
        monkeypatch.setattr(corpus, "_SLICE", size)
        fewer = document_ends(text, symbols_of("\n"), most=300)
        assert 280 < len(fewer) <= 310
        assert set(fewer) < set(whole)
        assert fewer[-1] == len(text)


def test_by_default_a_few_long_documents_are_split_into_blocks():
    texts = ["a" * 900, "b" * 1100, "c" * 1000]
    _, validation, found = parts_of("|".join(texts), separator="|")
    assert found.method == "blocks"
    assert len(set(validation)) > 1 or found.described == "1 block"
    _, validation, found = parts_of("|".join(texts), 0.1, "documents", separator="|")
    assert (found.method, found.described) == ("documents", "1 of 3 documents")
    assert validation.removesuffix("|") in texts


@pytest.mark.parametrize(
    ("text", "method"),
    [("a\nb\n" * 20, None), (LINES[:980], None), ("ab" * 400, "blocks"), ("ab" * 400, "tail")],
)
def test_short_texts_have_no_validation_part_by_default(text, method):
    training, validation, found = parts_of(text, method=method)
    assert (training, validation, found.described) == (text, "", "")
    assert found.method == (method or "blocks")


def test_fifty_documents_are_enough():
    text = "".join(f"{i}\n" for i in range(49))
    assert parts_of(text, separator="\n")[2].described == ""
    training, validation, found = parts_of(text + "49\n", separator="\n")
    assert found.described == "5 of 50 lines"
    assert (training + validation).count("\n") == 50


def test_the_training_part_keeps_what_it_needs():
    assert parts_of(LINES, least=12_000)[1]
    training, validation, found = parts_of(LINES, least=len(LINES) - 10)
    assert (training, validation, found.described) == (LINES, "", "")
    assert parts_of(LINES, 0.1, least=len(LINES) - 10)[1]  # what is asked for is done


@pytest.mark.parametrize("separator", [None, "\n", "|"])
def test_documents_that_cannot_be_drawn(separator):
    with pytest.raises(ValueError, match=r"needs two documents or more: .*`document_separator`"):
        parts_of("abc" * 90, 0.1, "documents", separator=separator)


def test_all_but_one_document_is_the_most():
    training, validation, _ = parts_of("a\nb\nc\n", 0.9, "documents", separator="\n")
    assert (len(training), len(validation)) == (2, 4)


@pytest.mark.parametrize("size", [1, 5, 1000, 1 << 20])
@pytest.mark.parametrize(("method", "separator"), [("blocks", None), ("documents", "\n")])
def test_a_mapped_text_is_split_as_one_in_memory(monkeypatch, tmp_path, size, method, separator):
    text = LINES[:3000]
    expected = parts_of(text, 0.2, method, 1, separator)[2]
    monkeypatch.setattr(corpus, "_SLICE", size)
    symbols = symbols_of(text)
    mapped = store_mapped([symbols[:1234], symbols[1234:]], symbols.dtype, tmp_path)
    assert not mapped.flags.writeable
    wanted = None if separator is None else symbols_of(separator)
    for each in (mapped, symbols):
        found = split_text(each, 0.2, method, 1, separator=wanted, newline=NEWLINE, folder=tmp_path)
        assert found.symbols.tobytes() == expected.symbols.tobytes()
        assert found.trained == expected.trained
    assert mapped.tobytes().decode() == text
    assert list(tmp_path.iterdir()) == []
