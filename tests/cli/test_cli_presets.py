# SPDX-License-Identifier: MIT
"""The defaults and the presets on the command line, and what a run says at its end."""

import json
import re
import shlex

import pytest
from command import run
from training_runs import NAMES, TEXT, run_files

import gru_ext
from gru_ext.training.presets import PRESETS

# The last tenth is other than what is trained on: learning by heart raises its loss.
TURNED = TEXT * 3 + TEXT[::-1][:200]
PLAIN = "--dropout 0 --weight-dropout 0 --average-over 0"
OVERFITTED = f"{PLAIN} --hidden-size 32 --learning-rate 0.1 --split tail --val-fraction 0.1"
OVERFITTED += " --max-steps 400 --eval-every 20 --warmup 0"


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("text", ["ab", "aaa", "abc" * 9, TEXT, NAMES], ids=len)
def test_any_text_is_trained_on(folder, capsys, preset, text):
    (folder / "t.txt").write_text(text)
    assert run("train", "t.txt", "--preset", preset, "--max-steps", 3, "-o", "t.npz") == 0
    assert capsys.readouterr().err == ""
    trained = gru_ext.train(text, preset=preset, max_steps=3, quiet=True)
    assert gru_ext.load("t.npz") == trained
    options = trained.about["options"]
    assert options["seq_length"] * options["batch_size"] < len(text)


def command_of(path, capsys):
    assert run("info", path, "--json") == 0
    return json.loads(capsys.readouterr().out)["command"]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("given", ["", "--epochs 0.2", "--hidden-size 7 --weight-dropout 0.3"])
def test_the_command_of_a_model_makes_it_again(folder, capsys, preset, given):
    steps = "" if "epochs" in given else "--max-steps 4"
    options = f"{given} {steps}".split()
    assert run("train", "a.txt", *options, "--preset", preset, "-o", "x.npz", "--quiet") == 0
    command = shlex.split(command_of("x.npz", capsys))
    if preset == "default":  # all else is automatic
        assert sorted(command) == sorted(["gru-ext", "train", "a.txt", *options])
    assert run(*command[1:], "-o", "y.npz", "--quiet") == 0
    assert run_files("x.npz") == run_files("y.npz")


def test_options_replace_those_of_a_preset(folder):
    given = {"hidden_size": 5, "layers": 2, "seq_length": 4, "batch_size": 3, "dropout": 0.125}
    given |= {"epochs": 0.25, "average_over": 0.5}
    words = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    assert run("train", "a.txt", "--preset", "best", *words, "-o", "x.npz", "--quiet") == 0
    options = gru_ext.load("x.npz").about["options"]
    assert given.items() <= options.items()


def test_a_preset_that_there_is_not(folder, capsys):
    assert run("train", "a.txt", "--preset", "large") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert all(name in err for name in ("--preset", "large", *PRESETS))
    assert not (folder / "model.npz").exists()


def test_a_run_that_overfits_ends_early(folder, capsys):
    """By default after five evaluations without a better loss."""
    (folder / "t.txt").write_text(TURNED)
    assert run("train", "t.txt", *OVERFITTED.split(), "-o", "x.npz", "--metrics", "m.jsonl") == 0
    told = " ".join(capsys.readouterr().out.split())
    best = gru_ext.load("x.npz").about["step"]
    steps = [json.loads(line)["step"] for line in (folder / "m.jsonl").read_text().splitlines()]
    assert steps[-1] == best + 5 * 20 < 400
    assert "no better validation loss in 5 evaluations; the best was " in told
    assert f" at step {best:,} validation loss: " in told
    assert (
        f"it has risen since step {best}: the model has begun to learn its text by heart; more "
        f"text would help, or more dropout, or a smaller hidden size" in told
    )
    assert "more epochs would help" not in told


def test_without_patience_all_steps_are_made(folder, capsys):
    (folder / "t.txt").write_text(TURNED)
    assert run("train", "t.txt", *OVERFITTED.split(), "-o", "x.npz", "--patience", 0) == 0
    told = " ".join(capsys.readouterr().out.split())
    best = gru_ext.load("x.npz").about["step"]
    assert re.search(rf"the best validation loss was [\d.]+ at step {best} validation loss: ", told)
    assert f"it has risen since step {best}: " in told
    assert "no better validation loss" not in told
    assert run("info", "x.state.npz", "--json") == 0
    assert json.loads(capsys.readouterr().out)["step"] == 400


def test_a_run_that_has_learnt_too_little_says_so(folder, capsys):
    options = "--hidden-size 4 --max-steps 20 --eval-every 20 --val-fraction 0.2"
    (folder / "t.txt").write_text("".join(f"{n * 7919 % 1000:03}" for n in range(2000)))
    assert run("train", "t.txt", *options.split(), *PLAIN.split(), "-o", "x.npz") == 0
    told = capsys.readouterr().out
    assert "the training loss is not lower: more epochs would help, or a larger hidden size" in told
    assert "risen" not in told
    assert run("train", "a.txt", "--max-steps", 3, "-o", "y.npz") == 0
    told = capsys.readouterr().out  # there is no validation part
    assert "would help" not in told
