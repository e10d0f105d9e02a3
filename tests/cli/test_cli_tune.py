# SPDX-License-Identifier: MIT
"""``gru-ext tune``: a table, the command to use, files, and how it ends."""

import importlib.util
import json
import shlex
import signal
import subprocess
import sys

import pytest
from command import COMMAND, run

import gru_ext
from gru_ext.tuning import search

FEW = ["--trials", "3", "--max-steps", "16", "--val-fraction", "0.2"]
FEW += ["--minutes", "inf", "--jobs", "1"]  # always the same search


@pytest.fixture
def library():
    return pytest.importorskip("optuna")


def test_a_table_and_a_command_that_trains(library, folder, capsys):
    options = ["--document-separator", ".\\n", "--layers", "2", "--clip", "inf"]
    assert run("tune", "a.txt", *FEW, *options, "-o", "t.json") == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert [line.split()[0] for line in lines[:3]] == ["1/3", "2/3", "3/3"]
    assert lines[3].split() == ["hidden", "drop-", "learning", "batch", "seq.", "loss,", "speed,"]
    assert len(lines) == 3 + 2 + 3 + 2
    assert max(map(len, lines[:-2])) <= 80
    assert {row.split()[1] for row in lines[5:8]} == {"2"}
    assert lines[-1] == "wrote t.json: all trials"
    assert lines[-2].startswith("use: gru-ext train a.txt ")

    found = json.loads((folder / "t.json").read_text())
    command = shlex.split(lines[-2].removeprefix("use: gru-ext "))
    assert command == shlex.split(found["command"])[1:]
    assert run(*command, "--quiet", "-o", "best.npz", "--metrics", "best.jsonl") == 0
    records = map(json.loads, (folder / "best.jsonl").read_text().splitlines())
    evaluated = [record["val_bits"] for record in records if record.get("val_bits")]
    bits = [trial["bits"] for trial in found["trials"] if trial["state"] == "finished"]
    assert min(evaluated) == min(bits)
    assert gru_ext.load("best.npz").separator is not None

    assert run("tune", "a.txt", *FEW, "-o", "t.json") == 2
    told = "gru-ext: t.json exists: replace it with --force, or name another file with --output\n"
    assert capsys.readouterr().err == told


def test_standard_input(library, folder):
    done = subprocess.run(
        [*COMMAND, "tune", "a.txt", "-", *FEW, "--trials", "1", "--quiet"],
        input="☃\r\n".encode() * 30,
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 2 + 1 + 1
    assert lines[-1].startswith("use: gru-ext train a.txt - --max-steps 16 ")


def test_ctrl_c(library, folder, capsys, monkeypatch):
    keep = search.Search._keep

    def keep_and_interrupt(self, trial, console):
        keep(self, trial, console)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(search.Search, "_keep", keep_and_interrupt)
    assert run("tune", "a.txt", *FEW, "--quiet") == 130
    out, err = capsys.readouterr()
    assert err == "gru-ext: interrupted after 1 finished trial\n"
    assert out.splitlines()[-1].startswith("use: gru-ext train a.txt --max-steps 16 ")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--val-fraction 0", "a search compares models on a validation part: give a --val-frac"),
        ("--trials 0", "gru-ext: --trials must be a whole number from 1 to "),
        ("--classic", "unrecognized arguments: --classic"),
        ("--metrics m.jsonl", "unrecognized arguments: --metrics"),
    ],
)
def test_what_is_refused(library, folder, capsys, options, told):
    assert run("tune", "a.txt", *options.split()) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert told in err


def test_without_the_library(folder, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "optuna" else find(name)
    )
    assert run("tune", "a.txt", "-o", "t.json") == 2
    assert capsys.readouterr().err == (
        "gru-ext: a search needs Optuna, which is not installed: "
        'python -m pip install "gru-ext[tune]"\n'
    )
    assert not (folder / "t.json").exists()


def test_the_library_is_loaded_for_a_search_alone(folder):
    program = (
        "from gru_ext.cli.main import main; import gru_ext, sys; gru_ext.tune; "
        "main('train a.txt -o x.npz --max-steps 2 --quiet'.split()); "
        "print({'optuna', 'sqlalchemy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")
