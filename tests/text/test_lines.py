# SPDX-License-Identifier: MIT
"""A list of short lines is recognised, and other texts of lines are not."""

import itertools
import keyword
import pydoc_data.topics
import re
from pathlib import Path

import pytest

import gru_ext
from gru_ext.text import lines
from gru_ext.text.lines import ListOfLines

FIRST = ("Anna", "Jean-Luc", "Zoë", "Mary Ann", "O'Neil", "Bo")
LAST = ("Smith", "de la Cruz", "van Dyk", "Lee", "Nuñez", "Abbot", "Kim", "Roe", "Ito", "Poe")
PEOPLE = [f"{a} {b}" for a, b in itertools.product(FIRST, LAST)]
TOWNS = [f"{a}{b}" for a in ("New ", "Bad ", "", "Upper ") for b in LAST + FIRST] + ["St. Ives"]
POEM = """I wander thro' each charter'd street,
Near where the charter'd Thames does flow.
And mark in every face I meet
Marks of weakness, marks of woe.
"""
PLAY = "ROMEO\nBut soft\nWhat light\n\n"


def is_list(text, size=1 << 18):
    found = ListOfLines()
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    assert list(found.watch(iter(pieces))) == pieces
    return found.found


@pytest.mark.parametrize("size", [1, 7, 1 << 18])
@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
@pytest.mark.parametrize(
    "entries", [PEOPLE, TOWNS, [*keyword.kwlist, *dir(str), *dir(list)], ["北京", "東京"] * 30]
)
def test_lists(entries, end, size):
    assert is_list("\n".join(entries) + end, size)
    assert is_list(("\n".join(entries) + end).encode(), size)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(PEOPLE[:49]),
        "\n".join([*PEOPLE, "", *PEOPLE]),
        "\n".join([*PEOPLE, " Anna", *PEOPLE]),
        "\n".join([*PEOPLE, "a" * 81]),
        "a b c d e f g h i j k l m\n" * 60,
        "\n".join([*PEOPLE, *["a, b"] * 4]),
        POEM * 20,
        PLAY * 20,
        "name,age\n" * 60,
        "name\tage\n" * 60,
        "12\n7\n1999\n" * 60,
        "2024-01-01 ok\n12:30 start\n" * 60,
        "床前明月光，\n" * 60,  # noqa: RUF001
        "x = 1\ny = f(x)\n" * 60,
        Path(lines.__file__).read_text(encoding="utf-8"),
        pydoc_data.topics.topics["class"],
        "",
    ],
    ids=lambda text: text[:12],
)
def test_other_texts(text):
    assert not is_list(text)
    assert not is_list(text, 5)


def test_only_the_beginning_of_a_long_text_is_looked_at(monkeypatch):
    text = "\n".join(PEOPLE * 3)
    assert not is_list(text + "\n\n" + text, 100)
    monkeypatch.setattr(lines, "_READ", 1000)
    assert is_list(text + "\n\n" + text, 100)


OPTIONS = {"hidden_size": 4, "max_steps": 3}


def test_a_run_treats_each_line_as_a_document(tmp_path, capsys):
    (tmp_path / "people.txt").write_text("\n".join(PEOPLE) + "\n", encoding="utf-8")
    model = gru_ext.train(tmp_path / "people.txt", **OPTIONS)
    assert model.about["document_separator"] == "\n"
    assert model.about["options"]["split"] == "documents"
    assert model.about["options"]["shuffle"] is True
    out = capsys.readouterr().out
    assert out.startswith('a list of 60 lines: each is a document (document_separator="" for one ')
    assert re.search(r"\([678] of 60\s+lines\)", out)
    given = gru_ext.train(tmp_path / "people.txt", **OPTIONS, document_separator="\n")
    assert given.parameters.flat.tobytes() == model.parameters.flat.tobytes()
    assert "a list of" not in capsys.readouterr().out


def test_a_list_is_one_text_where_that_is_asked_for(tmp_path, capsys):
    text, path = "\n".join(PEOPLE * 3), tmp_path / "m.npz"
    model = gru_ext.train(text, **OPTIONS, document_separator="", output=path)
    assert "document_separator" not in model.about
    assert (model.about["options"]["split"], model.about["options"]["shuffle"]) == ("blocks", False)
    model = gru_ext.train(text, output=path, resume=True, max_steps=5)  # and stays one
    assert "document_separator" not in model.about
    assert "a list of" not in capsys.readouterr().out


def test_a_list_without_the_line_end_in_its_vocabulary_is_one_text():
    known = gru_ext.Model.create(gru_ext.Vocabulary.from_text("ab" * 9, min_count=2), 4)
    model = gru_ext.train("a\nb\n" * 90, init_from=known, max_steps=2, quiet=True)
    assert "document_separator" not in model.about
