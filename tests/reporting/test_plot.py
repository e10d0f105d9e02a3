# SPDX-License-Identifier: MIT
"""Pictures of training runs."""

import importlib.util
import json
import re
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET

import pytest
from command import POSIX, run

PNG = b"\x89PNG\r\n\x1a\n"
LINE = {
    "step": 10,
    "characters": 640,
    "train_bits": 3.5,
    "val_bits": None,
    "characters_per_second": 1e5,
    "seconds": 0.5,
}


@pytest.fixture
def metrics(folder):
    for name, rise in (("one.jsonl", 0), ("other.jsonl", 1)):
        lines = [
            LINE
            | {
                "step": 10 * n,
                "characters": 640 * n,
                "train_bits": 2 + 2 / n + rise,
                "val_bits": None if n % 2 else 2.5 + 1 / n + rise,
            }
            for n in range(1, 9)
        ]
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "single.jsonl").write_text(json.dumps(LINE) + "\n")
    (folder / "empty.jsonl").write_text("")
    return folder


@pytest.fixture
def matplotlib():
    return pytest.importorskip("matplotlib")


@pytest.mark.parametrize("files", ["one.jsonl", "single.jsonl", "one.jsonl other.jsonl"])
@pytest.mark.parametrize("output", ["a.png", "a.svg", "A.PNG"])
def test_plot(metrics, matplotlib, capsys, files, output):
    assert run("plot", *files.split(), "-o", output) == 0
    assert capsys.readouterr() == ("", "")
    data = (metrics / output).read_bytes()
    if output == "a.svg":
        assert ET.fromstring(data).tag.endswith("svg")
    else:
        assert data.startswith(PNG)


@pytest.mark.parametrize("output", ["a.png", "a.svg"])
def test_the_same_numbers_make_the_same_picture(metrics, matplotlib, output):
    found = []
    for _ in range(2):
        assert run("plot", "one.jsonl", "-o", output, "--force") == 0
        found.append((metrics / output).read_bytes())
    assert found[0] == found[1]


@pytest.fixture
def drawn(matplotlib, monkeypatch):
    """The figures that are saved, and warnings of matplotlib are errors."""
    from matplotlib.figure import Figure

    figures, savefig = [], Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (figures.append(self), savefig(self, *a, **k))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield figures


def legend_of(figure):
    legends = [each for each in (figure.axes[0].get_legend(), *figure.legends) if each]
    assert len(legends) == 1
    return legends[0]


def test_what_is_drawn(metrics, drawn):
    """Each run has its losses and its speed, over the characters."""
    assert run("plot", "one.jsonl", "other.jsonl", "-o", "a.png") == 0
    loss, speed = drawn[0].axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in loss.get_lines()}
    assert list(lines) == ["one training", "one validation", "other training", "other validation"]
    assert lines["other training"][1] == [1280, 4]
    assert lines["one validation"] == [
        [1280, 3.0],
        [2560, 2.75],
        [3840, 2.5 + 1 / 6],
        [5120, 2.625],
    ]
    assert [len(line.get_xydata()) for line in speed.get_lines()] == [8, 8]
    assert [text.get_text() for text in legend_of(drawn[0]).get_texts()] == list(lines)
    assert (loss.get_ylabel(), speed.get_ylabel()) == (
        "bits per character",
        "characters per second",
    )


def test_training_draws_at_its_end(folder, matplotlib, capsys):
    command = "train a.txt -o x.npz --hidden-size 8 --val-fraction 0.2 --quiet --plot p.svg"
    assert run(*command.split(), "--max-steps", "20") == 0
    first = (folder / "p.svg").read_bytes()
    assert ET.fromstring(first).tag.endswith("svg")
    assert run(*command.split(), "--max-steps", "40", "--resume") == 0
    assert (folder / "p.svg").read_bytes() != first
    assert capsys.readouterr() == ("", "")
    assert run(*command.split(), "--max-steps", "40", "-o", "y.npz") == 2
    assert re.fullmatch(r"gru-ext: p\.svg exists: .*--plot\n", capsys.readouterr().err)


def test_a_picture_that_cannot_be_written_costs_no_model(folder, matplotlib, capsys, monkeypatch):
    def full(path, write):
        raise OSError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr("gru_ext.reporting.plot.write_atomically", full)
    command = "train a.txt -o x.npz --hidden-size 8 --max-steps 5 --quiet --plot p.png"
    assert run(*command.split()) == 0
    assert capsys.readouterr().err == "gru-ext: cannot write p.png: No space left on device\n"
    assert (folder / "x.npz").exists()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("plot one.jsonl", "-o"),
        ("plot -o a.png", "METRICS"),
        ("plot none.jsonl -o a.png", "none.jsonl"),
        ("plot empty.jsonl -o a.png", "empty.jsonl has no records yet"),
        ("plot a.txt -o a.png", "a.txt is not a metrics file: line 1"),
        ("plot m.npz -o a.png", "m.npz is not a metrics file"),
        ("plot one.jsonl -o a.jpg", r"a\.jpg must end in \.png or \.svg"),
        ("plot one.jsonl -o none/a.png", "none/a.png"),
        ("plot one.jsonl -o one.jsonl", "one.jsonl exists"),
        ("train a.txt -o x.npz --plot p", r"p must end in \.png or \.svg"),
        ("train a.txt -o x.npz --plot none/p.png", "none/p.png"),
        ("train a.txt --classic --plot p.png", "--plot and --classic cannot be combined"),
    ],
)
def test_what_is_refused(metrics, matplotlib, capsys, line, told):
    before = sorted(path.name for path in metrics.iterdir())
    assert run(*line.split()) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert re.search(told, err)
    assert sorted(path.name for path in metrics.iterdir()) == before


@pytest.mark.parametrize(
    "line", ["plot one.jsonl -o a.png", "train a.txt -o x.npz --max-steps 4 --plot a.png"]
)
def test_without_matplotlib(metrics, capsys, monkeypatch, line):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name)
    )
    before = sorted(path.name for path in metrics.iterdir())
    assert run(*line.split()) == 2
    err = capsys.readouterr().err
    assert err == (
        "gru-ext: pictures need matplotlib, which is not installed: "
        "python -m pip install 'gru-ext[plot]'\n"
    )
    assert sorted(path.name for path in metrics.iterdir()) == before


def test_matplotlib_is_loaded_for_pictures_alone(folder):
    program = (
        "from gru_ext.cli.main import main; "
        "main('train a.txt -o x.npz --max-steps 2 --metrics m.jsonl --quiet'.split()); "
        "import sys; print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_names_are_no_formulas_and_words_no_numbers(metrics, matplotlib, capsys):
    (metrics / "a$x_{.jsonl").write_text(json.dumps(LINE | {"val_bits": "low"}) + "\n")
    (metrics / "b$.jsonl").write_text(json.dumps(LINE) + "\n")
    assert run("plot", "a$x_{.jsonl", "b$.jsonl", "-o", "a.png") == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["_warm", "base"], ["_warm", "base"]),
        (["__a", "_b"], ["__a", "_b"]),
        (["a\x1b\n", "b"], ["a\\x1b\\n", "b"]),
        (["春", "$x_{$"], ["春", "$x_{$"]),
        (["a", "a"], ["a.jsonl", "a.jsonl (2)"]),
        (["x" * 200 + "1", "x" * 200 + "2"], ["x" * 30 + "…" + "x" * 29 + end for end in "12"]),
        pytest.param(["b\udcff", "c"], ["b\\udcff", "c"], marks=POSIX),
    ],
)
def test_every_run_is_in_the_legend(metrics, drawn, capsys, names, labels):
    for name in names:
        (metrics / f"{name}.jsonl").write_text(json.dumps(LINE) + "\n")
    for output in ("a.png", "a.svg"):
        assert run("plot", *(f"{name}.jsonl" for name in names), "-o", output) == 0
        assert capsys.readouterr() == ("", "")
    texts = [text.get_text() for text in legend_of(drawn[0]).get_texts()]
    assert texts == [f"{label} training" for label in labels]


@pytest.mark.parametrize("runs", [2, 12, 40])
def test_many_runs_hide_nothing(metrics, drawn, runs):
    names = [f"run{i}.jsonl" for i in range(runs)]
    for name in names:
        (metrics / name).write_bytes((metrics / "one.jsonl").read_bytes())
    assert run("plot", *names, "-o", "a.png") == 0
    figure = drawn[0]
    loss = figure.axes[0]
    colors = {matplotlib_color(line.get_color()) for line in loss.get_lines()}
    assert len(colors) == runs
    figure.draw_without_rendering()
    legend = legend_of(figure)
    assert len(legend.get_texts()) == 2 * runs
    box, axes = legend.get_window_extent(), loss.get_window_extent()
    assert box.x0 >= axes.x1 or runs == 2
    assert axes.width > 300
    assert 0 <= box.y0 < box.y1 <= figure.bbox.y1
    assert box.x1 <= figure.bbox.x1


def matplotlib_color(color):
    from matplotlib.colors import to_hex

    return to_hex(color)
