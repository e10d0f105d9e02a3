# SPDX-License-Identifier: MIT
"""What ``gru-ext sample`` writes into files, pipes and terminals, and what its prompt may be."""

import os
import subprocess
import sys
from io import BytesIO
from types import SimpleNamespace

import pytest
from command import COMMAND, POSIX, SMALL, run
from training_runs import TEXT

import gru_ext

SNOW = "é春\n-—\t" * 30
ASCII = os.environ | {"PYTHONIOENCODING": "ascii"}
POSIX_LOCALE = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {"hidden_size": 4, "max_steps": 2, "quiet": True}
    gru_ext.train(TEXT.encode(), output="bytes.npz", **options)
    gru_ext.train(SNOW, output="snow.npz", **options)
    gru_ext.train("\x1b[2J\a\r\x9b\u202e\n" * 30, output="bell.npz", **options)
    return tmp_path


def sampled(*arguments, env=None, **options):
    done = subprocess.run(
        [*COMMAND, "sample", *arguments, "--seed", "1"], capture_output=True, env=env, **options
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def on_a_terminal(*arguments):
    """What a command writes on a terminal, with its line breaks as they were."""
    ours, theirs = os.openpty()
    process = subprocess.Popen([*COMMAND, *arguments], stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # Linux' way to say that the other end is closed
        pass
    os.close(ours)
    assert (process.wait(), process.stderr.read()) == (0, b"")
    process.stderr.close()
    return shown.replace(b"\r\n", b"\n")


def test_bytes_are_written_as_they_are(models):
    wanted = gru_ext.load("bytes.npz").sample(1000, b"", seed=1)
    assert len(wanted) == 1000
    assert sampled("bytes.npz", "--length", "1000") == wanted
    prompt = gru_ext.load("bytes.npz").sample(9, b"\xe9\r", seed=1)
    assert sampled("bytes.npz", "--length", "9", "--prompt", r"\udce9\r") == prompt


@pytest.mark.parametrize("env", [None, ASCII, POSIX_LOCALE], ids=["utf-8", "ascii", "posix"])
def test_text_is_written_as_utf8(models, env):
    wanted = gru_ext.load("snow.npz").sample(40, "春\n", seed=1) + "\n"
    assert sampled("snow.npz", "--length", "40", "--prompt", r"春\n", env=env) == wanted.encode()


def test_text_in_another_encoding(models):
    wanted = gru_ext.load("snow.npz").sample(2000, seed=1) + "\n"
    found = sampled("snow.npz", "--length", "2000", "--encoding", "utf-16")
    assert found == wanted.encode("utf-16")
    done = subprocess.run(
        [*COMMAND, "sample", "snow.npz", "--prompt", "春", "--encoding", "latin-1"],
        capture_output=True,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == (
        "gru-ext: latin-1 has no bytes for '春', which the model generates: choose another "
        "--encoding, such as utf-8\n"
    )


def test_a_file_gets_what_a_terminal_would_obey(models):
    wanted = gru_ext.load("bell.npz").sample(300, seed=1) + "\n"
    assert sampled("bell.npz", "--length", "300") == wanted.encode()
    assert b"\x1b" in wanted.encode()


@POSIX
@pytest.mark.parametrize(
    "arguments",
    [
        ["sample", "bell.npz", "--length", "300"],
        ["train", "bell.txt", *SMALL, "--log-every", "0", "--sample-every", "12"],
        ["train", "bell.txt", "--classic", "--max-steps", "3", "-o", "c.npz"],
    ],
    ids=["sample", "train", "classic"],
)
def test_a_terminal_gets_nothing_that_it_would_obey(models, arguments):
    (models / "bell.txt").write_bytes("\x1b[2J\a\x0b\x9b\u202e\n".encode() * 60)
    shown = on_a_terminal(*arguments).decode()
    assert "\\x1b" in shown
    assert "\\u202e" in shown
    assert not set(shown) & set("\x1b\a\r\x0b\x9b\u202e")


def test_samples_in_a_log_are_printable(models, capsys):
    (models / "bell.txt").write_bytes(b"\x1b[2J\a\x0b\n" * 60)
    assert run("train", "bell.txt", *SMALL, "--sample-every", 12) == 0
    shown = capsys.readouterr().out
    assert "\\x1b" in shown
    assert not set(shown) & set("\x1b\a\x0b")
    assert run("train", "bell.txt", "--classic", "--max-steps", 3, "-o", "c.npz") == 0
    assert "\x1b" in capsys.readouterr().out  # the original script's output, byte for byte


@POSIX
def test_bytes_on_a_terminal(models):
    wanted = gru_ext.load("bytes.npz").sample(300, seed=1)
    shown = on_a_terminal("sample", "bytes.npz", "--length", "300", "--seed", "1").decode()
    assert shown.endswith("\n")
    assert shown.count("\ufffd") == wanted.count("\ufffd") > 0


@pytest.mark.parametrize(
    ("word", "prompt"),
    [
        (r"ROMEO:\n", "ROMEO:\n"),
        (r"\\n", "\\n"),
        (r"\0\f\r\x1c\u2028\U0001f642\t\v\a\b", "\0\f\r\x1c\u2028🙂\t\v\a\b"),
        ("--", "--"),
        ("-Hello", "-Hello"),
        ("", ""),
    ],
)
def test_escapes_of_a_prompt(tmp_path, monkeypatch, capsysbinary, word, prompt):
    monkeypatch.chdir(tmp_path)
    text = (prompt + "ab\n") * 40
    model = gru_ext.train(text, hidden_size=4, max_steps=2, output="m.npz", quiet=True)
    assert run("sample", "m.npz", f"--prompt={word}", "--length", 9, "--seed", 1) == 0
    assert capsysbinary.readouterr().out.decode() == model.sample(9, prompt, seed=1) + "\n"


@pytest.mark.parametrize(
    ("text", "data", "prompt", "options"),
    [
        ("春\\n—\n", "春\\n—\r\n".encode(), "春\\n—\n", []),  # no escapes in a file
        ("é-\n", "\ufeffé-\n".encode(), "é-\n", []),
        ("é\n", b"\xe9\n", "é\n", ["--encoding", "latin-1"]),
        (b"bytes", b"\xff\r\n\0", b"\xff\r\n\0", []),
    ],
)
def test_a_prompt_from_a_file_and_from_standard_input(tmp_path, text, data, prompt, options):
    path = tmp_path / "prompt"
    path.write_bytes(data)
    model = gru_ext.train(text * 30, hidden_size=4, max_steps=2, quiet=True)
    model.save(tmp_path / "m.npz")
    wanted = model.sample(9, prompt, seed=1)
    if isinstance(wanted, str):
        wanted = f"{wanted}\n".encode(options[1] if options else "utf-8")
    for source, given in ((path, None), ("-", data)):
        arguments = [tmp_path / "m.npz", "--prompt-file", source, "--length", "9", *options]
        assert sampled(*arguments, input=given) == wanted


def test_an_empty_prompt_file_is_refused(models, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO()))
    assert run("sample", "snow.npz", "--prompt-file", "-") == 2
    assert capsys.readouterr().err == "gru-ext: standard input is empty\n"
