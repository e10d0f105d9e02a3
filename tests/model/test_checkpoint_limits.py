# SPDX-License-Identifier: MIT
"""What a model file must not hold is refused before it is written, and read in little memory."""

import errno
import json
import math
import struct
import zipfile

import numpy as np
import pytest
from model_files import (
    CHARACTERS,
    V,
    archive_of,
    array,
    load,
    refusal,
    refusal_in_little_memory,
    trained,
)

import gru_ext
from gru_ext.arguments.fields import read_json
from gru_ext.arguments.messages import brief, shown
from gru_ext.cli.main import main
from gru_ext.model import checkpoint
from gru_ext.model.metadata import check_vocabulary, read_metadata

LONG = "x" * 100_000
RED = "\x1b[31mred\n\u202e"


def metadata(**changed):
    text = json.dumps({"format": 1, "version": "0.1.0", "vocabulary": CHARACTERS} | changed)
    return array(np.frombuffer(text.encode(), np.uint8))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"vocabulary": CHARACTERS[1:]}, f"a vocabulary that is not {V} different characters"),
        ({"vocabulary": "a" * V}, f"a vocabulary that is not {V} different characters"),
        ({"vocabulary": CHARACTERS[1:] + "\ud800"}, "half of a surrogate pair"),
        ({"units": "words"}, "`units` must be chars or bytes"),
        ({"unknown": "?"}, "`unknown` must be"),
        ({"document_separator": "☃"}, "☃"),
        ({"document_separator": 5}, "`document_separator` must be"),
        ({"version": [LONG]}, "`version` must be"),
        ({"format": 3}, "from a newer gru_ext"),
        ({"format": 2}, "floating-point weights and format 2"),
        ({"format": True}, "without a format number"),
        ({"format": 0}, "without a format number"),
        ({"mine": np.float32(1)}, "metadata that JSON cannot hold"),
        ({"mine": {1j}}, "metadata that JSON cannot hold"),
        ({"mine": [[[[[[[[[[[[1]]]]]]]]]]]]}, "metadata that are not a JSON text"),
        ({"mine": LONG * 20}, "at most"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_a_reader_would_refuse_is_not_written(tmp_path, valid, changed, told):
    path = tmp_path / "model.npz"
    path.write_bytes(valid)
    data = trained().checkpoint()
    data.metadata |= changed
    with pytest.raises(ValueError, match=r"model\.npz was not written: as a model file, it ") as e:
        checkpoint.write(path, data)
    assert told in str(e.value)
    assert len(str(e.value)) < 500 + len(str(path))
    assert path.read_bytes() == valid
    assert [other.name for other in tmp_path.iterdir()] == ["model.npz"]


def test_metadata_in_a_circle_are_not_written(tmp_path):
    model = trained().model
    model.about["mine"] = model.about
    with pytest.raises(ValueError, match="JSON cannot hold"):
        model.save(tmp_path / "model.npz")


def test_a_model_whose_vocabulary_was_replaced_is_not_written(tmp_path, valid):
    path = tmp_path / "model.npz"
    path.write_bytes(valid)
    model = gru_ext.load(path)
    model.vocabulary = gru_ext.Vocabulary("abc")
    with pytest.raises(ValueError, match=r"was not written: .* vocabulary that is not 9"):
        model.save(path)
    assert path.read_bytes() == valid


@pytest.mark.parametrize("code", [0xD800, 0xDBFF, 0xDC00, 0xDFFF])
def test_halves_of_characters_in_a_file(tmp_path, members, code):
    half = chr(code)
    damaged = metadata(vocabulary=CHARACTERS[1:] + half)
    message = refusal(tmp_path, archive_of(members | {"gru_ext": damaged}))
    assert f"{half!r} is half of a surrogate pair" in message


def test_the_largest_vocabulary_fits():
    """Every character but the halves: JSON needs twelve bytes for most of them."""
    characters = "".join(chr(i) for i in range(0x110000) if not 0xD800 <= i < 0xE000)
    about = {"format": 1, "vocabulary": characters}
    found = read_metadata(json.dumps(about).encode(), len(characters))
    check_vocabulary(found, len(characters))
    assert found == about


def test_large_metadata_are_not_read(tmp_path, members):
    for content in ({"mine": [[]] * 2_000_000}, {"mine": LONG * 100}):
        data = archive_of(members | {"gru_ext": metadata(**content)})
        assert "at most" in refusal_in_little_memory(tmp_path, data)


@pytest.mark.parametrize("large", [False, True])
def test_a_large_directory_is_not_read(tmp_path, members, large):
    """An archive that is little but a directory; with the sizes of a large one in a second end."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, *[0] * 7, 1, *[0] * 6) + b"x"
    directory = entry * 400_000
    tail = struct.pack(
        "<4s4H2IH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1 if large else len(directory), 0, 0
    )
    if large:
        sizes = 400_000, 400_000, len(directory), 0
        end = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, *sizes)
        tail = end + struct.pack("<4sIQI", b"PK\6\7", 0, len(directory), 1) + tail
    message = refusal_in_little_memory(tmp_path, directory + tail)
    assert f"has a directory of {len(directory)} bytes" in message


def test_a_file_that_cannot_be_read_is_named(tmp_path, valid, monkeypatch, capsys):
    """A disk that fails in the middle of a file."""
    (tmp_path / "bad.npz").write_bytes(valid)
    read = zipfile.ZipExtFile.read

    def fail(member, n=-1):
        if member.name == "Uh.npy":
            raise OSError(errno.EIO, "Input/output error")
        return read(member, n)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", fail)
    with pytest.raises(OSError, match="Input/output error") as error:
        gru_ext.load(tmp_path / "bad.npz")
    assert error.value.filename == str(tmp_path / "bad.npz")
    assert error.value.errno == errno.EIO
    assert main(["info", str(tmp_path / "bad.npz")]) == 2
    assert capsys.readouterr().err == f"gru-ext: {tmp_path / 'bad.npz'}: Input/output error\n"


@pytest.mark.parametrize("text", [LONG, RED * 1000, "\ud800" * 1000, "\U0010ffff" * 1000])
def test_texts_of_a_file_are_short_and_printable(tmp_path, members, capsys, text):
    path = tmp_path / "hostile.npz"
    characters = "".join(map(chr, range(0x4E00, 0x4E00 + V)))
    fields = dict.fromkeys(("version", "step", "classic"), text)
    options = {"optimizer": text, "clip": [text], text: text}
    valid = metadata(
        vocabulary=characters, options=options, validation={"nats_per_char": text}, **fields
    )
    load(tmp_path, archive_of(members | {"gru_ext": valid}))
    assert main(["info", str(path)]) == 0
    out = capsys.readouterr().out
    assert repr(characters) in out
    assert all(line.isprintable() and len(line) < 1100 for line in out.splitlines())
    for damage in (
        {"format": 10**400, "version": text},
        {"units": text},
        {"unknown": text},
        {"document_separator": text},
        {"document_separator": [text]},
        {"version": {text: text}},
    ):
        message = refusal(tmp_path, archive_of(members | {"gru_ext": metadata(**damage)}))
        assert message.isprintable()
        assert len(message) < 1000


def test_names_in_a_damaged_directory_are_short_and_printable(tmp_path, members):
    data = archive_of({LONG[:60_000]: b"x"}).replace(b"x" * 60_000, b"\x1b" * 60_000, 1)
    message = refusal(tmp_path, data)
    assert message.isprintable()
    assert len(message) < 500


def test_shown_and_brief():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    assert "nested too deeply" in shown(nested)
    assert brief("abc") == "abc"
    assert brief(None) == "None"
    for text in (LONG, RED * 100, "\U0010ffff" * 100):
        for value in (
            brief(text),
            shown(text),
            shown([text]),
            shown(text.encode(errors="replace")),
        ):
            assert len(value) == 81
            assert value.isprintable()
    assert brief(LONG, 1000) == LONG[:1000] + "…"


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[" * 50 + "]" * 50, '{"a":' * 20 + "1" + "}" * 20]
)
def test_json_that_is_nested_deeply(text):
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(text.encode())


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_of_json_that_are_not_finite(number):
    text = f'{{"a": [{number}]}}'.encode()
    assert not math.isfinite(read_json(text)["a"][0])
    with pytest.raises(ValueError, match="not finite"):
        read_json(text, finite=True)


def test_a_separator_that_the_given_vocabulary_lacks(tmp_path, members):
    text = json.dumps({"format": 1, "document_separator": "☃"}).encode()
    path = tmp_path / "m.npz"
    path.write_bytes(archive_of(members | {"gru_ext": array(np.frombuffer(text, np.uint8))}))
    with pytest.raises(gru_ext.CheckpointError, match=r"m\.npz has another vocabulary.*☃"):
        gru_ext.load(path, gru_ext.Vocabulary(CHARACTERS))
