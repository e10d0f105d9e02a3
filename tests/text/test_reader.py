# SPDX-License-Identifier: MIT
"""Texts in: files, bytes and standard input, a piece at a time."""

import io
import os
import re
import sys
import threading
from types import SimpleNamespace

import pytest
from command import POSIX

from gru_ext.files import scratch
from gru_ext.text import units as text_units
from gru_ext.text.reader import TextReader


def read(text, encoding="utf-8", units="chars"):
    pieces = list(TextReader(text, units, encoding).pieces())
    return (b"" if units == "bytes" else "").join(pieces)


@pytest.fixture
def text_file(tmp_path):
    def make(data, name="a.txt"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return make


def test_newlines_are_translated(text_file):
    assert read([text_file(b"a\r\nb\rc\nd\n\re\r")]) == "a\nb\nc\nd\n\ne\n"


def test_several_files_are_read_in_order(text_file):
    paths = [text_file(b"one", "z"), text_file(b"two\n", "a"), text_file("drei ß".encode(), "m")]
    assert read(paths) == "onetwo\ndrei ß"
    assert read([str(paths[0]), str(paths[0])]) == "oneone"


def test_standard_input(text_file, monkeypatch):
    data = SimpleNamespace(buffer=io.BytesIO("é\r\n".encode()))
    monkeypatch.setattr(sys, "stdin", data)
    assert read([text_file(b"x"), "-", text_file(b"y", "b")]) == "xé\ny"


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        ("naïve ☃\n".encode(), "utf-8", "naïve ☃\n"),
        (b"na\xefve", "latin-1", "naïve"),
        (b"\x80", "cp1252", "€"),
        ("a\r\n☃".encode("utf-16"), "utf-16", "a\n☃"),
        (b"\xef\xbb\xbfabc", "utf-8-sig", "abc"),
        # A mark is no part of the text.
        (b"\xef\xbb\xbfabc", "utf-8", "abc"),
        (b"\xff\xfea\0b\0", "utf-16-le", "ab"),
        (b"\xff\xfea\0b\0", "utf-16", "ab"),
        ("\ufeffab".encode("gb18030"), "gb18030", "ab"),
    ],
)
def test_encodings(text_file, data, encoding, text):
    assert read([text_file(data)], encoding) == text


@pytest.mark.parametrize(
    ("data", "offset", "byte", "line"),
    [
        (b"\xff", 0, "0xff", 1),
        (b"abc\ndef\xe9 ghi", 7, "0xe9", 2),
        (b"ab\r\ncd\r\n\xc3", 8, "0xc3", 3),
        ("☃".encode() * 30_000 + b"\n\n\xed\xa0\x80", 90_002, "0xed", 3),
    ],
)
def test_where_a_text_is_not_utf8(text_file, data, offset, byte, line):
    path = text_file(data)
    with pytest.raises(ValueError, match="`encoding`") as refused:
        read([path])
    message = str(refused.value)
    assert message.startswith(f"{path} is not utf-8 text: ")
    assert f"offset {offset} " in message
    assert byte in message
    assert f"line {line})" in message


def test_where_a_text_with_a_mark_is_not_utf8(text_file):
    with pytest.raises(ValueError, match="offset 5 "):
        read([text_file(b"\xef\xbb\xbfab\xff")], "utf-8-sig")


@pytest.mark.parametrize("encoding", ["nonsense", "hex", "", "undefined", "locale", "a\0b"])
def test_unknown_encodings(text_file, encoding):
    with pytest.raises(ValueError, match="encod"):
        read([text_file(b"abc")], encoding)


def test_the_notebook_keeps_the_mark(text_file):
    marked = TextReader([text_file(b"\xef\xbb\xbfabc")], keep_mark=True)
    assert "".join(marked.pieces()) == "\ufeffabc"


@pytest.mark.parametrize("size", [1, 2, 100])
def test_marks_are_dropped_from_every_file(text_file, monkeypatch, size):
    monkeypatch.setattr(text_units, "PIECE", size)
    files = [text_file(b"\xef\xbb\xbfab\n", "a"), text_file(b"\xef\xbb\xbfc\xef\xbb\xbf", "b")]
    assert read(files) == "ab\nc\ufeff"
    assert read(files, units="bytes") == files[0].read_bytes() + files[1].read_bytes()
    with pytest.raises(ValueError, match="a is empty"):
        read([text_file(b"\xef\xbb\xbf", "a")])


@pytest.mark.parametrize(
    ("encoding", "marked"), [("utf-16", "UTF-16"), ("utf-32", "UTF-32"), ("utf-8-sig", "UTF-8")]
)
def test_an_encoding_that_the_first_bytes_name(text_file, caplog, encoding, marked):
    path = text_file("aé☃\n".encode(encoding))
    told = rf"{marked}(, but is read as \w+-1)?: (it begins .*)?give `encoding` {marked.lower()}"
    if marked != "UTF-8":
        with pytest.raises(ValueError, match=rf"a\.txt is not utf-8 text: .*; it begins.*{told}"):
            read([path])
    twice = TextReader([path], encoding="latin-1")
    for _ in range(2):
        assert "".join(twice.pieces()) == path.read_bytes().decode("latin-1")
    found = [record.getMessage() for record in caplog.records if "mark" in record.getMessage()]
    assert len(found) == 1
    assert re.search(rf"a\.txt begins with the byte-order mark of {told}", found[0])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_many_nuls_are_reported(text_file, caplog, encoding):
    read([text_file(("Some words. " * 99).encode(encoding))])
    assert "NUL characters" in caplog.text
    assert f"give `encoding` {encoding}" in caplog.text
    caplog.clear()
    read([text_file(b"a word\0another\0\0" * 99)])
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("data", "encoding", "told"),
    [
        (b"a\0\n\0b\0\n\0\x00\xd8x\0", "utf-16-le", r"byte 0x00 at offset 8 \(line 3\)"),
        ("a\u0a0a".encode("utf-16-le") + b"\x00\xd8x\0", "utf-16-le", r"offset 4 \(line 1\)"),
        (b"a\0b\0", "utf-16", "does not start with BOM|offset 0"),  # by the version of Python
        (b"abc", "utf-32", "does not start with BOM|offset 0"),
        (b"ab\xff", "ascii", "byte 0xff at offset 2 "),
        (b"\\x", "unicode_escape", "byte 0x5c at offset 0 "),
    ],
)
def test_every_decoding_error_has_the_same_words(text_file, data, encoding, told):
    path = text_file(data)
    with pytest.raises(
        ValueError, match=rf"^{re.escape(str(path))} is not {encoding} text: .*{told}"
    ):
        read([path], encoding)


@pytest.mark.parametrize("encoding", ["unicode_escape", "raw_unicode_escape", "utf-7"])
def test_half_characters_of_a_file_are_refused(text_file, encoding):
    good, bad = text_file(b"abc", "good"), text_file(rb"hi \ud83d\ude00", "bad")
    if encoding == "utf-7":
        bad.write_bytes(b"hi +2D0-x")
    with pytest.raises(ValueError, match=r"bad has '\\ud83d' at 3, half of a surrogate pair"):
        read([good, bad], encoding)


def test_empty_files_are_named_and_left_out(text_file, caplog):
    files = [text_file(data, name) for data, name in ((b"", "e"), (b"abc", "a"), (b"", "f\x1b"))]
    twice = TextReader([*files, files[1]], join="-")
    for _ in range(2):
        assert "".join(twice.pieces()) == "abc-abc"
    assert [record.getMessage() for record in caplog.records] == [
        f"{files[0]}, {files[0].parent}/f\\x1b are empty"
    ]
    with pytest.raises(ValueError, match="all 2 files are empty"):
        read([files[0], files[2]])
    with pytest.raises(ValueError, match="e is empty"):
        read([files[0]])


@pytest.mark.parametrize("units", ["chars", "bytes"])
def test_text_between_files(text_file, units):
    files = [text_file(b"one", "a"), text_file(b"two", "b"), text_file(b"three", "c")]
    joined = TextReader(files, units, join="é\n")
    found = list(joined.pieces())
    whole = "oneé\ntwoé\nthree"
    assert ("" if units == "chars" else b"").join(found) == (
        whole if units == "chars" else whole.encode()
    )
    with pytest.raises(ValueError, match=r"`join` has .*half of a surrogate pair"):
        TextReader(files, units, join="\ud800")


def test_empty_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO()))
    with pytest.raises(ValueError, match="standard input is empty"):
        read(["-"])


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.txt"):
        read([tmp_path / "missing.txt"])


@pytest.mark.parametrize(
    "text",
    [
        *("input.txt", "my file.text", "../texts/all", "/etc/passwd", "a.b", "archive.tar.gz"),
        *("-", b"input.txt", b"data/x"),
    ],
)
def test_a_path_taken_for_a_text(text):
    units = "bytes" if isinstance(text, bytes) else "chars"
    with pytest.raises(ValueError, match=r"pathlib\.Path\(|\[\"-\"\]"):
        TextReader(text, units)
    TextReader(text + ("\n" if units == "chars" else b"\n"), units)


def test_the_name_of_a_file_taken_for_a_text(text_file, monkeypatch):
    path = text_file(b"abc", "some words")
    monkeypatch.chdir(path.parent)
    with pytest.raises(ValueError, match=r"'some words' names a file: .*Path\('some words'\)"):
        read("some words")
    assert read("other words") == "other words"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "anna",
            "one. two",
            "The end.",
            "3.14 is pi",
            " a.txt",
            "a.txt\n",
            "a.b\nc",
            "word " * 99,
        ),
        *("a.<|end|>", "x" * 300 + ".txt", "wait...", "a\0b/c", "pi is 3.14"),
        *("and/or " * 50 + "not", "a\x1b/b", "a/b/" * 99 + "c"),
    ],
)
def test_what_is_not_taken_for_a_path(text):
    assert read(text) == text


def test_a_str_is_inspected_too(caplog):
    for text in ("\ufeffabc", "a\0b\0"):
        twice = TextReader(text)
        for _ in range(2):
            assert "".join(twice.pieces()) == text
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "the text begins with a byte-order mark, U+FEFF, which is read as a character",
        "the text has 2 NUL characters among its first 4",
    ]


@pytest.mark.parametrize("option", [{"encoding": None}, {"encoding": 1}, {"join": 1}])
def test_options_of_a_text_are_str(text_file, option):
    with pytest.raises(TypeError, match="must be a str, not "):
        TextReader(text_file(b"abc"), **option)


def test_a_folder_is_no_text(tmp_path):
    with pytest.raises(OSError, match="irectory"):
        read([tmp_path])


def test_what_a_text_may_be(text_file):
    path = text_file("né\r\n".encode())
    for text in (path, [path], (str(path),)):
        assert read(text) == "né\n"
        assert read(text, units="bytes") == "né\r\n".encode()
    assert read(b"n\xe9\r", units="bytes") == b"n\xe9\r"
    # A str is in memory already: nothing is read, and nothing translated.
    assert read("né\r\n") == "né\r\n"
    assert read("né\r\n", units="bytes") == "né\r\n".encode()
    assert read("a\udcff", units="bytes") == b"a\xff"


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        (None, TypeError, "NoneType"),
        (3, TypeError, "int"),
        ([b"a"], TypeError, "list of paths"),
        ([], ValueError, "no text"),
        ("", ValueError, "empty"),
        (b"ab", TypeError, "str for a model of characters"),
    ],
)
def test_what_is_no_text(text, error, told):
    with pytest.raises(error, match=told):
        read(text)


@pytest.mark.parametrize("before", [1, 300_000])
def test_half_a_surrogate_pair_has_no_bytes(before):
    with pytest.raises(ValueError, match=rf"ud800.* at {before}\b"):
        read("a" * before + "\ud800", units="bytes")


@pytest.mark.parametrize("units", ["char", "", None])
def test_unknown_units(units):
    with pytest.raises((TypeError, ValueError), match="chars or bytes"):
        TextReader("abc", units)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_pieces_may_end_anywhere(text_file, monkeypatch, size):
    monkeypatch.setattr(text_units, "PIECE", size)
    text = "aß\r\n☃\r🙂\n\r\nend"
    path = text_file(text.encode())
    assert read([path, path]) == text.replace("\r\n", "\n").replace("\r", "\n") * 2
    assert read([path, path], units="bytes") == text.encode() * 2
    assert read(text, units="bytes") == text.encode()
    with pytest.raises(ValueError, match=r"offset 7 \(line 3\)"):
        read([text_file("ß\n☃\n".encode() + b"\xff")])


@pytest.mark.parametrize("in_memory", [4, 1 << 20])
def test_standard_input_can_be_read_again(text_file, monkeypatch, tmp_path, in_memory):
    monkeypatch.setattr(scratch, "IN_MEMORY", in_memory)
    monkeypatch.setattr(text_units, "PIECE", 3)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"a\r\nbcdef")))
    several = TextReader(["-", text_file(b"xyz")], folder=tmp_path)
    for _ in range(3):
        assert "".join(several.pieces()) == "a\nbcdefxyz"
    if os.name == "posix":  # elsewhere a file has a name as long as it is open
        assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_standard_input_that_is_closed(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(OSError, match="standard input is closed"):
        read(["-"])


@POSIX
def test_a_pipe_can_be_read_again(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"once",))
    writer.start()
    pipe = TextReader(path)
    assert ["".join(pipe.pieces()) for _ in range(2)] == ["once"] * 2
    writer.join()
