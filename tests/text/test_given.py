# SPDX-License-Identifier: MIT
"""What is given as a text: the text, documents, or files."""

import io
import pathlib

import numpy as np
import pytest

import gru_ext
from gru_ext.text.given import Documents, given_text


@pytest.mark.parametrize("text", ["a", b"a", "", Documents(["a"])])
def test_one_text_stays_as_it_is(text):
    assert given_text(text) is text


@pytest.mark.parametrize(
    ("text", "files"),
    [
        (pathlib.Path("a"), [pathlib.Path("a")]),
        ((pathlib.Path("a"), pathlib.Path("b")), [pathlib.Path("a"), pathlib.Path("b")]),
        ([pathlib.Path("a"), "-"], [pathlib.Path("a"), "-"]),
        (["-"], ["-"]),
    ],
)
def test_files(text, files):
    assert given_text(text) == files


@pytest.mark.parametrize(
    "documents",
    [
        ["anna", "", "bob"],
        ("anna", "bob"),
        (name for name in ("anna", "bob")),
        np.array(["anna", "bob"]),
        np.array(["anna", "", "bob"], object),
        iter(["anna", "bob"]),
    ],
    ids=["list", "tuple", "generator", "unicode", "object", "iterator"],
)
def test_documents(documents):
    found = given_text(documents)
    assert list(found.texts) == ["anna", "bob"]
    assert given_text(found) is found


def test_documents_of_bytes():
    assert given_text([b"a\xff", b""]) == Documents([b"a\xff"])


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        (3, TypeError, "`mine` must be a str, bytes, a path, or a list of .*, not 3"),
        (None, TypeError, "not None"),
        ({"a": 1}, TypeError, "not {'a': 1}"),
        ({"a"}, TypeError, "not {'a'}"),
        (io.StringIO("a\nb\n"), TypeError, "not <_io.StringIO"),
        ([], ValueError, r"`mine` must have a document or a path, not \[\]"),
        (["", ""], ValueError, "`mine` has only empty documents"),
        (["a", pathlib.Path("b")], TypeError, "element 1 is a PosixPath among documents"),
        ([pathlib.Path("b"), "a"], TypeError, "a PosixPath among documents"),
        (["a", b"b"], TypeError, "each a str, .*: element 1 is a bytes"),
        ([b"a", "b"], TypeError, "each a bytes, .*: element 1 is a str"),
        (["a", float("nan")], TypeError, "element 1 is a float"),
        ([["a"]], TypeError, "element 0 is a list"),
    ],
)
def test_what_is_no_text(text, error, told):
    with pytest.raises(error, match=told):
        given_text(text, "mine")


@pytest.mark.parametrize(
    "names", [["a.txt"], ["b.txt", "c/d"], ("a.txt",), [b"a.txt"], ["a file"], ["-", "a.txt"]]
)
def test_a_list_of_names_of_files_is_refused(tmp_path, monkeypatch, names):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file").write_text("text")
    with pytest.raises(ValueError, match=r"is the text itself, .*: to read the file, give "):
        given_text(names)


@pytest.mark.parametrize(
    "documents", [["a.txt", "anna"], ["anna"], [f"www{i}.example.com" for i in range(30)]]
)
def test_documents_that_only_resemble_names_of_files(documents):
    assert given_text(documents).texts == documents


@pytest.mark.parametrize(
    ("documents", "separator", "text"),
    [
        (["anna", "bob"], "\n", "anna\nbob\n"),
        (["anna\n", "bob\n"], "\n", "anna\nbob\n"),
        (["one\ntwo", "three"], "\0", "one\ntwo\0three\0"),
        ([b"anna", b"b\xffb"], "\n", b"anna\nb\xffb\n"),
        ([b"a\nb", b"c"], "\0", b"a\nb\0c\0"),
    ],
)
def test_documents_are_joined(documents, separator, text):
    found = Documents(documents)
    assert found.separator() == separator
    assert found.joined(separator) == text


def test_a_separator_of_several_bytes():
    assert Documents([b"a", b"b"]).joined("é") == "aébé".encode()


def test_documents_that_leave_no_separator():
    with pytest.raises(ValueError, match=r"both \\n and \\0 in them: give a `document_separator`"):
        Documents(["a\nb", "c\0d"]).separator()


@pytest.fixture(scope="module")
def models():
    options = {"hidden_size": 4, "max_steps": 3, "val_fraction": 0, "quiet": True}
    text = "anna\nbob\n" * 20
    return [
        gru_ext.train(text, document_separator=separator, **options) for separator in ("\n", "")
    ]


def test_documents_are_evaluated_as_the_text_that_they_make(models):
    with_separator, without = models
    documents = ["anna", "", "nob"]
    assert with_separator.evaluate(documents) == with_separator.evaluate("anna\nnob\n")
    assert with_separator.evaluate(documents, join="b") == with_separator.evaluate("anna\nnob\n")
    assert without.evaluate(iter(documents), join="b") == without.evaluate("annabnob\n"[:-1])
    with pytest.raises(ValueError, match=r"the model has no document separator: .* `join`"):
        without.evaluate(documents)
