# SPDX-License-Identifier: MIT
"""How models and what belongs to them are shown: one line, and a table in a notebook."""

import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from enumeration import toy
from training_runs import SMALL, TEXT

import gru_ext
from gru_ext import Evaluation, Parameters, Summary, Trainer, Workspace
from gru_ext.model.sampling import Sample

RUN = SMALL | {"max_steps": 40, "val_fraction": 0.2, "log_every": 5, "eval_every": 10}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model after its run, and the same from its file."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "a<b>.txt").write_text(TEXT)
    model = gru_ext.train(
        folder / "a<b>.txt", **RUN, output=folder / "model.npz", metrics=folder / "m"
    )
    return model, gru_ext.load(folder / "model.npz")


def facts(html):
    """The names and values of a table."""
    return {row[0].text: row[1].text for row in ET.fromstring(html).iter("tr")}


# ------------------------------------------------------------------ one line


def test_a_model(trained):
    model, loaded = trained
    V, H = len(set(TEXT)), SMALL["hidden_size"]
    count = 3 * (H * V + H * H + H) + V * H + V
    line = f"<gru_ext.Model: {V} characters, hidden size {H}, float32, {count:,} parameters, 40 ste"
    assert repr(model) == repr(loaded) == f"{line}ps>"
    assert repr(toy("".join(map(chr, range(256))), units="bytes")) == (
        "<gru_ext.Model: 256 bytes, hidden size 5, float64, 5,466 parameters>"
    )


def test_what_else_has_one_line(trained):
    model, _ = trained
    trainer = Trainer(model, model.vocabulary.encode(TEXT), threads=1, batch_size=2, seq_length=9)
    V = len(set(TEXT))
    assert repr(trainer) == (
        f"<gru_ext.Trainer: 0 steps done, {len(TEXT)} characters, sequence length 9, batch size 2, "
        f"adamw, learning rate 0.012, 1 thread>"
    )
    assert repr(Parameters(3, 4, np.float64, layers=2)) == (
        "<gru_ext.Parameters: 20 arrays, vocabulary size 3, 2 layers of hidden size 4, "
        "219 parameters, float64>"
    )
    workspace = Workspace(V, 4, 2, 5, np.float32, layers=3)
    assert repr(workspace) == (
        f"<gru_ext.Workspace for training: batch size 2, sequence length 5, vocabulary size {V}, "
        f"3 layers of hidden size 4, float32, {workspace.nbytes:,} bytes>"
    )
    assert repr(Workspace(3, 4, 1, 1, training=False)).startswith("<gru_ext.Workspace for reading:")
    assert repr(Evaluation(np.log(2) * 1.5, 1200)) == (
        "<gru_ext.Evaluation: 1.5000 bits/char, perplexity 2.828, 1,200 characters>"
    )
    assert repr(Evaluation(1e9, 2, 7)).endswith("perplexity inf, 2 characters, 7 unknown>")
    assert repr(Sample("a", "b\u202ec", 6.0, "stop", 4)) == (
        r"<gru_ext.Sample: 'b\u202ec', 1.500 bits/char, ended by stop>"
    )
    assert repr(Sample(b"", b"\xff" * 500, 1.0, "length", 500)).endswith(
        "…, 0.002 bits/byte, ended by length>"
    )


def test_damaged_facts_are_left_out(trained):
    """A file may say anything of the training; what it says is shown, so it is checked."""
    model = toy()
    before, rows = repr(model), facts(model._repr_html_())
    for wrong in (-1, "x", [3], {}, None, float("nan")):
        names = ("step", "training", "run", "made_from", "options", "validation")
        for about in ({name: wrong} for name in names):
            model.about = about
            assert repr(model) == before
            assert facts(model._repr_html_()) == rows
        model.about = {
            "training": {"text_characters": wrong},
            "run": {"validation": {"characters": wrong, "nats": wrong}},
            "made_from": {"texts": wrong},
            "options": {"tied": wrong},
        }
        assert repr(model) == before
        assert facts(model._repr_html_()) == rows


# ------------------------------------------------------------------ in a notebook


def test_a_notebook_shows_what_a_model_is(trained):
    model, loaded = trained
    shown = facts(model._repr_html_())
    best, train = model.history.best, model.history.points("train_bits")[-1][1]
    own = model.about["validation"]["nats_per_char"] / math.log(2)
    assert best[1] == model.about["validation"]["nats_per_char_before"] / math.log(2) > own
    V = len(set(TEXT))
    assert shown == {
        "layers": "1",
        "hidden size": f"{SMALL['hidden_size']} units in each layer",
        "vocabulary": f"{V} characters",
        "parameters": f"{model.parameters.count:,}",
        "data type": "float32",
        "text": "a<b>.txt, 540 characters",
        "steps": "40",
        "training loss": f"{train:.3f} bits/char",
        "validation loss": f"{own:.3f} bits/char, best at step {best[0]}",
    }
    assert "<svg" in model._repr_html_()
    del shown["training loss"]
    assert facts(loaded._repr_html_()) == shown | {"validation loss": f"{own:.3f} bits/char"}
    assert "<svg" not in loaded._repr_html_()


def test_a_notebook_shows_an_evaluation():
    assert facts(Evaluation(np.log(2), 1200)._repr_html_()) == {
        "bits per character": "1.0000",
        "perplexity": "2",
        "characters predicted": "1,200",
    }
    assert facts(Evaluation(1.0, 9, 3)._repr_html_())["unknown characters"] == "3"


def test_names_of_texts_do_no_harm():
    model = toy()
    model.about = {"made_from": {"texts": ["<script>\u202e\x1b[31m&"]}}
    html = model._repr_html_()
    assert "<script>" not in html
    assert not set("\u202e\x1b") & set(html)
    assert facts(html)["text"].startswith("<script>")


# ------------------------------------------------------------------ summary


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_summary_counts_every_array(layers, dtype):
    model = toy("abcd", H=7, layers=layers, dtype=dtype)
    summary = model.summary()
    assert isinstance(summary, Summary)
    arrays = {name: array.shape for name, array in model.parameters.items()}
    assert {name: row.shape for row in summary.rows for name in row.names} == arrays
    assert sum(len(row.names) for row in summary.rows) == len(arrays)
    assert summary.parameters == model.parameters.count
    assert summary.bytes == model.parameters.count * model.dtype.itemsize
    for row in summary.rows:
        assert row.parameters == len(row.names) * row.shape[0] * row.shape[1]
        assert row.bytes == row.parameters * model.dtype.itemsize
    layer = [row.layer for row in summary.rows]
    assert layer == [f"GRU {n}" for n in range(1, layers + 1) for _ in "WUb"] + ["output"] * 2


def test_a_summary_is_a_table():
    summary = toy("abcd", H=7, layers=2, dtype="float32").summary()
    assert str(summary) == repr(summary)
    assert str(summary).splitlines() == [
        "Model: 4 characters, 2 layers of hidden size 7, float32",
        "layer   arrays          shape of each  parameters       size",
        "GRU 1   Wz Wr Wh        (7, 4)                 84  336 bytes",
        "        Uz Ur Uh        (7, 7)                147  588 bytes",
        "        bz br bh        (7, 1)                 21   84 bytes",
        "GRU 2   Wz_2 Wr_2 Wh_2  (7, 7)                147  588 bytes",
        "        Uz_2 Ur_2 Uh_2  (7, 7)                147  588 bytes",
        "        bz_2 br_2 bh_2  (7, 1)                 21   84 bytes",
        "output  Wy              (4, 7)                 28  112 bytes",
        "        by              (4, 1)                  4   16 bytes",
        "total                                         599     2.4 kB",
    ]


def test_a_summary_of_the_largest_layers_fits_80_columns():
    V, H = 1_114_112, 2**20  # with more the sizes of a memory of 64 bits are exceeded
    rows = []
    for row in toy(H=2, layers=16).summary().rows:
        shape = tuple({2: H, 3: V, 1: 1}[n] for n in row.shape)
        count = len(row.names) * shape[0] * shape[1]
        rows.append(row._replace(shape=shape, parameters=count, bytes=8 * count))
    title = f"Model: {V:,} characters, 16 layers of hidden size {H}, float64"
    lines = str(Summary(title, tuple(rows))).splitlines()
    assert max(map(len, lines)) <= 80
    assert "(1048576, 1114112)" in lines[2]


def test_tied_weights_count_once():
    model = gru_ext.train(TEXT, **SMALL | {"max_steps": 2}, tied=True)
    summary = model.summary()
    V, H = len(model.vocabulary), model.hidden_size
    assert summary.parameters == model.parameters.count - V * H
    assert summary.bytes == model.parameters.count * 4
    (output,) = [row for row in summary.rows if row.names == ("Wy",)]
    assert (output.shape, output.parameters) == ((V, H), 0)
    assert f"{summary.parameters:,} parameters" in repr(model)
    assert facts(model._repr_html_())["parameters"] == f"{summary.parameters:,}"


def test_a_notebook_shows_a_summary():
    summary = toy("abcd", H=7, layers=2).summary()
    rows = [[cell.text for cell in row] for row in ET.fromstring(summary._repr_html_()).iter("tr")]
    assert rows[0] == ["layer", "arrays", "shape of each", "parameters", "size"]
    assert rows[1][:3] == ["GRU 1", "Wz Wr Wh", "(7, 4)"]
    assert rows[-1][3:] == re.split(" {2,}", str(summary).splitlines()[-1])[1:]
    assert len(rows) == len(summary.rows) + 2
