# SPDX-License-Identifier: MIT
"""``gru-ext quantize``, and ``--weights`` of the commands that read."""

import json
import re

import numpy as np
import pytest
from command import run
from training_runs import TEXT

import gru_ext
from gru_ext.model.narrow_cost import NarrowCost


@pytest.fixture
def printed(folder, capsys):
    """A function that runs a command, and returns what it prints and what it logs."""

    def call(*arguments, status=0):
        assert run(*arguments) == status
        return capsys.readouterr()

    return call


def test_a_small_file(printed):
    out, err = printed("quantize", "m.npz", "-o", "s.npz")
    assert err == ""
    assert re.fullmatch(r"wrote s\.npz: \S+ kB instead of \S+ kB\nwhat int8 costs .*\n", out)
    model, small = gru_ext.load("m.npz"), gru_ext.load("s.npz")
    assert small == model.with_weights("int8")
    out, err = printed("sample", "s.npz", "--length", "30", "--seed", "1", "--raw")
    assert out == small.sample(30, seed=1)
    assert err == "gru-ext: what int8 weights cost was not measured when they were made\n"
    assert "dtype: int8\n" in printed("info", "s.npz").out
    assert "can be resumed: no" in printed("info", "s.npz").out


def test_what_it_costs_is_recorded(printed):
    out = printed("quantize", "m.npz", "-o", "s.npz", "--text", "a.txt").out
    model, small = gru_ext.load("m.npz"), gru_ext.load("s.npz")
    found = [each.evaluate(TEXT) for each in (small, model)]
    cost = NarrowCost.recorded(small.about)
    assert cost == NarrowCost.of(["a.txt"], *found)
    assert f"int8 costs {cost}\n" in out
    assert f"cost of int8: {cost}\n" in printed("info", "s.npz").out
    assert json.loads(printed("info", "s.npz", "--json").out)["int8"] == cost.record()
    assert f"  cost of int8       {cost}\n" in printed("evaluate", "s.npz", "a.txt").out
    for command in (["sample", "s.npz", "--length", "3"], ["score", "s.npz", "a.txt"]):
        assert printed(*command).err == f"gru-ext: int8 weights cost {cost}\n"
    assert "int8" not in gru_ext.load("m.npz").about


def test_what_is_refused(printed, folder):
    printed("quantize", "m.npz", "-o", "s.npz")
    before = (folder / "s.npz").read_bytes()
    (folder / "other.txt").write_text("☃☃☃")
    for arguments, told in (
        (["m.npz", "-o", "s.npz"], "s.npz exists: replace it with --force"),
        (["m.npz", "-o", "m.npz", "--force"], "m.npz is the file that is read"),
        (["s.npz", "-o", "t.npz"], "s.npz has int8 weights already"),
        (["a.txt", "-o", "t.npz"], "a.txt is not a model file"),
        (["m.npz", "-o", "t.npz", "--text", "other.txt"], "☃"),
        (["m.npz", "-o", "t.npz", "--text", "none.txt"], "none.txt"),
        (["m.npz"], "required: -o/--output"),
    ):
        assert told in printed("quantize", *arguments, status=2).err
    assert (folder / "s.npz").read_bytes() == before
    assert not (folder / "t.npz").exists()
    printed("quantize", "m.npz", "-o", "s.npz", "--force")


@pytest.mark.parametrize("weights", ["bfloat16", "int8"])
def test_evaluate_with_other_weights(printed, weights):
    model = gru_ext.load("m.npz")
    own, found = model.evaluate(TEXT), model.evaluate(TEXT, weights=weights)
    out = printed("evaluate", "m.npz", "a.txt", "--weights", weights).out
    more = found.bits_per_char - own.bits_per_char
    assert out.startswith(f"{found.bits_per_char:.3f} bits per character")
    assert f"  float32 weights    {own.bits_per_char:.3f}; {weights} costs {more:.4f} more\n" in out
    said = json.loads(printed("evaluate", "m.npz", "a.txt", "--json", "--weights", weights).out)
    assert said["weights"] == weights
    assert said["own_weights"] == "float32"
    assert said["bits_per_char"] == found.bits_per_char
    assert said["own_weights_bits_per_char"] == own.bits_per_char
    out = printed("evaluate", "m.npz", "a.txt", "a.txt", "--weights", weights).out
    lines = [line.split("  ") for line in out.splitlines()[1:]]
    assert [word.strip() for word in lines[0] if word][:2] == ["model's", "own weights"]
    assert f"{own.bits_per_char:.3f}" in lines[1]


def test_sample_and_score_with_other_weights(printed):
    model = gru_ext.load("m.npz")
    note = "gru-ext: what int8 weights cost: see gru-ext evaluate --weights\n"
    options = ["--length", "30", "--seed", "1", "--raw", "--weights", "int8"]
    expected = model.sample(30, seed=1, weights="int8")
    assert printed("sample", "m.npz", *options) == (expected, note)
    assert printed("sample", "m.npz", *options, "-n", "2").out.startswith(expected)
    searched = model.beam_search(30, beam_width=2, n=1, weights="int8")[0].text
    beam = ["--beam", "2", "-n", "1", "--length", "30", "--raw", "--weights", "int8"]
    assert printed("sample", "m.npz", *beam).out == searched
    out, err = printed("score", "m.npz", "a.txt", "--json", "--by", "file", "--weights", "int8")
    assert err == note
    assert json.loads(out)["bits"] == pytest.approx(model.score(TEXT, weights="int8").total_bits)
    assert printed("sample", "m.npz", *options[:-1], "float32").err == ""
    refused = printed("sample", "m.npz", "--weights", "int4", status=2).err
    assert "float32, bfloat16 or int8" in refused
    refused = printed("evaluate", "m.npz", "a.txt", "--weights", "int8", "--adapt", status=2).err
    assert "--adapt changes the weights" in refused


def test_what_other_commands_make_of_a_small_file(printed, folder):
    """They take the float32 numbers that its weights stand for, or train from these."""
    printed("quantize", "m.npz", "-o", "s.npz")
    wide = gru_ext.load("s.npz").with_weights("float32")
    printed("export", "s.npz", "-o", "wide.npz", "--dtype", "float32")
    with np.load("wide.npz") as file:
        for name, view in wide.parameters.items():
            np.testing.assert_array_equal(file[name], view)
    options = ["--hidden-size", "8", "--max-steps", "1", "--quiet"]
    printed("train", "a.txt", "--init-from", "s.npz", "-o", "t.npz", *options)
    assert gru_ext.load("t.npz").parameters.narrow is None
    told = printed("train", "a.txt", "--resume", "-o", "s.npz", status=2).err
    assert "s.npz holds no training state" in told
    pytest.importorskip("jinja2")
    printed("report", "s.npz", "a.txt", "-o", "r.html", "--quiet")
    assert (folder / "r.html").stat().st_size > 10_000
