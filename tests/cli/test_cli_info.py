# SPDX-License-Identifier: MIT
"""gru-ext info: what a model is, how good it is, and how it was made."""

import json
import math
import re

import numpy as np
import pytest
from command import run
from training_runs import TEXT, interrupt_after

import gru_ext
from gru_ext.cli import info

OPTIONS = "--hidden-size 8 --max-steps 40 --val-fraction 0.2 --split tail --eval-every 10"
TRAIN = f"train a.txt -o x.npz {OPTIONS}"


def described(capsys, path="x.npz"):
    """The lines by their names, and the JSON object."""
    assert run("info", path) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "None" not in out
    assert run("info", path, "--json") == 0
    lines = dict(line.split(": ", 1) for line in out.splitlines())
    return lines, json.loads(capsys.readouterr().out)


def test_the_lines(folder, capsys):
    metrics = folder / "m.jsonl"
    assert run(*TRAIN.split(), "--quiet", "--metrics", metrics) == 0
    last = json.loads(metrics.read_text().splitlines()[-1])
    lines, found = described(capsys)
    assert [*lines] == [
        *("file", "written by", "hidden size", "layers", "dtype", "parameters", "vocabulary"),
        *("text", "steps", "training loss", "validation loss"),
        *("optimizer", "options", "can be resumed", "command"),
    ]
    assert re.fullmatch(
        r"x\.npz, [\d.]+ kB, written \d{4}-\d\d-\d\d \d\d:\d\d:\d\d[-+:\d]*", lines["file"]
    )
    assert lines["text"] == "a.txt: 432 characters for training, 108 for validation"
    characters = found["characters_seen"]
    assert characters == last["characters"]
    epochs = f"{characters / 432:.3g}"
    assert lines["steps"] == f"40, {characters:,} characters seen ({epochs} epochs)"
    told = f"{found['val_bits']:.3f} bits per character (at step 40, the best; "
    told += f"{last['val_bits']:.3f} without its temperature of {found['temperature']:.3g})"
    assert lines["validation loss"] == told
    assert found["val_bits"] == found["best_val_bits"] < found["val_bits_before"]
    assert found["val_bits_before"] == last["val_bits"]
    assert (found["step"], found["val_step"], found["texts"]) == (40, 40, ["a.txt"])
    assert lines["command"] == f"gru-ext train a.txt {OPTIONS}"
    assert (found["resumable"], found["state_step"]) == (True, 40)
    assert lines["can be resumed"] == "yes, from step 40"
    assert "clip 5," in lines["options"]


def test_the_options_are_broken_between_words(folder, capsys, monkeypatch):
    assert run("info", "m.npz") == 0
    (whole,) = re.findall("^options: .*$", capsys.readouterr().out, re.M)
    monkeypatch.setattr(info, "output_width", lambda: 40)
    assert run("info", "m.npz") == 0
    shown = re.search("^options: .*(\n  .*)+$", capsys.readouterr().out, re.M)[0]
    assert max(map(len, shown.splitlines())) <= 40
    assert shown.replace("\n  ", " ") == whole


def test_a_model_without_its_state(folder, capsys):
    assert run(*TRAIN.split(), "--quiet") == 0
    state = folder / "x.state.npz"
    whole, (lines, found) = state.read_bytes(), described(capsys)
    for damaged in (whole[:-100], (folder / "x.npz").read_bytes(), None):
        state.unlink() if damaged is None else state.write_bytes(damaged)
        others, data = described(capsys)
        assert others == lines | {"can be resumed": "no"}
        assert data == found | {"resumable": False, "state_step": None}


def test_the_training_loss_is_a_mean_without_the_start_at_a_uniform_guess(folder, capsys):
    metrics = folder / "m.jsonl"
    assert run(*TRAIN.split(), "--quiet", "--metrics", metrics, "--log-every", "1") == 0
    losses = [json.loads(line)["train_bits"] for line in metrics.read_text().splitlines()]
    weights = [0.999 ** (40 - n) for n in range(1, 41)]
    mean = sum(w * x for w, x in zip(weights, losses, strict=True)) / sum(weights)
    lines, found = described(capsys)
    assert math.isclose(found["train_bits"], mean, rel_tol=1e-9)
    told = f"{mean:.3f} bits per character (mean of about the last 1,000 steps)"
    assert lines["training loss"] == told


def test_the_best_weights_and_the_state(folder, capsys):
    overfitted = TEXT + "".join(sorted(TEXT[::2], reverse=True))
    (folder / "a.txt").write_text(overfitted)
    command = "train a.txt -o x.npz --hidden-size 8 --max-steps 400 --val-fraction 0.3"
    more = "--eval-every 20 --learning-rate 0.1 --patience 0 --dropout 0 --weight-dropout 0 --quiet"
    assert run(*command.split(), *more.split()) == 0
    told, last = described(capsys, "x.state.npz")
    lines, found = described(capsys)
    assert found["step"] == found["val_step"] == found["best_step"] == last["best_step"]
    assert found["step"] < last["step"] == last["val_step"] == found["state_step"] == 400
    assert found["val_bits_before"] == last["best_val_bits"] < last["val_bits"]
    assert found["val_bits"] == found["best_val_bits"] < found["val_bits_before"]
    assert last["temperature"] is last["val_bits_before"] is None
    assert found["train_bits"] != last["train_bits"]
    for name in ("text", "options", "command", "can be resumed", "parameters"):
        assert lines[name] == told[name]
    assert "best validation loss" not in lines
    assert told["best validation loss"].endswith(f"(at step {found['step']})")
    assert told["validation loss"].endswith("(at step 400)")


def test_the_last_weights(folder, capsys):
    assert run(*TRAIN.split(), "--quiet", "--keep", "last", "--metrics", "m.jsonl") == 0
    lines, found = described(capsys)
    assert found["val_step"] == 40
    assert found["best_step"] is found["best_val_bits"] is None
    assert lines["validation loss"].endswith("(at step 40)")


def test_an_interrupted_run(folder, capsys):
    with interrupt_after(13), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(TEXT, output="x.npz", max_steps=40, hidden_size=8, quiet=True)
    lines, found = described(capsys)
    assert found["step"] == 13
    assert "validation loss" not in lines
    assert "command" not in lines
    assert found["command"] is None
    assert lines["text"] == "540 characters for training"


def test_bytes(folder, capsys):
    assert run(*TRAIN.split(), "--quiet", "--metrics", "m.jsonl", "--units", "bytes") == 0
    lines, found = described(capsys)
    assert lines["text"] == "a.txt: 432 bytes for training, 108 for validation"
    assert " bits per byte (at step 40, the best; " in lines["validation loss"]
    assert (found["units"], len(found["vocabulary"])) == ("bytes", 256)


def test_weights_of_the_original_script(folder, capsys):
    np.savez("notebook.npz", **gru_ext.load("m.npz").parameters)
    lines, found = described(capsys, "notebook.npz")
    assert lines["written by"] == "the original script, or numpy.savez"
    assert {"steps", "options", "optimizer", "text"}.isdisjoint(lines)
    assert found["vocabulary"] is found["step"] is found["version"] is None
    assert found["options"] == {}


def test_classic(folder, capsys):
    assert run("train", "a.txt", "--classic", "--max-steps", "3", "--quiet", "-o", "c.npz") == 0
    lines, found = described(capsys, "c.npz")
    assert lines["steps"] == "3, 15 characters seen"
    assert found["train_bits"] is None


def test_numbers_that_json_has_not(folder, capsys):
    assert run(*TRAIN.split(), "--quiet", "--clip", "inf", "--clip-norm", "inf") == 0
    lines, found = described(capsys)
    assert found["options"]["clip"] == "inf"
    assert "--clip inf --clip-norm inf" in lines["command"]


def test_the_installation(capsys):
    assert run("info", "--json") == 0
    assert json.loads(capsys.readouterr().out) == gru_ext.get_config()


def test_what_is_no_model(folder, capsys):
    for words in (["a.txt"], ["none.npz"], ["a.txt", "--json"]):
        assert run("info", *words) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
