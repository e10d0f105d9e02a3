# SPDX-License-Identifier: MIT
"""The command ``gru-ext report``."""

import importlib.util
import re
import subprocess
import sys

import pytest
from command import run
from pages import data_of

import gru_ext


@pytest.fixture(autouse=True)
def jinja2():
    return pytest.importorskip("jinja2")


@pytest.fixture
def page(folder):
    return folder / "r.html"


def test_the_command(folder, page, capsys):
    assert run("report", "m.npz", "a.txt", "-o", page) == 0
    assert capsys.readouterr() == (f"wrote {page}: open it in a browser\n", "")
    first = page.read_bytes()
    assert first.startswith(b"<!doctype html>")
    assert str(folder).encode() not in first
    assert run("report", "m.npz", "a.txt", "-o", page) == 2
    assert re.fullmatch(r"gru-ext: .*r\.html exists: .*--force.*\n", capsys.readouterr().err)
    assert run("report", "m.npz", "a.txt", "-o", page, "--force", "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert page.read_bytes() == first


def test_a_list_of_short_lines_has_surprising_ones(folder, page):
    (folder / "list.txt").write_text("ab\nabc\nba\ncab\nbb\n" * 3)
    assert run("report", "m.npz", "list.txt", "-o", page, "--quiet") == 0
    lines = data_of(page.read_bytes())["lines"]
    assert lines["worst"]
    assert lines["best"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("report m.npz", "-o"),
        ("report -o r.html", "MODEL"),
        ("report a.txt a.txt -o r.html", "a.txt is not a model file"),
        ("report none.npz -o r.html", "none.npz"),
        ("report m.npz none.txt -o r.html", "none.txt"),
        ("report m.npz bad.txt -o r.html", "bad.txt is not utf-8 text"),
        ("report m.npz empty.txt -o r.html", "empty.txt is empty"),
        ("report m.npz strange.txt -o r.html", "at least 2 characters that the model knows"),
        ("report m.npz a.txt -o none/r.html", "none/r.html"),
        ("report m.npz a.txt -o r.html --metrics a.txt", "a.txt is not a metrics file"),
        ("report m.npz a.txt -o r.html --characters 1", "--characters must be a whole number"),
        ("report m.npz a.txt -o r.html --characters x", "--characters must be a whole number"),
        ("report m.npz a.txt -o r.html --seed -1", "--seed must be a whole number"),
        ("report m.npz a.txt -o r.html --encoding x", "--encoding"),
        ("report m.npz a.txt -o m.npz --force", "--output must be another file than m.npz"),
        ("report m.npz a.txt -o a.txt --force", "--output must be another file than a.txt"),
    ],
)
def test_what_is_refused(folder, capsys, line, told):
    (folder / "bad.txt").write_bytes(b"ab\xff")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "strange.txt").write_text("äöü")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert run(*line.split()) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert re.search(told, err)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_without_jinja2(folder, page, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "jinja2" else find(name)
    )
    assert run("report", "m.npz", "a.txt", "-o", page) == 2
    assert capsys.readouterr().err == (
        "gru-ext: reports need jinja2, which is not installed: "
        'python -m pip install "gru-ext[report]"\n'
    )
    assert not page.exists()


def test_jinja2_is_loaded_for_reports_alone(folder):
    program = (
        "from gru_ext.cli.main import main; "
        "main('evaluate m.npz a.txt'.split()); "
        "import sys; print('jinja2' in sys.modules, 'gru_ext.report.write' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False False"


def test_a_report_of_a_run(folder, page):
    """Text, model and metrics of one run: the validation part is found."""
    text = "".join(f"{n} apples and {n * 7} pears.\n" for n in range(300))
    (folder / "b.txt").write_text(text)
    command = "train b.txt -o b.npz --hidden-size 8 --max-steps 20 --val-fraction 0.2 --split tail"
    assert run(*command.split(), "--quiet", "--metrics", "b.jsonl") == 0
    assert run("report", "b.npz", "b.txt", "-o", page, "--metrics", "b.jsonl") == 0
    shown = page.read_text(encoding="utf-8")
    size = round(len(text) * 0.2)
    assert f"all {size:,} characters of the validation part of b.txt" in shown
    assert "The best validation loss that the model file records" in shown
    curve = data_of(page.read_bytes())["curve"]
    assert curve["training"]
    assert curve["validation"]
    nats = gru_ext.load("b.npz").evaluate(text[-size:]).bits_per_char
    assert data_of(page.read_bytes())["baselines"][-1][1] == pytest.approx(nats, abs=1e-3)
