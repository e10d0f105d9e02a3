# SPDX-License-Identifier: MIT
"""The command line where standard output, the terminal or a file is not what one would like."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import gru_ext
from gru_ext.cli.main import main
from gru_ext.model import checkpoint

TEXT = "One two three, four five six; seven eight nine.\n" * 8


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*arguments):
    return [sys.executable, "-m", "gru_ext", *arguments]


def in_shell(words, redirection):
    line = " ".join([*words, redirection])
    return subprocess.run(line, shell=True, stderr=subprocess.PIPE, text=True)


TRAIN = ("train", "a.txt", "--hidden-size", "5", "--max-steps", "300", "--log-every", "1")


@pytest.mark.parametrize("shell", ["| head -c 10", "> /dev/full", ">&-", "2>&-"])
def test_the_model_is_written_whoever_reads(folder, shell):
    run = in_shell(command(*TRAIN), shell)
    assert "Traceback" not in run.stderr
    assert gru_ext.load("model.npz").about["step"] == 300


def sample(shell):
    """Train, then sample under this redirection: exit status and standard error."""
    assert main([*TRAIN, "--quiet"]) == 0
    run = in_shell(command("sample", "model.npz"), shell)
    return run.returncode, run.stderr


def test_sample_without_standard_output(folder):
    assert sample(">&-") == (0, "")


def test_a_full_standard_output_is_named(folder):
    told = "gru-ext: standard input or output: No space left on device\n"
    assert sample("> /dev/full") == (2, told)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_a_bar_on_a_terminal_that_reports_no_columns(folder):
    leader, follower = os.openpty()
    run = subprocess.Popen(command(*TRAIN), stdout=subprocess.DEVNULL, stderr=follower)
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 4096)
        except OSError:  # Linux' way to say that the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    assert run.wait() == 0
    assert b"bits/char" in shown
    assert b"char/s" in shown


def test_a_text_that_standard_output_cannot_encode(folder):
    program = (
        "import gru_ext; gru_ext.train('é☃' * 50, max_steps=9, sample_every=9, hidden_size=4, "
        "output='x.npz')"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
    )
    assert run.returncode == 0, run.stderr
    assert b"\\u2603" in run.stdout
    assert gru_ext.load("x.npz").about["step"] == 9


def test_info_shows_nothing_raw(folder, capsys):
    assert main([*TRAIN, "--quiet"]) == 0
    data = checkpoint.read("model.npz")
    arrays = dict(data.weights)
    about = data.metadata | {"version": "\x1b[31mRED\n\nx", "step": "\x07"}
    arrays["gru_ext"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez("model.npz", **arrays)
    assert main(["info", "model.npz"]) == 0
    shown = capsys.readouterr().out
    assert "\\x1b[31mRED\\n\\nx" in shown
    assert all(c.isprintable() or c == "\n" for c in shown)


def test_classic_tells_of_weights_for_other_characters(folder, capsys):
    options = ["--classic", "--max-steps", "3", "--sample-every", "0"]
    (folder / "b.txt").write_text("abcdefg" * 9)
    (folder / "c.txt").write_text("hijklmn" * 9)
    assert main(["train", "b.txt", *options]) == 0
    assert capsys.readouterr().err == ""
    assert main(["train", "c.txt", *options]) == 0
    assert "other characters" in capsys.readouterr().err


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.sample(3, b"aa"),
        lambda model: model.sample("x"),
        lambda model: model.sample(3, temperature="hot"),
        lambda model: model.evaluate(b"aaa"),
        lambda model: gru_ext.train(TEXT, learning_rate="x"),
        lambda model: gru_ext.train(TEXT, sample_every="x"),
        lambda model: gru_ext.train(TEXT, threads=1.5),
    ],
)
def test_wrong_types_name_what_is_right(folder, call):
    assert main([*TRAIN, "--quiet"]) == 0
    with pytest.raises(TypeError, match="must be a"):
        call(gru_ext.load("model.npz"))


def test_a_given_batch_size_shortens_the_default_window(folder):
    model = gru_ext.train(TEXT, batch_size=100, max_steps=2, hidden_size=3, quiet=True)
    assert model.about["options"]["seq_length"] == (len(TEXT) - 1) // 100
