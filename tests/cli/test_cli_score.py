# SPDX-License-Identifier: MIT
"""``gru-ext score``: what lines, documents and files cost, and how it is printed."""

import json
import math
import os
import re
import select
import subprocess
import sys
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from command import COMMAND, POSIX, run

import gru_ext
from gru_ext.cli import score_output
from gru_ext.cli.columns import columns, shortened
from gru_ext.cli.options import KEPT
from gru_ext.cli.units import UnitScorer

LINES = "The dog.\n\nThe quick fox\nThe lazy dog\n"
OPTIONS = {"hidden_size": 8, "max_steps": 30, "quiet": True}


@pytest.fixture
def texts(folder):
    (folder / "lines.txt").write_text(LINES)
    gru_ext.train(LINES * 9, output="l.npz", **OPTIONS)
    gru_ext.train(LINES * 9, output="d.npz", document_separator="\n\n", **OPTIONS)
    gru_ext.train(LINES * 9, output="b.npz", units="bytes", **OPTIONS)
    return folder


def scored(capsys, *arguments):
    """The objects that --json prints, and what is written on standard error."""
    assert run("score", *arguments, "--json") == 0
    out, err = capsys.readouterr()
    return [json.loads(line) for line in out.splitlines()], err


def feed(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO(data)))


@pytest.mark.parametrize("model", ["l.npz", "b.npz"])
def test_the_lines_of_a_file(texts, capsys, model):
    found, err = scored(capsys, model, "lines.txt")
    bits = gru_ext.load(model).score(LINES).bits
    assert err == ""
    assert [row["text"] for row in found] == LINES.splitlines(keepends=True)
    assert [row["line"] for row in found] == [1, 2, 3, 4]
    assert [row["characters"] for row in found] == [8, 1, 14, 13]  # the first is not predicted
    assert {(row["file"], row["unknown"]) for row in found} == {("lines.txt", 0)}
    begin = 0
    for row in found:
        end = begin + len(row["text"])
        assert row["bits"] == pytest.approx(bits[begin:end].sum(), rel=1e-12)
        assert row["bits_per_char"] == row["bits"] / row["characters"]
        begin = end


@pytest.mark.parametrize("unknown", ["skip", "cost"])
@pytest.mark.parametrize("by", ["line", "document", "file"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n"], ids=repr)
def test_the_sum_is_that_of_an_evaluation(texts, capsys, by, end, unknown):
    text = "☃The dog.\n\n\n☃The quick fox\n☃\nThe lazy" + end
    (texts / "t.txt").write_text(text, encoding="utf-8")
    found, err = scored(capsys, "d.npz", "t.txt", "--by", by, "--unknown", unknown)
    whole = gru_ext.load("d.npz").evaluate(text, unknown=unknown)
    assert "".join(row["text"] for row in found) == text
    assert sum(row["characters"] for row in found) == whole.characters
    assert sum(row["unknown"] for row in found) == whole.unknown == 3
    total = whole.bits_per_char * whole.characters
    assert sum(row["bits"] for row in found) == pytest.approx(total)
    assert err.startswith("gru-ext: 3 characters that the model does not know: left out")


def test_documents(texts, capsys):
    text = "The dog.\n\n\nThe quick fox\nThe lazy dog\n\nThe"
    (texts / "t.txt").write_text(text)
    found, _ = scored(capsys, "d.npz", "t.txt")
    wanted = ["The dog.\n\n", "\n", "The quick fox\nThe lazy dog\n\n", "The"]
    assert [row["text"] for row in found] == wanted
    assert [row["line"] for row in found] == [1, 3, 4, 7]


@pytest.mark.parametrize("model", ["d.npz", "b.npz"])
@pytest.mark.parametrize("by", ["line", "document", "file"])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_pieces_make_no_difference(texts, model, by, size):
    text = "The dog.\n\n\nThe ☃quick fox\n☃\nThe☃ lazy dog\n\nThe"
    text = text.encode().replace("☃".encode(), b"") if model == "b.npz" else text
    loaded = gru_ext.load(model)

    def units(pieces):
        scorer = UnitScorer(loaded, "x", by, "skip", 12)
        return [u for piece in pieces for u in scorer.read(piece)] + [*scorer.end()]

    whole = units([text])
    parts = units(text[i : i + size] for i in range(0, len(text), size))
    assert len(whole) == len(parts)
    for one, other in zip(whole, parts, strict=True):
        assert (one.line, one.characters, one.unknown) == (
            other.line,
            other.characters,
            other.unknown,
        )
        assert one.begin == other.begin
        assert len(one.begin) <= 12
        np.testing.assert_allclose(one.costs, other.costs, rtol=1e-5)
        assert one.bits == pytest.approx(other.bits, rel=1e-5)


def test_top_and_threshold(texts, capsys):
    every, _ = scored(capsys, "m.npz", "lines.txt", "a.txt")
    ordered = sorted(every, key=lambda row: -row["bits_per_char"])
    assert {row["file"] for row in every} == {"lines.txt", "a.txt"}
    enough = [row for row in ordered if row["characters"] >= 5]
    assert len(enough) < len(ordered)
    assert scored(capsys, "m.npz", "lines.txt", "a.txt", "--top", 3)[0] == enough[:3]
    assert scored(capsys, "m.npz", "lines.txt", "a.txt", "--top", 999)[0] == enough
    long = max(row["characters"] for row in every)
    longest = [row for row in ordered if row["characters"] >= long]
    files = "m.npz", "lines.txt", "a.txt"
    assert scored(capsys, *files, "--top", 999, "--shortest", long)[0] == longest
    assert {row["characters"] for row in scored(capsys, *files, "--shortest", long)[0]} == {long}
    least = ordered[2]["bits_per_char"]
    found, _ = scored(capsys, "m.npz", "lines.txt", "a.txt", "--threshold", repr(least))
    assert found == [row for row in every if row["bits_per_char"] >= least]
    assert len(found) >= 3


def test_the_most_surprising_lines_are_no_short_ones(texts, capsys):
    (texts / "t.txt").write_text("The dog\n\nq\n\nThe lazy dog\n")
    found, _ = scored(capsys, "l.npz", "t.txt", "--top", 9)
    assert sorted(row["line"] for row in found) == [1, 5]
    assert len(scored(capsys, "l.npz", "t.txt", "--top", 9, "--shortest", 1)[0]) == 5
    assert len(scored(capsys, "l.npz", "t.txt")[0]) == 5


def test_a_line_without_a_prediction(texts, capsys):
    (texts / "t.txt").write_text("\nThe dog")
    found, _ = scored(capsys, "l.npz", "t.txt", "--per-character")
    assert found[0]["bits_per_char"] is None
    assert found[0]["characters"] == 0
    assert found[0]["character_bits"] == [None]
    assert len(scored(capsys, "l.npz", "t.txt", "--threshold", -1)[0]) == 1
    assert len(scored(capsys, "l.npz", "t.txt", "--top", 9)[0]) == 1
    assert run("score", "l.npz", "t.txt") == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["-", "1"]


def test_columns_for_people(texts, capsys):
    found, _ = scored(capsys, "l.npz", "lines.txt")
    assert run("score", "l.npz", "lines.txt") == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head == "bits/char    line  text"
    for row, unit in zip(rows, found, strict=True):
        text = unit["text"].rstrip("\n")
        assert row == f"{unit['bits_per_char']:9.2f}  {unit['line']:6}  {text}".rstrip()
    (texts / "other.txt").write_text(LINES)
    assert run("score", "l.npz", "lines.txt", "other.txt", "--threshold", 0) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[1].index("The dog.") == rows[5].index("The dog.") == rows[0].index("text")
    assert {row.split()[1] for row in rows[1:]} == {
        f"{name}:{i}" for name in ("lines.txt", "other.txt") for i in (1, 2, 3, 4)
    }
    assert run("score", "b.npz", "lines.txt", "--by", "file") == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head == "bits/byte       file  text"
    assert row.endswith(r"  lines.txt  The dog.\n\nThe quick fox\nThe lazy dog")


def test_the_text_fits_the_terminal(texts, capsys, monkeypatch):
    (texts / "t.txt").write_text(
        "The dog. " * 40 + "\n" + "春☃" * 50 + "\n\x1b[2Jx", encoding="utf-8"
    )
    arguments = ["score", "l.npz", "t.txt", "--unknown", "cost"]
    assert run(*arguments) == 0
    long = capsys.readouterr().out.splitlines()
    assert long[1].endswith(" The dog." * 40)
    monkeypatch.setattr(score_output, "output_width", lambda: 60)
    assert run(*arguments, "--per-character") == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"\x1b[2Jx" in out
    lines = out.splitlines()
    assert all(sum(map(columns, line)) <= 60 for line in lines)
    cut = next(line for line in lines if "…" in line)
    assert len(cut) == 60
    assert cut.endswith(f"  1  {'The dog. ' * 4}The …")


@pytest.mark.parametrize(
    ("text", "width", "wanted"),
    [
        ("abc", None, "abc"),
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("春春", 4, "春春"),
        ("春春春", 5, "春春…"),
        ("春春春", 4, "春…"),
        ("ab", 0, ""),
    ],
)
def test_shortened(text, width, wanted):
    assert shortened(text, width) == wanted


def test_the_characters_in_columns(texts, capsys):
    found, _ = scored(capsys, "l.npz", "lines.txt", "--per-character", "--top", 1)
    bits = found[0]["character_bits"]
    assert sum(bits) == pytest.approx(found[0]["bits"])
    assert run("score", "l.npz", "lines.txt", "--per-character", "--top", 1) == 0
    _, _, *rows, empty = capsys.readouterr().out.splitlines()
    assert empty == ""
    shown = [row[i : i + 6].strip() for row in rows[0::2] for i in range(0, len(row), 6)]
    text = [{" ": "", "\n": r"\n"}.get(c, c) for c in found[0]["text"]]
    assert shown == text
    assert " ".join(rows[1::2]).split() == [f"{b:.2f}" for b in bits]


def test_columns_with_tabs(texts, capsys):
    (texts / "t.txt").write_text("The\tdog\\\n\x1bThe", encoding="utf-8")
    found, _ = scored(capsys, "l.npz", "t.txt", "--unknown", "cost")
    assert run("score", "l.npz", "t.txt", "--unknown", "cost", "--tsv") == 0
    head, *rows = capsys.readouterr().out.splitlines()
    names = head.split("\t")
    for row, unit, text in zip(rows, found, [r"The\tdog\\", r"\x1bThe"], strict=True):
        fields = dict(zip(names, row.split("\t"), strict=True))
        assert fields["text"] == text
        for name in ("bits_per_char", "bits", "characters", "unknown", "line"):
            assert float(fields[name]) == pytest.approx(unit[name], rel=1e-5)
        assert fields["file"] == "t.txt"
    assert run("score", "l.npz", "t.txt", "--unknown", "cost", "--tsv", "--per-character") == 0
    head, *rows = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert head == ["bits", "file", "line", "column", "character"]
    assert [row[4] for row in rows] == [*"The", r"\t", *"dog", r"\\", r"\n", r"\x1b", *"The"]
    assert [(row[2], row[3]) for row in rows[8:11]] == [("1", "9"), ("2", "1"), ("2", "2")]
    assert rows[0][0] == ""
    assert sum(float(row[0] or 0) for row in rows) == pytest.approx(
        sum(unit["bits"] for unit in found), rel=1e-4
    )


def test_a_long_unit_is_cut(texts, capsys):
    text = "The dog. " * (KEPT // 6)
    (texts / "t.txt").write_text(text)
    found, _ = scored(capsys, "l.npz", "t.txt", "--per-character")
    assert found[0]["text"] == text[:KEPT]
    assert len(found[0]["character_bits"]) == KEPT
    assert found[0]["characters"] == len(text) - 1


def test_bytes_in_json(texts, capsys, monkeypatch):
    feed(monkeypatch, b"\xff\xc3\xa9\n\r\n")
    found, _ = scored(capsys, "b.npz", "-")
    assert [row["text"] for row in found] == ["\ufffdé\n", "\r\n"]
    feed(monkeypatch, b"\xffa\n")
    assert run("score", "b.npz", "-", "--tsv", "--per-character") == 0
    out = capsys.readouterr().out
    assert [line.split("\t")[4] for line in out.splitlines()[1:]] == [r"\xff", "a", r"\n"]


@pytest.mark.parametrize(
    ("data", "options", "wanted"),
    [
        (b"The dog\r\nThe\rThe", [], ["The dog\n", "The\n", "The"]),
        (b"\xef\xbb\xbfThe\n", [], ["The\n"]),
        (b"\xef\xbb\xbf", [], []),
        (b"", [], []),
        ("The\n".encode("utf-16"), ["--encoding", "utf-16"], ["The\n"]),
    ],
)
def test_standard_input(texts, capsys, monkeypatch, data, options, wanted):
    feed(monkeypatch, data)
    found, _ = scored(capsys, "l.npz", "-", *options)
    assert [row["text"] for row in found] == wanted


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"The\nThe \xe9 dog\n", "standard input is not utf-8 text: byte 0xe9 at offset 8; name"),
        (b"The \xc3", "standard input is not utf-8 text: byte 0xc3 at offset 4; name"),
        ("The ☃\n".encode(), "standard input: .*'☃'; --unknown skip leaves them out"),
    ],
)
def test_standard_input_that_is_refused(texts, capsys, monkeypatch, data, told):
    feed(monkeypatch, data)
    assert run("score", "l.npz", "-") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert re.search(told, err)


@POSIX
@pytest.mark.parametrize("options", [[], ["--json"], ["--tsv"], ["--threshold", "0"]], ids=str)
def test_a_line_is_printed_as_soon_as_it_is_there(texts, options):
    process = subprocess.Popen(
        [*COMMAND, "score", "l.npz", "-", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    shown = b""

    def wait_for(text):
        nonlocal shown
        while text not in shown:
            assert select.select([process.stdout], [], [], 60)[0], shown
            shown += os.read(process.stdout.fileno(), 4096)

    for line in (b"The dog.\n", b"The quick", b" fox\n"):
        process.stdin.write(line)
        if line == b"The dog.\n":
            wait_for(b"The dog.")
            assert b"quick" not in shown
    wait_for(b"The quick fox")
    process.stdin.write(b"The lazy")
    process.stdin.close()
    shown += process.stdout.read()
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert b"The lazy" in shown


def test_of_a_long_unit_only_the_beginning_is_kept(texts):
    model = gru_ext.load("l.npz")
    scorer = UnitScorer(model, "x", "file", "error", KEPT)
    for _ in range(50):
        assert [*scorer.read("The dog\n" * 100)] == []
    (unit,) = scorer.end()
    assert unit.characters == 50 * 800 - 1
    assert len(unit.begin) == len(unit.costs) == KEPT
    assert math.isnan(unit.costs[0])
