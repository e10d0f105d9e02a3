# SPDX-License-Identifier: MIT
"""The page as a file: what is in it, that it is safe, small and always the same."""

import base64
import hashlib
import html.parser
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from pages import HOSTILE, data_of, random_model

from gru_ext.report.calibration import BINS
from gru_ext.report.characters import CLASSES, class_of, nearest
from gru_ext.report.options import ReportOptions
from gru_ext.report.page import SCRIPTS, as_json
from gru_ext.report.reading import Reading
from gru_ext.report.write import write_report
from gru_ext.reporting.visible import visible, visible_text

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def jinja2():
    return pytest.importorskip("jinja2")


def report(folder, model, text=None, name="page.html", **options):
    model.save(folder / "model.npz")
    path = None
    if text is not None:
        path = folder / "text.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    given = ReportOptions(quiet=True, **options)
    write_report(folder / "model.npz", path, folder / name, given)
    return (folder / name).read_bytes()


# ------------------------------------------------------------------ text is data


def test_json_has_nothing_that_html_knows():
    text = as_json({"a": HOSTILE, "b": [1, None, 0.5]})
    assert not set("<>&\u2028\u2029") & set(text)
    assert text.isascii()
    assert json.loads(text) == {"a": HOSTILE, "b": [1, None, 0.5]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json(float("nan"))


@pytest.mark.parametrize(
    ("c", "shown", "kind"),
    [
        ("a", "a", "1"),
        (" ", " ", "1"),
        ("<", "<", "1"),
        ("漢", "漢", "2"),
        ("\n", "↵", "e"),
        ("\0", "␀", "e"),
        ("\x1b", "␛", "e"),
        ("\x7f", "␡", "e"),
        ("\x85", "U+0085", "e"),
        ("\xa0", "U+00A0", "e"),
        ("\u200b", "U+200B", "e"),
        ("\u202e", "U+202E", "e"),
        ("\u2066", "U+2066", "e"),
        ("\ufe0f", "U+FE0F", "e"),
        ("\u0301", "◌\u0301", "1"),
        ("\u3164", "U+3164", "e"),
        ("\U000e0041", "U+E0041", "e"),
        ("\ue000", "U+E000", "e"),
    ],
)
def test_what_is_shown_of_a_character(c, shown, kind):
    assert visible(c) == (shown, kind)
    assert not set(visible_text(c)) & set("\n\0\x1b\x7f\x85\u200b\u202e\u2066\ufe0f")


def test_what_is_shown_of_a_byte():
    assert visible("\xe9", byte=True) == ("E9", "e")
    assert visible("A", byte=True) == ("A", "1")


@pytest.mark.parametrize(
    ("characters", "name"),
    [
        ("aß", "lower case"),
        ("AÉ", "upper case"),
        ("漢ש\u0301", "other letters"),
        ("1½", "digits"),
        (".“$<", "punctuation"),
        (" \t\xa0\r", "spaces"),
        ("\n", "newlines"),
        ("\0\u202e\ufffd", "other"),
    ],
)
def test_classes_of_characters(characters, name):
    assert {CLASSES[class_of(c)] for c in characters} == {name}


class Elements(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.raw = [], {"script": [], "style": []}
        self._inside = None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside in self.raw:
            self.raw[self._inside].append(data)


def test_no_text_becomes_markup(tmp_path):
    plain = Elements(report(tmp_path, random_model("ab\n" * 9), "ab\n" * 9).decode())
    about = {"document_separator": "</style>", "options": {"optimizer": "<b>\u202e"}}
    model = random_model(HOSTILE, version="<i>", **about)
    page = report(tmp_path, model, HOSTILE * 9)
    hostile = Elements(page.decode())
    assert {tag for tag, _ in hostile.tags} == {tag for tag, _ in plain.tags}
    assert len(hostile.raw["script"]) == len(plain.raw["script"]) == 2
    assert hostile.raw["script"][1] == plain.raw["script"][1]
    attributes = {name for _, each in hostile.tags for name in each}
    assert not {name for name in attributes if name.startswith("on") or name == "style"}
    # bidirectional marks and control characters are nowhere in the file
    assert not set(page.decode()) & set(
        "\0\x1b\x7f\u200b\u200e\u202e\u2066\u2069\u2028\u2029\ufeff"
    )
    shown = data_of(page)["vocabulary"]["shown"]
    assert {"U+202E", "␀", "U+2028", "<"} <= set(shown)


def test_the_policy_allows_this_script_and_style_alone(tmp_path):
    page = Elements(report(tmp_path, random_model("ab\n"), "ab\n" * 9).decode())
    policy = next(
        each["content"]
        for tag, each in page.tags
        if each.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    for name, text in (
        ("script-src", page.raw["script"][1]),
        ("style-src", page.raw["style"][0]),
    ):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules.pop(name) == f"'sha256-{digest}'"
    assert rules == {
        **dict.fromkeys(("default-src", "base-uri", "form-action"), "'none'"),
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    links = [each for _, each in page.tags if {"src", "href"} & each.keys()]
    assert all(each["href"].startswith("#") for each in links)


def test_the_script_sets_text_and_never_markup():
    folder = ROOT / "src/gru_ext/report/page"
    script = "".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|fetch\(", script
    )
    assert {path.name for path in folder.iterdir() if path.suffix == ".js"} == set(SCRIPTS)


# ------------------------------------------------------------------ what is in it


def test_the_numbers_are_those_of_an_evaluation(tmp_path):
    text = "The quick brown fox.\n" * 30
    model = random_model(text)
    page = report(tmp_path, model, text)
    expected = model.evaluate(text)
    data = data_of(page)
    assert data["baselines"][-1][1] == pytest.approx(expected.bits_per_char, abs=1e-3)
    assert f"<dd>{expected.bits_per_char:.3f}</dd>" in page.decode()
    assert f"<dd>{expected.perplexity:.3g}</dd>" in page.decode()
    assert sum(data["ranks"]) == expected.characters
    assert sum(row[1] for row in data["classes"]) == expected.characters
    assert sum(row[3] for row in data["classes"]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("ab", {}),
        ("aaaa", {}),
        ("ab\n" * 50, {"layers": 3}),
        ("ünïcödé 漢字\n" * 50, {"units": "bytes"}),
        ("one.<|end|>two.<|end|>" * 40, {"document_separator": "<|end|>"}),
        ("no newline " * 50, {"hidden_size": 1}),
    ],
)
def test_any_model(tmp_path, text, options):
    page = report(tmp_path, random_model(text, **options), text)
    data = data_of(page)
    assert ("document" in data["positions"]) == ("document_separator" in options)
    assert len(data["samples"]) == 3
    assert data["units"]["layers"] == options.get("layers", 1)


def test_without_a_text_the_model_samples_one(tmp_path):
    model = random_model("ab\n" * 9)
    page = report(tmp_path, model, characters=300)
    assert "No text was given." in page.decode()
    symbols = data_of(page)["text"]["symbols"]
    assert len(base64.b64decode(symbols["base64"])) == 300


def test_unknown_characters_are_left_out_and_counted(tmp_path):
    page = report(tmp_path, random_model("ab\n"), "aäb\n" * 500).decode()
    assert "all 1,500 characters of text.txt." in page
    assert "The model does not know 500 characters of the text; they were left out." in page


def test_only_so_many_characters_are_read(tmp_path):
    page = report(tmp_path, random_model("ab\n"), "ab\n" * 500, characters=100).decode()
    assert "the first 100 characters of 1,500 of text.txt." in page


def test_a_metrics_file_gives_the_curve(tmp_path):
    lines = [
        {"step": n, "characters": 64 * n, "seconds": n, "train_bits": 4 / n, "val_bits": None}
        for n in range(1, 1200)
    ]
    lines[5]["val_bits"] = 2.5
    metrics = tmp_path / "m.jsonl"
    metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    model = random_model("ab\n")
    curve = data_of(report(tmp_path, model, "ab\n" * 9, metrics=metrics))["curve"]
    assert curve["validation"] == [[384, 2.5]]
    assert len(curve["training"]) == 400
    assert curve["training"][0] == [64, 4.0]
    assert curve["training"][-1] == [64 * 1199, round(4 / 1199, 4)]
    assert "No metrics file was given" in report(tmp_path, model, "ab\n" * 9).decode()


def test_nearest_characters():
    model = random_model("abcdef")
    wz, wr, wh = (model.parameters[name] for name in ("Wz", "Wr", "Wh"))
    for weights in (wz, wr, wh):
        weights[:, 4] = weights[:, 1] * 1.5
    neighbours, cosines = nearest(model.parameters, np.array([5, 4, 1, 0]), 2)
    vectors = np.concatenate([wz, wr, wh]).astype(float)[:, [5, 4, 1, 0]]
    vectors -= vectors.mean(axis=1, keepdims=True)
    expected = vectors.T @ vectors
    expected /= np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert neighbours[1, 0] == 1
    assert neighbours[2, 0] == 4
    np.fill_diagonal(expected, -2)
    np.testing.assert_allclose(cosines, -np.sort(-expected, axis=1)[:, :2])


# ------------------------------------------------------------------ always the same, and small


def test_the_same_bytes_each_time(tmp_path):
    text = "The quick brown fox.\n" * 30
    model = random_model(text, layers=2)
    first = report(tmp_path, model, text)
    assert report(tmp_path, model, text, "other.html") == first
    assert report(tmp_path, model, text, seed=1) != first
    program = (
        "from gru_ext.report.write import write_report;"
        "write_report('model.npz', 'text.txt', 'again.html')"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert (tmp_path / "again.html").read_bytes() == first


@pytest.mark.parametrize(("V", "n"), [(200, 450_000), (19_999, 450_000), (40_000, 120_000)])
def test_no_page_is_larger_than_5_mb(tmp_path, monkeypatch, V, n):
    """The worst: characters and predictions that all differ, and a large model."""
    rng = np.random.default_rng(0)
    characters = "".join(chr(0x20000 + i) for i in range(V))
    model = random_model(characters, hidden_size=64, layers=2)

    def read(model, symbols, alternatives, progress):
        best = rng.integers(V, size=(alternatives, 5)).astype(np.int32)
        counts = rng.random((3, BINS)) * 1e6
        bits, ranks = rng.random(n) * 20, rng.integers(1, V, size=n).astype(np.int32)
        return Reading(bits, ranks, 1.0, best, rng.random(best.shape), counts, counts)

    # a model of so many characters would take minutes to run
    monkeypatch.setattr("gru_ext.report.content.read_symbols", read)
    monkeypatch.setattr(
        "gru_ext.report.content.sample", lambda model, length, *_: rng.integers(V, size=length)
    )
    text = model.vocabulary.decode(rng.integers(V, size=n))
    assert 3_000_000 < len(report(tmp_path, model, text)) < 5_000_000


def test_the_files_of_the_page_are_package_data():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "report/page/*" in settings["tool"]["setuptools"]["package-data"]["gru_ext"]
