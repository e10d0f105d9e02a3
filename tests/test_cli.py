# SPDX-License-Identifier: MIT
"""The command line as its users meet it: output, exit status, one line for what is wrong."""

import json
import math
import os
import re
import signal
import struct
import subprocess
import sys
import time
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest

import gru_ext
from gru_ext import checkpoint
from gru_ext.cli import main

TEXT = "The quick brown fox jumps over the lazy dog.\n" * 12
COMMAND = [sys.executable, "-m", "gru_ext"]
# A shell may start its jobs with SIGINT ignored, and children inherit that.
INTERRUPTIBLE = [
    sys.executable,
    "-c",
    "import signal, sys; from gru_ext.cli import main; "
    "signal.signal(signal.SIGINT, signal.default_int_handler); "
    "print('ready', flush=True); sys.exit(main())",
]
SMALL = ["--hidden-size", "8", "--max-steps", "12"]
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals, pipes and terminals of POSIX")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a text and a model in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text(TEXT)
    gru_ext.train(TEXT, hidden_size=8, max_steps=30, output="m.npz", quiet=True)
    return tmp_path


def run(*arguments):
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return stop.code


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_train(folder, capsys):
    assert run("train", "a.txt", *SMALL, "--val-fraction", "0.1") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert re.search(r"bits per character", out)
    assert re.search(r"held out.*: \d+\.\d+ bits per character", out)
    assert out.endswith("wrote model.npz\n")
    model = gru_ext.load("model.npz")
    assert model.hidden_size == 8
    assert model.vocabulary.characters == "".join(sorted(set(TEXT)))


def test_every_option_reaches_the_run(folder):
    assert (
        run(
            "train",
            "a.txt",
            "-o",
            "o.npz",
            "--hidden-size",
            "9",
            "--seq-length",
            "11",
            "--batch-size",
            "3",
            "--dtype",
            "float64",
            "--optimizer",
            "adagrad",
            "--learning-rate",
            "0.02",
            "--clip",
            "0.75",
            "--max-steps",
            "1_0",
            "--epochs",
            "50",
            "--val-fraction",
            "0.125",
            "--seed",
            "5",
            "--threads",
            "2",
            "--sample-every",
            "0",
            "--sample-length",
            "9",
            "--log-every",
            "0",
            "--quiet",
        )
        == 0
    )
    data = checkpoint.read("o.npz")
    assert data.hidden.shape == (3, 9)
    assert data.weights["Wz"].dtype == np.float64
    assert data.metadata["step"] == 10
    expected = gru_ext.train(
        TEXT,
        hidden_size=9,
        seq_length=11,
        batch_size=3,
        dtype="float64",
        learning_rate=0.02,
        clip=0.75,
        max_steps=10,
        val_fraction=0.125,
        seed=5,
        quiet=True,
    )
    assert all(
        np.array_equal(data.weights[name], expected.parameters[name]) for name in data.weights
    )


def test_several_texts_and_standard_input(folder):
    (folder / "b.txt").write_text("extra ÄÖÜ")
    done = subprocess.run(
        [*COMMAND, "train", "b.txt", "-", "a.txt", *SMALL, "--quiet"],
        input="☃\r\n".encode() * 3,
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    data = checkpoint.read("model.npz")
    assert data.characters == "".join(sorted(set(TEXT + "extra ÄÖÜ☃")))
    assert data.metadata["training"]["text_characters"] == len(TEXT) + 9 + 6


def test_force_and_resume_and_init_from(folder, capsys):
    before = contents(folder)
    assert run("train", "a.txt", "-o", "m.npz", *SMALL) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert all(word in err for word in ("m.npz", "--resume", "--force"))
    assert contents(folder) == before
    assert run("train", "a.txt", "-o", "m.npz", "--resume", "--max-steps", "40", "--quiet") == 0
    assert checkpoint.read("m.npz").metadata["step"] == 40
    assert run("train", "a.txt", "-o", "m.npz", *SMALL, "--force", "--quiet") == 0
    assert checkpoint.read("m.npz").metadata["step"] == 12
    assert (
        run(
            "train",
            "a.txt",
            "-o",
            "n.npz",
            "--init-from",
            "m.npz",
            "--max-steps",
            "2",
            "--learning-rate",
            "1e-30",
            "--quiet",
        )
        == 0
    )
    one, other = checkpoint.read("m.npz"), checkpoint.read("n.npz")
    assert all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)


def test_sample_prints_prompt_characters_newline(folder, capsys):
    for options in (
        [],
        ["--prompt", "The "],
        ["--temperature", "0"],
        ["--length", "0"],
        ["--length", "1700", "--prompt", "dog.\n"],
    ):
        arguments = ["m.npz", "--length", "40", "--seed", "3", *options]
        assert run("sample", *arguments) == 0
        out, err = capsys.readouterr()
        keys = dict(zip(arguments[1::2], arguments[2::2], strict=True))
        expected = gru_ext.load("m.npz").sample(
            int(keys["--length"]),
            keys.get("--prompt", ""),
            float(keys.get("--temperature", 1)),
            seed=3,
        )
        assert out == expected + "\n"
        assert len(expected) == int(keys["--length"]) + len(keys.get("--prompt", ""))
        assert err == ""


def test_evaluate(folder, capsys):
    result = gru_ext.load("m.npz").evaluate(TEXT + TEXT)
    assert run("evaluate", "m.npz", "a.txt", "a.txt", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {
        "nats_per_char": result.nats_per_char,
        "bits_per_char": result.bits_per_char,
        "perplexity": result.perplexity,
        "characters": 2 * len(TEXT) - 1,
    }
    assert run("evaluate", "m.npz", "a.txt", "a.txt") == 0
    out = capsys.readouterr().out
    for name, value in found.items():
        assert math.isclose(float(re.search(rf"{name}\D+([\d.]+)", out)[1]), value, rel_tol=1e-5)


def test_evaluate_standard_input_in_another_encoding(folder, capsys, monkeypatch):
    gru_ext.train("né né né né\n" * 9, hidden_size=4, max_steps=2, output="l.npz", quiet=True)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO("né\r\n".encode("latin-1"))))
    assert run("evaluate", "l.npz", "-", "--encoding", "latin-1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["characters"] == 2


def test_evaluate_prints_json_for_any_model(folder, capsys):
    model = gru_ext.load("m.npz")
    model.parameters["by"][...] = np.arange(len(model.vocabulary))[:, None] * 1e5
    model.save("bad.npz")
    assert run("evaluate", "bad.npz", "a.txt", "--json") == 0

    def not_json(constant):
        raise AssertionError(f"{constant} is no JSON")

    assert json.loads(capsys.readouterr().out, parse_constant=not_json)["nats_per_char"] > 1000


def test_info(folder, capsys):
    assert run("info", "m.npz") == 0
    out, err = capsys.readouterr()
    V = len(set(TEXT))
    assert err == ""
    for told in (
        r"hidden size\D*8\b",
        rf"\b{V}\b",
        r"steps\D*30\b",
        "adagrad",
        gru_ext.__version__,
        "float32",
        re.escape(repr("".join(sorted(set(TEXT))))),
    ):
        assert re.search(told, out), told


def test_info_of_a_file_of_the_notebook(folder, capsys):
    weights = gru_ext.load("m.npz").parameters
    np.savez("notebook.npz", **weights)
    assert run("info", "notebook.npz") == 0
    out = capsys.readouterr().out
    assert re.search(r"hidden size\D*8\b", out)
    assert re.search(rf"\b{len(set(TEXT))}\b", out)


def test_version_and_help(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"gru-ext {gru_ext.__version__}\n"
    for command in ([], ["train"], ["sample"], ["evaluate"], ["info"]):
        assert run(*command, "--help") == 0
        assert "usage: gru-ext" in capsys.readouterr().out


MODEL_FILES = {
    "none.npz": None,
    "empty.npz": b"",
    "text.npz": TEXT.encode(),
    "cut.npz": slice(0, -100),
    "start.npz": slice(0, 700),
}
BAD = [
    # files
    ("train none.txt", "none.txt"),
    ("train empty.txt", "empty.txt is empty"),
    ("train a.txt empty.txt", "empty.txt is empty"),
    ("train .", "irectory"),
    ("train latin.txt", "0xe9 at offset 3 "),
    ("train latin.txt", "--encoding"),
    ("train a.txt --encoding nonsense", "nonsense"),
    ("train a.txt -o none/x.npz", "none/x.npz"),
    ("train a.txt -o .", " . "),
    ("train a.txt -o m.npz", "m.npz exists"),
    ("evaluate m.npz none.txt", "none.txt"),
    ("evaluate m.npz empty.txt", "empty.txt is empty"),
    ("evaluate m.npz latin.txt", "offset 3 "),
    ("evaluate m.npz one.txt", "2 characters"),
    ("evaluate m.npz snow.txt", "'☃'"),
    ("train a.txt --init-from none.npz", "none.npz"),
    ("train a.txt --resume -o none.npz", "none.npz does not exist"),
    ("train snow.txt --resume -o m.npz", "'☃'"),
    # lengths
    ("train one.txt", "at least 2"),
    ("train a.txt --seq-length 600", "at least 601"),
    ("train a.txt --seq-length 60 --batch-size 9", "at least 541"),
    ("train one.txt --classic", "at least 6"),
    ("train a.txt --val-fraction 0.001", "fraction"),
    # options
    ("", "COMMAND"),
    ("nonsense", "nonsense"),
    ("train", "TEXT"),
    ("sample", "MODEL"),
    ("evaluate m.npz", "TEXT"),
    ("train a.txt --nonsense", "--nonsense"),
    ("train a.txt --hidden-size x", "--hidden-size"),
    ("train a.txt --hidden-size 0", "hidden size"),
    ("train a.txt --hidden-size 99999999999", "hidden size"),
    ("train a.txt --seq-length 1.5", "--seq-length"),
    ("train a.txt --seq-length", "--seq-length"),
    ("train a.txt --batch-size -3", "batch size"),
    ("train a.txt --dtype float16", "float16"),
    ("train a.txt --optimizer sgd", "sgd"),
    ("train a.txt --learning-rate nan", "learning rate"),
    ("train a.txt --learning-rate -1", "learning rate"),
    ("train a.txt --clip 0", "clip"),
    ("train a.txt --max-steps 0", "max steps"),
    ("train a.txt --epochs 0", "epochs"),
    ("train a.txt --epochs 1e308", "epochs"),
    ("train a.txt --epochs inf", "epochs"),
    ("train a.txt --val-fraction 1", "val fraction"),
    ("train a.txt --seed -1", "seed"),
    ("train a.txt --threads 0", "threads"),
    ("train a.txt --sample-every -1", "sample every"),
    ("train a.txt --log-every -1", "log every"),
    ("train a.txt --sample-length -1", "sample length"),
    ("train a.txt --resume --classic", "contradict"),
    ("train a.txt --resume -o m.npz --init-from m.npz", "contradict"),
    ("train a.txt --classic --batch-size 4", "batch size"),
    ("train a.txt --resume -o m.npz --hidden-size 9 --max-steps 99", "hidden size"),
    ("train a.txt --resume -o m.npz --max-steps 30", "30 of 30 steps"),
    ("sample m.npz --length -1", "length"),
    ("sample m.npz --length x", "--length"),
    ("sample m.npz --temperature -1", "temperature"),
    ("sample m.npz --temperature x", "temperature"),
    ("sample m.npz --temperature nan", "temperature"),
    ("sample m.npz --prompt ☃é7", "'7', 'é', '☃'"),
    ("sample m.npz --seed -1", "seed|negative"),
    ("sample m.npz extra", "extra"),
    # model files
    *(
        (f"{command} {name}", name)
        for name in MODEL_FILES
        for command in ("sample", "info", "train a.txt --init-from")
    ),
    ("evaluate cut.npz a.txt", "cut.npz"),
    ("sample a.txt", "a.txt"),
    ("sample .", "irectory"),
    ("train a.txt --resume -o cut.npz", "cut.npz"),
    ("train a.txt --classic -o cut.npz", "cut.npz"),
    ("sample notebook.npz", "notebook.npz.*vocabulary"),
]


@pytest.fixture(scope="module")
def bad_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    model = gru_ext.train(TEXT, hidden_size=8, max_steps=30, output=folder / "m.npz", quiet=True)
    np.savez(folder / "notebook.npz", **model.parameters)
    for name, data in {
        "a.txt": TEXT.encode(),
        "empty.txt": b"",
        "latin.txt": b"caf\xe9 " * 50,
        "one.txt": b"T",
        "snow.txt": "The ☃ ".encode() * 90,
    }.items():
        (folder / name).write_bytes(data)
    for name, data in MODEL_FILES.items():
        if isinstance(data, slice):
            data = (folder / "m.npz").read_bytes()[data]
        if data is not None:
            (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize(("line", "told"), BAD, ids=lambda value: value.replace("☃", "snow"))
def test_bad_input_gets_one_line_and_status_2(bad_folder, monkeypatch, capsys, line, told):
    monkeypatch.chdir(bad_folder)
    before = contents(bad_folder)
    assert run(*line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("gru-ext")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert re.search(told, err)
    assert "_count" not in err  # a function's name tells a user nothing
    assert contents(bad_folder) == before


@POSIX
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read it")
def test_an_unreadable_file_and_an_unwritable_folder(folder, capsys):
    (folder / "a.txt").chmod(0)
    assert run("train", "a.txt", "-o", "x.npz") == 2
    assert "a.txt: Permission denied" in capsys.readouterr().err
    (folder / "a.txt").chmod(0o600)
    (folder / "locked").mkdir(mode=0o500)
    assert run("train", "a.txt", "-o", "locked/x.npz") == 2
    assert "locked/x.npz: Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["train", "none.txt"], ["sample", "a.txt"], ["--nonsense"]])
def test_the_process_itself_prints_no_traceback(folder, arguments):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("gru-ext")
    assert done.stderr.count("\n") == 1


def test_characters_that_the_terminal_lacks(folder):
    model = gru_ext.train("☃é" * 40, hidden_size=4, max_steps=2, quiet=True)
    model.save("snow.npz")
    done = subprocess.run(
        [*COMMAND, "sample", "snow.npz", "--length", "30"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert re.fullmatch(rb"(\\u2603|\\xe9){30}\n", done.stdout)


def test_progress_is_quiet_without_a_terminal(folder):
    done = subprocess.run([*COMMAND, "train", "a.txt", *SMALL], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.endswith("wrote model.npz\n")


@POSIX
@pytest.mark.parametrize("options", [[], ["--quiet"], ["--classic", "-o", "c.npz"]], ids=" ".join)
def test_a_bar_is_shown_on_a_terminal(folder, options):
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    arguments = ["train", "a.txt", *SMALL, *options]
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:
        pass  # Linux says EIO where the other end is closed.
    finally:
        os.close(ours)
    out = process.communicate()[0]
    assert process.returncode == 0
    assert b"\r" not in out
    if options == ["--quiet"]:
        assert (shown, out) == (b"", b"")
    else:
        assert b"100%" in shown
        assert re.search(rb"char/s", shown)
        assert re.search(rb"\d\d:\d\d<\d\d:\d\d", shown)
        assert b"bits/char" in shown


def interrupted(arguments, begun):
    """Start a command, interrupt it after a line that has begun in that way; status and stderr."""
    process = subprocess.Popen(
        [*INTERRUPTIBLE, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if line.startswith(begun):
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert "Traceback" not in err
    assert err.count("\n") <= 1
    return process.returncode


ENDLESS = [
    "train",
    "a.txt",
    "--hidden-size",
    "8",
    "--max-steps",
    "1_000_000_000",
    "--sample-every",
    "0",
]


@POSIX
def test_an_interrupt_writes_the_model(folder):
    assert interrupted([*ENDLESS, "--log-every", "5"], "step 5 ") == 130
    step = checkpoint.read("model.npz").metadata["step"]
    assert step >= 5
    gru_ext.train(TEXT, hidden_size=8, max_steps=step, output="whole.npz", quiet=True)
    more = ["--max-steps", str(step + 5), "--quiet"]
    for path in ("model.npz", "whole.npz"):
        assert run("train", "a.txt", "-o", path, "--resume", *more) == 0
    one, other = checkpoint.read("model.npz"), checkpoint.read("whole.npz")
    assert all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)


@POSIX
def test_an_interrupt_of_classic_writes_the_weights(folder):
    assert interrupted([*ENDLESS, "--classic", "--log-every", "5"], "iter 5,") == 130
    assert checkpoint.read("gru_weights.data").metadata["step"] >= 6


@POSIX
@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "-", "-o", "x.npz"],
        ["evaluate", "m.npz", "-"],
        ["sample", "m.npz", "--length", "1_000_000_000"],
    ],
)
def test_an_interrupt_without_anything_to_write(folder, arguments):
    before = contents(folder)
    assert interrupted(arguments, "ready") == 130
    assert contents(folder) == before


@POSIX
@pytest.mark.parametrize(
    "command",
    [
        "sample m.npz --length 3000000",
        "train a.txt --hidden-size 8 --max-steps 100000 --log-every 1",
        "train a.txt --classic --log-every 1",
    ],
)
def test_a_reader_that_has_had_enough(folder, command):
    process = subprocess.Popen(
        [*COMMAND, *command.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert len(process.stdout.read(10)) == 10
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) != 1
    assert err == b""


@POSIX
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_standard_output_on_a_full_disk(folder):
    for command in ("sample m.npz", "info m.npz", "evaluate m.npz a.txt"):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [*COMMAND, *command.split()], stdout=full, stderr=subprocess.PIPE, text=True
            )
        assert done.returncode == 2
        assert "No space left" in done.stderr
        assert done.stderr.count("\n") == 1
