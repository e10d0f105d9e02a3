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
from training_runs import TEXT

import gru_ext
from gru_ext.reporting.plot import COLORS

PNG = b"\x89PNG\r\n\x1a\n"
LINE = {
    "step": 10,
    "epoch": 0.5,
    "characters": 640,
    "train_bits": 3.5,
    "val_bits": None,
    "learning_rate": 0.01,
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
                "epoch": n / 2,
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
@pytest.mark.parametrize("output", ["a.png", "a.svg", "a.pdf", "A.PNG"])
def test_plot(metrics, matplotlib, capsys, files, output):
    assert run("plot", *files.split(), "-o", output) == 0
    assert capsys.readouterr() == (f"wrote {output}\n", "")
    data = (metrics / output).read_bytes()
    if output == "a.svg":
        assert ET.fromstring(data).tag.endswith("svg")
    else:
        assert data.startswith(b"%PDF" if output == "a.pdf" else PNG)


@pytest.mark.parametrize("output", ["a.png", "a.svg", "a.pdf"])
def test_the_same_numbers_make_the_same_picture(metrics, matplotlib, output):
    found = []
    for _ in range(2):
        assert run("plot", "one.jsonl", "-o", output, "--force") == 0
        found.append((metrics / output).read_bytes())
    assert found[0] == found[1]


@pytest.fixture
def strict(matplotlib):
    """Warnings of matplotlib are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def curves(axes):
    """The curves of each label, in order."""
    found = {}
    for line in axes.get_lines():
        found.setdefault(line.get_label(), []).append(line)
    return found


def test_what_is_drawn(metrics, strict):
    figure = gru_ext.plot("one.jsonl")
    loss, rate, speed = figure.axes
    found = curves(loss)
    assert [*found] == ["training", "validation", "best validation: 2.625 at step 80"]
    assert found["training"][0].get_xydata()[1].tolist() == [20, 3.0]
    assert found["validation"][0].get_xydata().tolist() == [
        [20, 3.0],
        [40, 2.75],
        [60, 2.5 + 1 / 6],
        [80, 2.625],
    ]
    (best,) = found["best validation: 2.625 at step 80"]
    assert best.get_xydata().tolist() == [[80, 2.625]]
    assert best.get_marker() == "*"
    assert [text.get_text() for text in loss.get_legend().get_texts()] == [*found]
    assert [len(axes.get_lines()[0].get_xydata()) for axes in (rate, speed)] == [8, 8]
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("steps", "loss in bits per character")
    titles = [axes.get_title(loc="left") for axes in (rate, speed)]
    assert titles == ["learning rate", "characters per second"]


def test_epochs_are_above_the_steps(metrics, strict):
    (above,) = gru_ext.plot("one.jsonl").axes[0].child_axes
    assert above.get_xlabel() == "epochs"
    figure = above.figure
    figure.draw_without_rendering()
    steps = figure.axes[0].get_xlim()
    assert above.get_xlim() == pytest.approx([step / 20 for step in steps])


def test_the_title_has_sizes_and_text(folder, strict):
    options = {"hidden_size": 8, "max_steps": 20, "val_fraction": 0.2, "log_every": 4}
    model = gru_ext.train(folder / "a.txt", **options, layers=2, quiet=True)
    title = gru_ext.plot(model.history).axes[0].get_title(loc="left")
    count = f"{model.parameters.count:,}"
    assert title == f"2 layers of hidden size 8, {count} parameters · a.txt, 540 characters"
    other = gru_ext.train(folder / "a.txt", **options, quiet=True)
    both = gru_ext.plot({"two": model.history, "one": other.history})
    assert both.axes[0].get_title(loc="left") == "a.txt, 540 characters"


def test_lines_and_markers_differ_without_colour(metrics, strict):
    training, validation, best = gru_ext.plot("one.jsonl").axes[0].get_lines()
    assert training.get_linestyle() == "-" != validation.get_linestyle()
    assert training.get_marker() in ("", "None")
    assert len({training.get_color(), validation.get_color()}) == 2
    assert {line.get_color() for line in (training, validation, best)} <= {*COLORS}


def legend_of(figure):
    assert figure.axes[0].get_legend() is None
    (legend,) = figure.legends
    return legend


def test_several_runs(metrics, strict):
    figure = gru_ext.plot(["one.jsonl", "other.jsonl"])
    found = curves(figure.axes[0])
    assert [line.get_ydata()[1] for line in found["training"]] == [3.0, 4.0]
    colors = [line.get_color() for line in found["training"]]
    assert colors == [line.get_color() for line in found["validation"]]
    assert len({*colors}) == 2
    for axes in figure.axes[1:]:
        assert len({line.get_linestyle() for line in axes.get_lines()}) == 2
    texts = [text.get_text() for text in legend_of(figure).get_texts()]
    assert texts == ["one  2.625", "other  3.625"]


def test_runs_with_steps_of_other_sizes_are_over_characters(metrics, strict):
    record = LINE | {"characters": 320}
    figure = gru_ext.plot({"a": gru_ext.History([LINE]), "b": gru_ext.History([record])})
    loss = figure.axes[0]
    assert loss.get_xlabel() == "characters seen"
    assert [line.get_xdata()[0] for line in curves(loss)["training"]] == [640, 320]
    assert not loss.child_axes


def test_the_labels_of_a_mapping_are_printable_and_different(metrics, strict):
    figure = gru_ext.plot({1: "one.jsonl", "1": "one.jsonl", "\x1b": "other.jsonl"})
    texts = [text.get_text() for text in legend_of(figure).get_texts()]
    assert texts == ["1  2.625", "1 (2)  2.625", "\\x1b  3.625"]


def test_a_run_without_a_validation_loss_among_others(metrics, strict):
    figure = gru_ext.plot({"a": "one.jsonl", "b": history_of([3.0, 2.0])})
    texts = [text.get_text() for text in legend_of(figure).get_texts()]
    assert texts == ["b  2.000 in training", "a  2.625"]


def test_a_notebook_shows_the_picture(metrics, strict):
    assert gru_ext.plot("one.jsonl")._repr_png_().startswith(PNG)


def history_of(train, val=()):
    val = [*val, *[None] * len(train)]
    return gru_ext.History(
        [
            LINE
            | {
                "step": 10 * n,
                "epoch": n / 2,
                "characters": 640 * n,
                "train_bits": bits,
                "val_bits": val[n - 1],
            }
            for n, bits in enumerate(train, start=1)
        ]
    )


def test_the_scale_leaves_out_the_steep_beginning(strict):
    history = history_of([6.0, 5.0, *(3 - n / 20 for n in range(18))])
    loss = gru_ext.plot(history).axes[0]
    low, high = loss.get_ylim()
    assert loss.get_yscale() == "linear"
    assert low < 2.15 < 3.0 < high < 3.2


def test_losses_of_other_magnitudes_are_on_a_logarithmic_scale(strict):
    train, val = [4 * 0.8**n for n in range(20)], [4 + n / 20 for n in range(20)]
    loss = gru_ext.plot(history_of(train, val)).axes[0]
    low, high = loss.get_ylim()
    assert loss.get_yscale() == "log"
    assert low < train[-1] < val[-1] < high
    loss.figure.draw_without_rendering()
    ticks = [tick.get_text() for tick in loss.get_yticklabels()]
    assert {"0.1", "1", "2"} <= {*ticks}


def test_a_loss_of_zero_has_no_logarithm(strict):
    loss = gru_ext.plot(history_of([4.0, 3.0, 2.0, 1.0, 0.0])).axes[0]
    assert loss.get_yscale() == "linear"


def test_a_flat_curve_and_a_single_point(strict):
    for history in (history_of([2.0] * 5), history_of([2.0])):
        low, high = gru_ext.plot(history).axes[0].get_ylim()
        assert low < 2.0 < high


def test_a_speed_that_is_not_known_is_left_out(strict):
    records = [*history_of([3.0, 2.0, 1.0])]
    records[2] = records[2] | {"characters_per_second": None}
    (speed,) = gru_ext.plot(gru_ext.History(records)).axes[2].get_lines()
    assert speed.get_xdata().tolist() == [10, 20]


def test_the_history_of_a_run_and_its_file_make_the_same_picture(folder, matplotlib):
    options = {"hidden_size": 8, "max_steps": 20, "val_fraction": 0.2, "quiet": True}
    model = gru_ext.train(TEXT, **options, metrics="m.jsonl", plot="p.svg")
    gru_ext.plot(model.history, "q.svg")
    assert (folder / "q.svg").read_bytes() == (folder / "p.svg").read_bytes()
    gru_ext.plot("m.jsonl", "r.svg")
    assert (folder / "r.svg").read_bytes() == (folder / "p.svg").read_bytes()


@pytest.mark.parametrize(
    ("runs", "error", "told"),
    [
        (3, TypeError, "`runs` must be a History or a path, or several, not 3"),
        ([LINE], TypeError, "`runs` must be a History or a path, or several, not {"),
        ([], ValueError, "`runs` must be one run or more, not none"),
        (gru_ext.History([]), ValueError, "the history has no records yet"),
        ({"a": "empty.jsonl"}, ValueError, "empty.jsonl has no records yet"),
        ("none.jsonl", FileNotFoundError, "none.jsonl"),
    ],
)
def test_what_cannot_be_drawn(metrics, matplotlib, runs, error, told):
    with pytest.raises(error, match=re.escape(told)):
        gru_ext.plot(runs)
    with pytest.raises(ValueError, match=r"a\.gif must end in \.png, \.svg or \.pdf"):
        gru_ext.plot("one.jsonl", "a.gif")


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
        ("plot m.npz -o a.png", "m.npz is not a metrics file: line 1 .*: it is not UTF-8 text\n"),
        ("plot one.jsonl -o a.jpg", r"a\.jpg must end in \.png, \.svg or \.pdf"),
        ("plot one.jsonl -o none/a.png", "none/a.png"),
        ("plot one.jsonl -o one.jsonl", "one.jsonl exists"),
        ("train a.txt -o x.npz --plot p", r"p must end in \.png, \.svg or \.pdf"),
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
        'python -m pip install "gru-ext[plot]"\n'
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
    assert capsys.readouterr() == ("wrote a.png\n", "")


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
def test_every_run_is_in_the_legend(metrics, strict, names, labels):
    for name in names:
        (metrics / f"{name}.jsonl").write_text(json.dumps(LINE) + "\n")
    runs = [f"{name}.jsonl" for name in names]
    for output in ("a.png", "a.svg"):
        figure = gru_ext.plot(runs, output)
    texts = [text.get_text() for text in legend_of(figure).get_texts()]
    assert texts == [f"{label}  3.500" for label in labels]


@pytest.mark.parametrize("runs", [2, 12, 40])
@pytest.mark.parametrize("validated", [True, False])
def test_many_runs_hide_nothing(metrics, strict, runs, validated):
    records = [*gru_ext.History.read("one.jsonl")]
    if not validated:
        records = [record | {"val_bits": None} for record in records]
    figure = gru_ext.plot({f"run{i}": gru_ext.History(records) for i in range(runs)})
    loss = figure.axes[0]
    drawn = curves(loss)["validation" if validated else "training"]
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in drawn}
    assert len(looks) == len(drawn) == runs
    figure.draw_without_rendering()
    legend = legend_of(figure)
    assert len(legend.get_texts()) == runs
    box, axes = legend.get_window_extent(), loss.get_window_extent()
    assert box.x0 >= axes.x1
    assert axes.width > 300
    assert 0 <= box.y0 < box.y1 <= figure.bbox.y1
    assert box.x1 <= figure.bbox.x1
