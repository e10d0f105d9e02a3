# SPDX-License-Identifier: MIT
"""Models of bytes, and of characters with an unknown: train, sample, measure, go on."""

import json
import re

import numpy as np
import pytest
from command import run
from model_files import archive_of, array
from training_runs import SMALL, TEXT, same

import gru_ext
from gru_ext import CheckpointError
from gru_ext.model import checkpoint

BINARY = bytes(range(256)) * 3 + "né ☃\r\n".encode() * 40
BYTES = SMALL | {"units": "bytes"}
RARE = TEXT + "☃é"


def test_any_file_trains_as_bytes(tmp_path):
    path = tmp_path / "any.bin"
    path.write_bytes(BINARY)
    models = [gru_ext.train(text, max_steps=9, **BYTES) for text in (BINARY, path, [path])]
    assert all(same(models[0], model) for model in models)
    assert len(models[0].vocabulary) == 256
    assert same(models[0], gru_ext.train(BINARY, max_steps=9, **SMALL))
    with pytest.raises(TypeError, match="decode it"):
        gru_ext.train(BINARY, max_steps=9, units="chars", **SMALL)
    text = gru_ext.train("né ☃" * 40, max_steps=3, **BYTES)
    assert same(text, gru_ext.train("né ☃".encode() * 40, max_steps=3, **BYTES))


def test_a_model_of_bytes_gives_str_for_str_and_bytes_for_bytes():
    model = gru_ext.train("né ☃🙂\n" * 200, max_steps=120, **BYTES)
    data = model.sample(2500, b"", seed=1)
    assert isinstance(data, bytes)
    assert len(data) == 2500
    text = model.sample(2500, seed=1)
    assert text == data.decode("utf-8", "replace")
    assert "é" in text
    assert model.sample(30, "☃", seed=2).startswith("☃")
    assert model.sample(30, b"\xff", seed=2).startswith(b"\xff")
    with pytest.raises(TypeError, match="str for a model of characters"):
        gru_ext.train(TEXT, max_steps=1, **SMALL).sample(3, b"a")


def test_a_model_of_bytes_is_measured_in_bytes():
    model = gru_ext.train(BINARY, max_steps=9, **BYTES)
    assert model.evaluate(BINARY).characters == len(BINARY) - 1
    assert model.evaluate("é☃").characters == 4
    assert model.evaluate("é☃") == model.evaluate("é☃".encode())


@pytest.mark.parametrize(
    ("text", "options"), [(BINARY, {"units": "bytes"}), (RARE, {"min_count": 2})]
)
def test_a_file_holds_the_units_and_the_unknown(tmp_path, text, options):
    options = options | {"val_fraction": 0}
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    one = gru_ext.train(text, output=whole, max_steps=20, warmup=100, **SMALL | options)
    gru_ext.train(text, output=parts, max_steps=9, warmup=100, **SMALL | options)
    # the file knows them: they need not be repeated, but may be
    other = gru_ext.train(text, output=parts, max_steps=15, resume=True, quiet=True)
    other = gru_ext.train(text, output=parts, max_steps=20, resume=True, quiet=True, **options)
    assert same(one, other)
    assert checkpoint.read(whole).metadata == checkpoint.read(parts).metadata
    loaded = gru_ext.load(whole)
    assert loaded.vocabulary == one.vocabulary
    assert loaded.sample(50, "né☃", seed=1) == one.sample(50, "né☃", seed=1)
    loaded.save(parts)
    assert gru_ext.load(parts).vocabulary == one.vocabulary
    again = gru_ext.train(text, init_from=whole, max_steps=2, learning_rate=1e-30, quiet=True)
    assert again.vocabulary == one.vocabulary
    with np.load(whole) as arrays:  # as the notebook reads it
        assert np.array_equal(arrays["Wz"], one.parameters["Wz"])
        metadata = json.loads(arrays["gru_ext"].tobytes())
    # what a reader that knows neither sees: V different characters
    assert len(set(metadata["vocabulary"])) == len(one.vocabulary)


def test_a_model_of_characters_is_written_as_before(tmp_path):
    gru_ext.train(TEXT, output=tmp_path / "m.npz", max_steps=2, **SMALL)
    metadata = checkpoint.read(tmp_path / "m.npz").metadata
    assert not {"units", "unknown"} & metadata.keys()
    assert "units" not in metadata["options"]


def test_an_unknown_stands_for_what_a_model_never_saw():
    model = gru_ext.train(RARE, max_steps=9, min_count=2, **SMALL)
    assert model.sample(5, "7", seed=3)[1:] == model.sample(5, "\ufffd", seed=3)[1:]
    assert model.evaluate("The 7") == model.evaluate("The ☃")
    with pytest.raises(ValueError, match="'7'"):
        gru_ext.train(RARE, max_steps=2, min_count=1, **SMALL).evaluate("The 7")


@pytest.mark.parametrize(
    ("before", "options", "told"),
    [
        ({}, {"units": "bytes", "resume": True}, "model of chars, not of bytes"),
        ({"units": "bytes"}, {"units": "chars", "resume": True}, "model of bytes, not of chars"),
        ({}, {"min_count": 2, "resume": True}, "min count 1, not 2"),
        ({"min_count": 2}, {"min_count": 3, "resume": True}, "min count 2, not 3"),
        ({}, {"units": "bytes", "init": True}, "model of chars, not of bytes"),
        ({}, {"min_count": 2, "init": True}, "`min_count` and `init_from`"),
        ({}, {"min_count": 2, "units": "bytes", "force": True}, "all 256"),
        ({}, {"min_count": 1000, "force": True}, "1000 times"),
        ({}, {"min_count": 0, "force": True}, "`min_count` must be a whole number, 1 or more"),
        ({}, {"units": "words", "force": True}, "`units` must be chars or bytes"),
    ],
)
def test_what_contradicts(tmp_path, before, options, told):
    path = tmp_path / "m.npz"
    gru_ext.train(TEXT, output=path, max_steps=2, **SMALL | before)
    data = path.read_bytes()
    options = options.copy()
    output = {"init_from": path} if options.pop("init", False) else {"output": path}
    with pytest.raises(ValueError, match=told):
        gru_ext.train(TEXT, max_steps=5, quiet=True, **output, **options)
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"units": "words"}, "`units` must be"),
        ({"units": ["bytes"]}, "`units` must be"),
        ({"units": "bytes", "vocabulary": "☃"}, "bytes"),
        ({"unknown": "\ufffd"}, "unknown"),
    ],
)
def test_files_whose_vocabulary_makes_no_sense(tmp_path, members, changed, told):
    metadata = json.loads(array_of(members["gru_ext"]))
    if "vocabulary" in changed:
        changed = changed | {"vocabulary": metadata["vocabulary"][:-1] + changed["vocabulary"]}
    text = json.dumps(metadata | changed).encode()
    path = tmp_path / "m.npz"
    path.write_bytes(archive_of(members | {"gru_ext": array(np.frombuffer(text, np.uint8))}))
    with pytest.raises(CheckpointError, match=rf"m\.npz has a damaged vocabulary.*{told}"):
        gru_ext.load(path)


def array_of(member):
    return member[member.index(b"\n") + 1 :]


def test_the_command_line(folder, capsys):
    (folder / "any.bin").write_bytes(BINARY)
    assert (
        run(
            "train", "any.bin", "a.txt", "--units", "bytes", "--val-fraction", 0, "--hidden-size", 8
        )
        == 0
    )
    out = capsys.readouterr().out
    assert re.search(rf"^{len(BINARY) + len(TEXT):,} bytes for training, 256 different", out)
    assert re.search(r"^ +bits/byte +rate +byte/s +left$", out, re.M)
    assert run("info", "model.npz") == 0
    out = capsys.readouterr().out
    assert "vocabulary: 256 bytes\n" in out
    assert "units bytes" in out
    assert run("evaluate", "model.npz", "any.bin", "--json") == 0
    assert json.loads(capsys.readouterr().out)["characters"] == len(BINARY) - 1


def test_the_command_line_with_an_unknown(folder, capsys):
    (folder / "rare.txt").write_text(RARE, encoding="utf-8")
    assert run("train", "rare.txt", "--min-count", 2, "--hidden-size", 8, "--max-steps", 9) == 0
    capsys.readouterr()
    assert run("info", "model.npz") == 0
    out = capsys.readouterr().out
    assert "U+FFFD is the unknown token" in out
    assert "min_count 2" in out
    (folder / "other.txt").write_text("The 7 dwarfs", encoding="utf-8")
    assert run("evaluate", "model.npz", "other.txt") == 0
    assert run("evaluate", "m.npz", "other.txt") == 2


def test_classic_reads_bytes_and_unknowns(folder, capsys):
    options = ["--classic", "--max-steps", 3, "--hidden-size", 4, "--sample-every", 0]
    assert run("train", "a.txt", "--units", "bytes", "-o", "b.npz", *options) == 0
    assert f"data has {len(TEXT)} characters, 256 unique" in capsys.readouterr().out
    assert gru_ext.load("b.npz").vocabulary.units == "bytes"
    assert run("train", "a.txt", "--min-count", 13, "-o", "u.npz", *options) == 0
    assert gru_ext.load("u.npz").vocabulary.unknown
