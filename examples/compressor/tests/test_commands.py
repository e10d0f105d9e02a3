# SPDX-License-Identifier: MIT
"""The two commands, as the user calls them."""

import os

import pytest
from gru_compress import commands

import gru_ext

TEXT = b"it was the best of times, it was the worst of times, " * 100


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT)
    return path


def run(command, *arguments):
    return getattr(commands, f"{command}_main")([*map(str, arguments)])


def test_there_and_back(source, capsys):
    packed = source.with_name("text.txt.gruz")
    assert run("compress", source, "--hidden-size", 16, "--threads", 2) == 0
    assert capsys.readouterr().err.startswith(f"{packed}: 5,300 -> {packed.stat().st_size} bytes")
    source.unlink()
    assert run("decompress", packed) == 0
    assert source.read_bytes() == TEXT
    assert sorted(os.listdir(source.parent)) == ["text.txt", "text.txt.gruz"]


def test_an_existing_output_is_kept(source, tmp_path, capsys):
    (tmp_path / "out").write_bytes(b"kept")
    assert run("compress", source, "-o", tmp_path / "out") == 1
    told = f"gru-compress: {tmp_path / 'out'} exists: add --force to replace it\n"
    assert capsys.readouterr().err == told
    assert (tmp_path / "out").read_bytes() == b"kept"
    assert run("compress", source, "-o", tmp_path / "out", "--force", "--hidden-size", 8) == 0
    assert run("decompress", tmp_path / "out", "-o", tmp_path / "again") == 0
    assert (tmp_path / "again").read_bytes() == TEXT


@pytest.mark.parametrize(
    ("command", "arguments", "told"),
    [
        ("compress", ["missing"], "missing: No such file or directory"),
        ("compress", ["."], ".: Is a directory"),
        ("compress", ["/dev/zero"], "/dev/zero is not a regular file"),
        ("compress", ["text.txt", "--hidden-size", 0], "`hidden_size` must be from 1 to 4096"),
        ("compress", ["text.txt", "--groups", 9], "`groups` must be up to the number of streams"),
        ("compress", ["text.txt", "--threads", 0], "`threads` must be 1 or more, not 0"),
        ("compress", ["text.txt", "--memory-limit", 1], "text.txt needs up to "),
        ("compress", ["text.txt", "--model", "text.txt"], "not a model file"),
        ("compress", ["text.txt", "--layers", 2, "--model", "model.npz"], "`layers` must not be"),
        ("decompress", ["text.txt", "-o", "out"], "text.txt is not a file of gru-compress"),
        ("decompress", ["text.txt", "-o", "out", "--memory-limit", 0], "more than --memory-limit"),
    ],
    ids=str,
)
def test_refusals(source, monkeypatch, capsys, command, arguments, told):
    monkeypatch.chdir(source.parent)
    gru_ext.Model.create(gru_ext.Vocabulary("abc"), 4).save("model.npz")
    assert run(command, *arguments) == 1
    message = capsys.readouterr().err
    assert message.startswith(f"gru-{command}: ")
    assert told in message
    assert message.count("\n") == 1
    assert sorted(os.listdir()) == ["model.npz", "text.txt"]


def test_a_failed_write_leaves_nothing(source, monkeypatch, capsys):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    assert run("compress", source, "--hidden-size", 8) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert os.listdir(source.parent) == ["text.txt"]


def test_the_name_of_the_output_must_be_known(source, capsys):
    with pytest.raises(SystemExit):
        run("decompress", source)
    assert "does not end with .gruz: name the output with -o" in capsys.readouterr().err
