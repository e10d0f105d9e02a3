# SPDX-License-Identifier: MIT
"""Texts in: files, bytes and standard input, a piece at a time."""

import io
import os
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
        # As the notebook: open(path, 'r') keeps the mark.
        (b"\xef\xbb\xbfabc", "utf-8", "\ufeffabc"),
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


@pytest.mark.parametrize("encoding", ["nonsense", "hex", "", "undefined"])
def test_unknown_encodings(text_file, encoding):
    with pytest.raises(ValueError, match="encod"):
        read([text_file(b"abc")], encoding)


def test_an_empty_file_is_named(text_file):
    with pytest.raises(ValueError, match=r"b\.txt is empty"):
        read([text_file(b"abc"), text_file(b"", "b.txt")])


def test_empty_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO()))
    with pytest.raises(ValueError, match="standard input is empty"):
        read(["-"])


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.txt"):
        read([tmp_path / "missing.txt"])


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
