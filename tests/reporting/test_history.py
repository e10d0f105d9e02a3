# SPDX-License-Identifier: MIT
"""The history of a run, and what a notebook shows of it."""

import math
import pickle
import xml.etree.ElementTree as ET

import pytest
from training_runs import SMALL, TEXT

import gru_ext
from gru_ext import History, Progress
from gru_ext.reporting.metrics import MetricsError
from gru_ext.reporting.scale import Scale, scale_of

OPTIONS = SMALL | {"max_steps": 40, "log_every": 5, "eval_every": 10}
OPTIONS |= {"val_fraction": 0.2, "split": "tail"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model with its history, and its metrics file."""
    path = tmp_path_factory.mktemp("run") / "m.jsonl"
    return gru_ext.train(TEXT, **OPTIONS, metrics=path), path


def test_a_model_has_the_history_of_its_run(run):
    model, path = run
    history = model.history
    assert [record["step"] for record in history] == [*range(5, 41, 5)]
    assert len(history) == 8
    assert [step for step, _ in history.points("val_bits")] == [10, 20, 30, 40]
    before = model.about["validation"]["nats_per_char_before"] / math.log(2)
    assert history.points("val_bits")[-1][1] == before > model.evaluate(TEXT[-108:]).bits_per_char
    assert history.best == min(history.points("val_bits"), key=lambda point: point[1])
    assert history.points("val_bits", "characters")[0][0] == history.records[1]["characters"]
    assert History.read(path).records == history.records
    assert pickle.loads(pickle.dumps(model)).history.records == history.records


def test_the_best_weights_come_with_the_history_of_the_whole_run():
    model = gru_ext.train(TEXT, **OPTIONS | {"learning_rate": 0.3})
    assert model.about["step"] == model.history.best[0]
    assert model.history.records[-1]["step"] == 40


def test_an_interrupted_run_has_its_history():
    def stop(progress):
        if progress.step == 20:
            raise RuntimeError

    with pytest.raises(RuntimeError) as error:
        gru_ext.train(TEXT, **OPTIONS, callback=stop)
    assert [record["step"] for record in error.value.model.history] == [5, 10, 15, 20]


def test_repr(run):
    history = run[0].history
    train, best = history.records[-1]["train_bits"], history.best[1]
    assert repr(history) == (
        f"<gru_ext.History: 8 records up to step 40, train {train:.3f}, best validation "
        f"{best:.3f} bits/char>"
    )
    assert repr(History([])) == "<gru_ext.History: no records>"
    assert repr(History([{"step": 1, "characters": 2, "seconds": 3}])).endswith("up to step 1>")


def test_what_is_no_history(tmp_path):
    (tmp_path / "m").write_text("x\n")
    with pytest.raises(MetricsError, match="m is not a metrics file: line 1"):
        History.read(tmp_path / "m")


@pytest.mark.parametrize(
    "about",
    [3, [], {"options": 3}, {"options": {"hidden_size": "x"}}, {"texts": [1], "characters": -1}],
)
def test_a_damaged_title_is_left_out(about):
    record = {"step": 1, "characters": 2, "seconds": 3, "about": about}
    assert History([record]).title == ("", "")


def test_bytes_are_called_bytes():
    history = gru_ext.train(TEXT, **OPTIONS, units="bytes").history
    assert history.unit == "byte"
    assert history.title[1] == "540 bytes"
    assert repr(history).endswith("bits/byte>")


def elements(html, name):
    return [*ET.fromstring(html).iter(name)]


def test_a_notebook_shows_the_curves_and_a_table(run):
    history = run[0].history
    html = history._repr_html_()
    svg = "{http://www.w3.org/2000/svg}"
    lines = elements(html, f"{svg}polyline")
    counts = [len(line.get("points").split()) for line in lines]
    assert counts == [8, 4, 2, 2]  # the curves and their samples in the legend
    assert [line.get("stroke-dasharray") is not None for line in lines] == [False, True] * 2
    assert [text.text for text in elements(html, f"{svg}text")][-2:] == ["training", "validation"]
    rows = [[cell.text for cell in row] for row in elements(html, "tr")]
    assert rows[0][:4] == ["step", "epoch", "train bits/char", "validation bits/char"]
    assert [row[0] for row in rows[1:]] == [str(step) for step in range(5, 41, 5)]
    assert rows[2][3] == f"{history.records[1]['val_bits']:.3f}"
    assert rows[1][3] is None
    assert "540 characters" in html


def test_a_long_history_is_a_short_table(run):
    first = run[0].history.records[0]
    history = History([first | {"step": n} for n in range(1, 1001)])
    rows = elements(history._repr_html_(), "tr")
    assert len(rows) <= 21
    assert rows[-1][0].text == "1,000"
    assert rows[-2][0].text == "950"


def test_the_short_table_has_the_evaluations(run):
    first = {**run[0].history.records[0], "val_bits": None}
    every = range(7, 100, 14)
    records = [first | {"step": n, "val_bits": 2.5 if n in every else None} for n in range(1, 101)]
    rows = [[cell.text for cell in row] for row in elements(History(records)._repr_html_(), "tr")]
    assert [row[0] for row in rows if row[3] == "2.500"] == [str(n) for n in every]
    assert rows[-1][0] == "100"


@pytest.mark.parametrize(
    "records",
    [
        [],
        [{"step": 0, "characters": 0, "seconds": 0}] * 3,
        [{"step": n, "characters": 0, "seconds": 0, "train_bits": 2.0} for n in (1, 2)],
        [
            {"step": n, "characters": 0, "seconds": 0, "train_bits": 0.0001**n, "val_bits": 1}
            for n in range(9)
        ],
        [{"step": 1, "characters": 0, "seconds": 0, "about": {"texts": ["<b>&"]}}],
    ],
)
def test_any_history_is_whole_html(records):
    html = History(records)._repr_html_()
    assert ET.fromstring(html).tag == "div"
    assert "<b>" not in html


def test_a_progress_line_is_a_row():
    progress = Progress(10, 20, 0.5, 640, 2 * math.log(2), None, 0.01, None, 1.0)
    header, row = elements(progress._repr_html_(), "tr")
    assert [cell.text for cell in row] == ["10", "0.50", "2.000", None, "1.00e-02", None]
    assert len(header) == len(row)


@pytest.mark.parametrize(
    ("curves", "scale"),
    [
        ([], None),
        ([[]], None),
        ([[(1, 5.0)]], Scale(5.0, 5.0, False)),
        ([[(1, 5.0), (2, 3.0), (3, 2.0)]], Scale(2.0, 5.0, False)),
        ([[(1, 5.0), (2, 3.0), (3, 2.0), (4, 2.0)]], Scale(2.0, 3.0, False)),
        ([[(n, 10 - n / 20) for n in range(1, 101)]], Scale(5.0, 10 - 11 / 20, False)),
        ([[(1, 9.0), (2, 4.1), (3, 2.0), (4, 1.0)]], Scale(1.0, 9.0, True)),
        ([[(1, 9.0), (2, 4.0), (3, 2.0), (4, 1.0)]], Scale(1.0, 4.0, False)),
        ([[(1, 9.0), (2, 4.1), (3, 2.0), (4, 0.0)]], Scale(0.0, 4.1, False)),
        ([[(1, 3.0), (2, 2.0), (3, 2.0), (4, 2.0)], [(4, 7.5)]], Scale(2.0, 7.5, False)),
    ],
)
def test_the_scale_of_losses(curves, scale):
    assert scale_of(curves) == scale
