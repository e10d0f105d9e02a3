# SPDX-License-Identifier: MIT
"""``gru-ext evaluate``: models and texts, what is printed, and what it is compared with."""

import json
import lzma
import math
import re
import sys
from collections import Counter
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from command import run
from training_runs import TEXT

import gru_ext
from gru_ext.cli import comparisons
from gru_ext.cli.comparisons import letter_frequency_bits, xz_bits
from gru_ext.text.reader import TextReader
from gru_ext.text.vocabulary import Counts

OTHER = TEXT[::-1]


@pytest.fixture
def texts(folder):
    (folder / "b.txt").write_text(OTHER)
    gru_ext.train(TEXT, hidden_size=8, max_steps=60, output="n.npz", quiet=True)
    return folder


def evaluated(capsys, *arguments):
    """What --json says, and what is written on standard error."""
    assert run("evaluate", *arguments, "--json") == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    return json.loads(out), err


def figures(result):
    names = ("nats_per_char", "bits_per_char", "perplexity", "characters", "unknown")
    return {name: getattr(result, name) for name in names}


def test_json_of_one_model_and_text(texts, capsys):
    found, err = evaluated(capsys, "m.npz", "a.txt")
    result = gru_ext.load("m.npz").evaluate(TEXT)
    p = np.array([*Counter(TEXT).values()]) / len(TEXT)
    assert err == ""
    assert found.pop("letter_frequency_bits") == pytest.approx(-(p * np.log2(p)).sum())
    assert found.pop("xz_bits") == 8 * len(lzma.compress(TEXT.encode(), preset=9)) / len(TEXT)
    assert found == figures(result) | {
        "model": "m.npz",
        "texts": ["a.txt"],
        "units": "chars",
        "weights": "float32",
        "uniform_bits": math.log2(len(set(TEXT))),
    }


def test_several_texts_are_evaluated_each_or_joined(texts, capsys):
    model = gru_ext.load("m.npz")
    found, _ = evaluated(capsys, "m.npz", "b.txt", "a.txt")
    by_text = {row["texts"][0]: row["bits_per_char"] for row in found}
    assert by_text == {
        "a.txt": model.evaluate(TEXT).bits_per_char,
        "b.txt": model.evaluate(OTHER).bits_per_char,
    }
    assert [row["texts"] for row in found] == [["a.txt"], ["b.txt"]]  # the model knows a.txt
    for join, between in (("", ""), (r"\n", "\n")):
        one, _ = evaluated(capsys, "m.npz", "b.txt", "a.txt", "--join", join)
        assert one["texts"] == ["b.txt", "a.txt"]
        assert one["bits_per_char"] == model.evaluate(OTHER + between + TEXT).bits_per_char


def test_several_models_and_texts(texts, capsys):
    (texts / "copy").write_bytes((texts / "n.npz").read_bytes())  # known by its content
    found, _ = evaluated(capsys, "m.npz", "copy", "b.txt", "a.txt")
    assert [row["texts"][0] for row in found] == ["b.txt", "b.txt", "a.txt", "a.txt"]
    assert [row["model"] for row in found[2:]] == ["copy", "m.npz"]
    for row in found:
        text = TEXT if row["texts"] == ["a.txt"] else OTHER
        assert row["bits_per_char"] == gru_ext.load(row["model"]).evaluate(text).bits_per_char
    for group in (found[:2], found[2:]):
        assert group[0]["bits_per_char"] <= group[1]["bits_per_char"]


def test_words_for_one_model_and_text(texts, capsys):
    assert run("evaluate", "m.npz", "a.txt") == 0
    out, err = capsys.readouterr()
    found, _ = evaluated(capsys, "m.npz", "a.txt")
    assert err == ""
    assert out.splitlines() == [
        f"{found['bits_per_char']:.3f} bits per character (perplexity {found['perplexity']:.4g}) "
        f"over {len(TEXT) - 1:,} characters",
        f"  uniform guess      {found['uniform_bits']:.2f}",
        f"  letter frequencies {found['letter_frequency_bits']:.2f}",
        f"  xz                 {found['xz_bits']:.2f}",
    ]


def test_a_table_for_several(texts, capsys):
    found, _ = evaluated(capsys, "m.npz", "n.npz", "a.txt")
    assert run("evaluate", "m.npz", "n.npz", "a.txt") == 0
    title, heads, *rows = capsys.readouterr().out.splitlines()
    assert title == "bits per character, best first"
    assert heads.split() == ["model's", "uniform", "letters", "xz", "characters", "model", "text"]
    assert len(rows) == 2
    for line, row in zip(rows, found, strict=True):
        assert len(line) < 80
        assert line.split() == [
            f"{row['bits_per_char']:.3f}",
            f"{row['uniform_bits']:.3f}",
            f"{row['letter_frequency_bits']:.3f}",
            f"{row['xz_bits']:.3f}",
            f"{len(TEXT) - 1:,}",
            row["model"],
            "a.txt",
        ]
        assert line.index("a.txt") == heads.index("text")


def test_models_of_characters_and_of_bytes(texts, capsys):
    (texts / "e.txt").write_text("é" * 40 + "e" * 40, encoding="utf-8")
    options = {"hidden_size": 4, "max_steps": 20, "quiet": True}
    gru_ext.train(Path("e.txt"), output="chars.npz", **options)
    gru_ext.train(Path("e.txt"), output="bytes.npz", units="bytes", **options)
    found, _ = evaluated(capsys, "chars.npz", "bytes.npz", "e.txt")
    totals = [row["bits_per_char"] * row["characters"] for row in found]
    assert totals == sorted(totals)
    assert {(row["units"], row["characters"]) for row in found} == {("chars", 79), ("bytes", 119)}
    assert run("evaluate", "chars.npz", "bytes.npz", "e.txt") == 0
    out = capsys.readouterr().out
    assert out.startswith("bits per character or byte, best first\n")
    assert re.search(r" 119 bytes  bytes\.npz  e\.txt$", out, re.M)
    assert run("evaluate", "bytes.npz", "e.txt") == 0
    out = capsys.readouterr().out
    assert re.search(r"bits per byte .* over 119 bytes\n.*\n  byte frequencies   1\.5", out)


def test_standard_input_is_read_once_for_several_models(texts, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO(OTHER.encode())))
    found, _ = evaluated(capsys, "m.npz", "n.npz", "-")
    assert {row["characters"] for row in found} == {len(OTHER) - 1}
    assert found[0]["texts"] == ["-"]


def test_standard_input_in_another_encoding(folder, capsys, monkeypatch):
    gru_ext.train("né né né né\n" * 9, hidden_size=4, max_steps=2, output="l.npz", quiet=True)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO("né\r\n".encode("latin-1"))))
    found, _ = evaluated(capsys, "l.npz", "-", "--encoding", "latin-1")
    assert found["characters"] == 2


@pytest.mark.parametrize("unknown", ["skip", "cost"])
def test_unknown_characters(texts, capsys, unknown):
    (texts / "snow.txt").write_text(TEXT + "☃☃", encoding="utf-8")
    found, err = evaluated(capsys, "m.npz", "snow.txt", "--unknown", unknown)
    result = gru_ext.load("m.npz").evaluate(TEXT + "☃☃", unknown=unknown)
    assert figures(result).items() <= found.items()
    assert found["unknown"] == 2
    meaning = {"skip": "left out", "cost": "left out and counted with 20.1 bits each"}[unknown]
    assert err == f"gru-ext: snow.txt: 2 characters that the model does not know: {meaning}\n"


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (["--windows", "16"], {"windows": 16}),
        (["--adapt"], {"adapt": True}),
        (
            ["--adapt-learning-rate", "0.001", "--adapt-decay", "0.01", "--adapt-length", "9"],
            {"adapt_learning_rate": 0.001, "adapt_decay": 0.01, "adapt_length": 9},
        ),
    ],
    ids=["windows", "adapt", "adapt options"],
)
def test_options_of_evaluation(texts, capsys, flags, options):
    model = gru_ext.load("m.npz")
    found, _ = evaluated(capsys, "m.npz", "a.txt", *flags)
    assert found["bits_per_char"] == model.evaluate(TEXT, **options).bits_per_char
    assert found["bits_per_char"] != model.evaluate(TEXT).bits_per_char


def test_json_for_any_model(folder, capsys):
    model = gru_ext.load("m.npz")
    model.parameters["by"][...] = np.arange(len(model.vocabulary))[:, None] * 1e5
    model.save("bad.npz")
    assert run("evaluate", "bad.npz", "a.txt", "--json") == 0

    def not_json(constant):
        raise AssertionError(f"{constant} is no JSON")

    found = json.loads(capsys.readouterr().out, parse_constant=not_json)
    assert found["nats_per_char"] > 1000
    assert found["perplexity"] is None


def test_a_python_without_xz(texts, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "lzma", None)
    assert evaluated(capsys, "m.npz", "a.txt")[0]["xz_bits"] is None
    assert run("evaluate", "m.npz", "a.txt") == 0
    assert re.search("xz +not computed", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("text", "units", "encoded"),
    [
        ("aé☃🙂" * 50, "chars", ("aé☃🙂" * 50).encode()),
        ("aé" * 50, "bytes", ("aé" * 50).encode()),
    ],
)
def test_comparisons(text, units, encoded):
    reader = TextReader(text, units)
    counts = Counts(reader.pieces(), units)
    length = len(text) if units == "chars" else len(encoded)
    assert xz_bits(reader, counts) == 8 * len(lzma.compress(encoded, preset=9)) / length
    assert comparisons._utf8_size(counts) == len(encoded)
    shares = [n / length for n in Counter(text if units == "chars" else encoded).values()]
    assert letter_frequency_bits(counts) == pytest.approx(sum(-p * math.log2(p) for p in shares))


def test_long_texts_are_not_compressed(folder, capsys, monkeypatch):
    monkeypatch.setattr(comparisons, "XZ_MOST", len(TEXT) - 1)
    found, _ = evaluated(capsys, "m.npz", "a.txt")
    assert found["xz_bits"] is None
    assert run("evaluate", "m.npz", "a.txt") == 0
    assert re.search(r"xz +not computed: more than .* bytes, or .*\n", capsys.readouterr().out)
    assert run("evaluate", "m.npz", "m.npz", "a.txt") == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[3] == "-"
