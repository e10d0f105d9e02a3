# SPDX-License-Identifier: MIT
"""What a model file says of its origin, and the command that makes the model again."""

import json
import pathlib
import shlex

import pytest
from command import run
from training_runs import SMALL, TEXT, interrupt_after, run_files, same, state_of

import gru_ext
from gru_ext.model import checkpoint
from gru_ext.training import recorded
from gru_ext.training.made_from import command_of
from gru_ext.training.presets import recipe

MADE, MINIMAL = {"texts": ["a.txt"]}, "gru-ext train a.txt"


def test_texts_and_start_are_named_without_folders(folder):
    for text, texts in (
        (folder / "a.txt", ["a.txt"]),
        ([folder / "a.txt", pathlib.Path("a.txt")], ["a.txt"] * 2),
        ([folder / "a.txt"] * 30, ["a.txt"] * recorded.MOST_TEXTS),
    ):
        model = gru_ext.train(text, max_steps=1, **SMALL)
        assert model.about["made_from"] == {"texts": texts}
    assert "made_from" not in gru_ext.train(TEXT, max_steps=1, **SMALL).about
    model = gru_ext.train(folder / "a.txt", max_steps=1, quiet=True, init_from=folder / "m.npz")
    assert model.about["made_from"] == {"texts": ["a.txt"], "init_from": "m.npz"}
    options = {"init_from": folder / "m.npz", "validation": folder / "a.txt"}
    model = gru_ext.train(folder / "a.txt", max_steps=1, quiet=True, **options)
    assert model.about["made_from"].keys() == recorded.MADE_FROM.keys()
    model = gru_ext.train(folder / "a.txt", max_steps=1, quiet=True, init_from=model)
    assert command_of(model.about["made_from"], model.about["options"], None, 540) is None


def test_a_resumed_run_keeps_the_names(folder):
    (folder / "other.txt").write_text(TEXT)
    options = SMALL | {"max_steps": 30}
    gru_ext.train(folder / "a.txt", output="whole.npz", **options)
    with interrupt_after(13), pytest.raises(gru_ext.TrainingInterrupted) as stopped:
        gru_ext.train(folder / "a.txt", output="parts.npz", **options)
    assert (stopped.value.step, stopped.value.steps) == (13, 30)
    assert str(stopped.value).startswith("training was interrupted at step 13 of 30: the model so ")
    gru_ext.train(folder / "other.txt", output="parts.npz", resume=True, quiet=True)
    assert run_files("parts.npz") == run_files("whole.npz")


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--hidden-size 8 --tied --seed 3",
        "--seq-length 5 --batch-size 3 --max-steps 9 --dtype float64 --val-fraction 0.2",
        "--batch-size 100 --clip inf --clip-norm 0.5",
        "--seq-length 16 --batch-size 1",
        "--workers 2",
        "--workers 2 --outer-optimizer mean",
        "--workers 3 --sync-every 1 --max-steps 5",
        "--workers 2 --sync-every 4 --outer-momentum 0.25",
        r"--units bytes --document-separator 'dog.\n'",
        "--optimizer adamw --weight-decay 0.5 --learning-rate 0.001 --schedule constant",
        r"--split tail --val-fraction 0.3 --document-separator 'dog.\n' --no-shuffle",
        r"--split blocks --val-fraction 0.3 --document-separator 'dog.\n'",
        "--validation b.txt --patience 3 --eval-every 2",
        "--init-from m.npz --warmup 3 --patience 3 --val-fraction 0.1 --eval-every 2",
    ],
)
def test_the_command_makes_the_same_file(folder, capsys, options):
    (folder / "b.txt").write_text(TEXT[::-1])
    steps = "" if "--max-steps" in options else "--max-steps 12"
    words = shlex.split(f"train a.txt {options} {steps}")
    assert run(*words, "--quiet", "-o", "one.npz") == 0
    assert run("info", "one.npz", "--json") == 0
    command = json.loads(capsys.readouterr().out)["command"]
    assert run("info", "one.npz") == 0
    assert capsys.readouterr().out.endswith(f"\ncommand: {command}\n")
    program, *again = shlex.split(command)
    assert program == "gru-ext"
    assert len(again) <= len(words) + 2 * ("--init-from" in words)  # the rest is automatic
    assert run(*again, "--quiet", "-o", "other.npz") == 0
    assert run_files("one.npz") == run_files("other.npz")


@pytest.mark.parametrize(
    ("made", "options", "command"),
    [
        ({"texts": ["a b.txt", "-x", "-"]}, {}, "gru-ext train 'a b.txt' ./-x -"),
        (MADE, {"hidden_size": recipe("default", 540, False).hidden_size, "tied": False}, MINIMAL),
        (MADE, {"hidden_size": 5}, "gru-ext train a.txt --hidden-size 5"),
        (MADE, {"join": "\n\x1b"}, r"gru-ext train a.txt --join '\n\x1b'"),
        (MADE, {"document_separator": ""}, "gru-ext train a.txt --document-separator ''"),
        (MADE, {"split": "blocks", "shuffle": False}, "gru-ext train a.txt"),
        (MADE, {"join": "--"}, "gru-ext train a.txt --join=--"),
        (MADE, {"clip": "x", "mine": 1, "layers": 2}, "gru-ext train a.txt --layers 2"),
        (MADE, {"patience": 1, "schedule": "plateau"}, None),
        ({"texts": []}, {}, None),
    ],
)
def test_the_words_of_a_command(made, options, command):
    found = command_of(made, options, None, 540)
    assert found == command or (command is None and made["texts"] and "--patience 1" in found)


def test_a_damaged_origin_is_refused_or_left_out(folder, capsys):
    gru_ext.train(folder / "a.txt", output="x.npz", max_steps=3, **SMALL)
    data = state_of("x.npz")
    data.metadata["made_from"]["texts"] = ["a.txt", 3]
    checkpoint.write("x.state.npz", data)
    assert run("info", "x.state.npz") == 0
    out = capsys.readouterr().out
    assert "a.txt" not in out
    assert "None" not in out
    told = r"x\.state\.npz has a damaged record of what it was made from"
    with pytest.raises(ValueError, match=told):
        gru_ext.train(folder / "a.txt", output="x.npz", max_steps=9, resume=True, quiet=True)


def test_a_model_that_is_loaded_has_an_empty_history(folder):
    model = gru_ext.train(TEXT, output="x.npz", max_steps=20, **SMALL)
    assert [record["step"] for record in model.history] == list(range(1, 21))
    assert gru_ext.load("x.npz").history.records == []
    assert same(model, gru_ext.load("x.npz"))
