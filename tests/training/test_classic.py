# SPDX-License-Identifier: MIT
"""--classic against the notebook's arithmetic: the same text printed, the same bits written."""

import os
import subprocess
import sys
from pathlib import Path

import notebook
import numpy as np
import pytest

import gru_ext
from gru_ext.cli.main import main

PATTERN = "aaaaa bbbbb ccccc ddddd eeeee fffff " * 16
UNICODE = "Grüße aus Köln — «ça va?» 日本語 ☃ 🙂 ñandú, žluťoučký kůň.\n" * 6
WEIGHTS = "gru_weights.data"
# Enough to pass the text's end, where the state starts again, more than once.
SHORT = ["--max-steps", "240", "--sample-every", "80", "--log-every", "60", "--sample-length", "50"]
SHORT_RUN = {"iterations": 240, "sample_every": 80, "log_every": 60, "sample_length": 50}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(text, *options):
    """Write input.txt and train on it; the exit status."""
    Path("input.txt").write_bytes(text.encode())
    try:
        return main(["train", "input.txt", "--classic", *options])
    except SystemExit as stop:
        return stop.code


def assert_weights(path, expected):
    """The file holds these weights to the bit; np.load as the notebook calls it."""
    with np.load(path, allow_pickle=False) as data:
        for name in notebook.NAMES:
            assert data[name].dtype == expected[name].dtype, name
            assert data[name].shape == expected[name].shape, name
            assert data[name].tobytes() == expected[name].tobytes(), name


def check(capsys, text, options, run, weights=None):
    assert train(text, *options) == 0
    printed, written = notebook.run(text, weights, **run)
    out, err = capsys.readouterr()
    assert out == printed
    assert err == ""
    assert_weights(WEIGHTS, written)
    return written


def test_first_and_second_run_of_the_notebook(folder):
    (folder / "input.txt").write_text(PATTERN)
    weights = None
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "gru_ext", "train", "input.txt", "--classic"],
            capture_output=True,
            check=True,
        )
        printed, weights = notebook.run(PATTERN, weights)
        assert done.stdout == printed.encode()
        assert done.stderr == b""
        assert_weights(WEIGHTS, weights)
    assert printed.count("----\n") == 22
    assert "iter 10000, " in printed


@pytest.mark.parametrize(
    "text",
    [
        UNICODE,
        "".join(chr(33 + i * i % 150) for i in range(700)),
        "abcab.",
        "aaaaaaaaaaaaaaaa",
        "ab\u0000cd\x1b e\x0bfgh" * 9,
    ],
    ids=["letters of the world", "many symbols", "six characters", "one symbol", "controls"],
)
def test_texts(folder, capsys, text):
    weights = check(capsys, text, SHORT, SHORT_RUN)
    check(capsys, text, SHORT, SHORT_RUN, weights)


def test_utf8_on_a_pipe(folder):
    (folder / "input.txt").write_bytes(UNICODE.encode())
    done = subprocess.run(
        [sys.executable, "-m", "gru_ext", "train", "input.txt", "--classic", *SHORT],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    assert done.stdout == notebook.run(UNICODE, **SHORT_RUN)[0].encode()


def test_newlines_are_translated(folder, capsys):
    lines = "one\r\ntwo\rthree\nfour\r\n\r\nfive\n\rsix" * 4
    assert train(lines, *SHORT) == 0
    translated = lines.replace("\r\n", "\n").replace("\r", "\n")
    assert capsys.readouterr().out == notebook.run(translated, **SHORT_RUN)[0]


@pytest.mark.parametrize(
    ("options", "run"),
    [
        (["--max-steps", "1001"], {"iterations": 1001}),
        (["--max-steps", "1"], {"iterations": 1}),
        (["--hidden-size", "13"], {"hidden_size": 13}),
        (["--hidden-size", "1"], {"hidden_size": 1}),
        (["--seq-length", "9"], {"seq_length": 9}),
        (["--seq-length", "1"], {"seq_length": 1}),
        (["--sample-every", "0"], {"sample_every": 0}),
        (["--log-every", "0"], {"log_every": 0}),
        (["--sample-every", "7", "--log-every", "11"], {"sample_every": 7, "log_every": 11}),
        (["--sample-length", "0"], {"sample_length": 0}),
        (["--learning-rate", "0.03"], {"learning_rate": 0.03}),
        (["--clip", "0.25"], {"clip": 0.25}),
        (["--seed", "7"], {"seed": 7}),
    ],
    ids=" ".join,
)
def test_overrides(folder, capsys, options, run):
    check(capsys, PATTERN, [*SHORT, *options], SHORT_RUN | run)


@pytest.mark.skipif(not hasattr(np, "matvec"), reason="this NumPy has no matvec")
@pytest.mark.parametrize("options", [[], ["--hidden-size", "1"], ["--hidden-size", "16"]], ids=str)
def test_matmul_where_numpy_has_no_matvec(folder, capsys, monkeypatch, options):
    found = []
    for _ in range(2):
        assert train(PATTERN, *SHORT, *options, "-o", f"{len(found)}.npz") == 0
        found.append((capsys.readouterr(), Path(f"{len(found)}.npz").read_bytes()))
        monkeypatch.delattr(np, "matvec", raising=False)
    assert found[0] == found[1]


def test_epochs_are_passes_over_the_text(folder, capsys):
    # 576 characters have 114 windows of 5 from one reset of the state to the next.
    options = [*SHORT[2:], "--epochs", "2"]
    check(capsys, PATTERN, options, SHORT_RUN | {"iterations": 2 * 114})


def test_the_notebooks_own_file_is_read(folder, capsys):
    weights = notebook.run(PATTERN, iterations=30, sample_every=0)[1]
    with Path(WEIGHTS).open("wb") as file:
        np.savez(file, **weights)
    check(capsys, PATTERN, SHORT, SHORT_RUN, weights)


def test_the_notebook_reads_ours(folder, capsys):
    assert train(PATTERN, *SHORT) == 0
    with np.load(WEIGHTS, allow_pickle=False) as data:
        read = {name: data[name] for name in notebook.NAMES}
    assert {name: array.shape for name, array in read.items()} == notebook.shapes(7, 7)
    assert all(array.dtype == np.float64 for array in read.values())
    first, weights = notebook.run(PATTERN, **SHORT_RUN)
    assert capsys.readouterr().out == first
    assert (
        notebook.run(PATTERN, read, **SHORT_RUN)[0]
        == notebook.run(PATTERN, weights, **SHORT_RUN)[0]
    )


def test_the_notebook_reads_any_model_of_one_layer(folder, capsys):
    options = {"hidden_size": 7, "dtype": "float64", "max_steps": 20, "quiet": True}
    gru_ext.train(PATTERN, output=WEIGHTS, **options)
    with np.load(WEIGHTS, allow_pickle=False) as data:
        weights = {name: data[name] for name in notebook.NAMES}
    check(capsys, PATTERN, SHORT, SHORT_RUN, weights)


def test_output(folder, capsys):
    assert train(PATTERN, *SHORT, "-o", "other.npz") == 0
    printed, weights = notebook.run(PATTERN, **SHORT_RUN)
    assert capsys.readouterr().out == printed
    assert_weights("other.npz", weights)
    assert not (folder / WEIGHTS).exists()
    assert gru_ext.load("other.npz").vocabulary.characters == " abcdef"


def test_weights_are_read_from_the_output_named(folder, capsys):
    assert train(PATTERN, *SHORT, "-o", "other.npz") == 0
    capsys.readouterr()
    assert train(PATTERN, *SHORT, "-o", "other.npz") == 0
    weights = notebook.run(PATTERN, **SHORT_RUN)[1]
    printed, weights = notebook.run(PATTERN, weights, **SHORT_RUN)
    assert capsys.readouterr().out == printed
    assert_weights("other.npz", weights)


def test_quiet(folder, capsys):
    assert train(PATTERN, *SHORT, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert_weights(WEIGHTS, notebook.run(PATTERN, **SHORT_RUN)[1])


def test_as_a_function(folder, capsys):
    model = gru_ext.train(PATTERN, classic=True, max_steps=20, sample_every=0)
    printed, weights = notebook.run(PATTERN, iterations=20, sample_every=0)
    assert capsys.readouterr().out == printed
    assert all(np.array_equal(model.parameters[name], weights[name]) for name in notebook.NAMES)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("n", range(2, 6))
def test_too_short(folder, capsys, n):
    assert train("abcdef"[:n], *SHORT) == 2
    err = capsys.readouterr().err
    assert "6" in err
    assert str(n) in err
    assert err.count("\n") == 1
    assert not (folder / WEIGHTS).exists()


CONTRADICTIONS = [["--resume"], ["--batch-size", "4"], ["--val-fraction", "0.1"]]


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("options", CONTRADICTIONS, ids=" ".join)
def test_contradictions(folder, capsys, options, exists):
    if exists:
        assert train(PATTERN, *SHORT) == 0
        before = (folder / WEIGHTS).read_bytes()
        capsys.readouterr()
    assert train(PATTERN, *SHORT, *options) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert options[0].strip("-").replace("-", " ") in err.replace("-", " ")
    assert (folder / WEIGHTS).exists() == exists
    assert not exists or (folder / WEIGHTS).read_bytes() == before


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("another text with more symbols", []),
        (PATTERN, ["--hidden-size", "9"]),
    ],
    ids=["vocabulary", "hidden size"],
)
def test_weights_that_do_not_fit(folder, capsys, text, options):
    assert train(PATTERN, *SHORT) == 0
    before = (folder / WEIGHTS).read_bytes()
    capsys.readouterr()
    assert train(text, *SHORT, *options) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert WEIGHTS in err
    assert "7" in err
    assert err.count("\n") == 1
    assert (folder / WEIGHTS).read_bytes() == before
