# SPDX-License-Identifier: MIT
"""The command line as its users meet it: options in, output and files out."""

import re
import subprocess

import numpy as np
from command import COMMAND, SMALL, contents, run
from training_runs import TEXT, state_of

import gru_ext
from gru_ext.model import checkpoint


def test_train(folder, capsys):
    assert run("train", "a.txt", *SMALL, "--val-fraction", "0.1") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert re.search(r"^ *step +epoch +train +validation +learning +speed +time$", out, re.M)
    assert re.search(r"^ +bits/char +bits/char +rate +char/s +left$", out, re.M)
    assert re.search(r"validation loss: \d+\.\d+ bits per character", out)
    assert re.search(
        r"\nwrote model\.npz \([\d.]+ kB\): the weights of step 12, the best\n"
        r"wrote model\.state\.npz \([\d.]+ kB\): the state, for --resume\n"
        r"next: gru-ext sample model\.npz\n$",
        out,
    )
    assert "----" not in out  # a model of 12 steps writes noise
    model = gru_ext.load("model.npz")
    assert model.hidden_size == 8
    assert model.vocabulary.characters == "".join(sorted(set(TEXT)))


def test_every_option_reaches_the_run(folder):
    assert (
        run(
            "train",
            "a.txt",
            "-o",
            "o.npz",
            "--hidden-size",
            "9",
            "--seq-length",
            "11",
            "--batch-size",
            "3",
            "--layers",
            "2",
            "--dropout",
            "0.25",
            "--dtype",
            "float64",
            "--optimizer",
            "adamw",
            "--learning-rate",
            "0.02",
            "--schedule",
            "cosine",
            "--warmup",
            "3",
            "--weight-decay",
            "0.5",
            "--clip-norm",
            "0.25",
            "--clip",
            "0.75",
            "--max-steps",
            "1_0",
            "--epochs",
            "50",
            "--val-fraction",
            "0.125",
            "--seed",
            "5",
            "--threads",
            "2",
            "--sample-every",
            "0",
            "--sample-length",
            "9",
            "--log-every",
            "0",
            "--quiet",
        )
        == 0
    )
    data = checkpoint.read("o.npz")
    assert state_of("o.npz").hidden.shape == (2, 3, 9)
    assert data.weights["Wz"].dtype == np.float64
    assert data.metadata["step"] == 10
    expected = gru_ext.train(
        TEXT,
        hidden_size=9,
        seq_length=11,
        batch_size=3,
        layers=2,
        dropout=0.25,
        dtype="float64",
        optimizer="adamw",
        learning_rate=0.02,
        schedule="cosine",
        warmup=3,
        weight_decay=0.5,
        clip_norm=0.25,
        clip=0.75,
        max_steps=10,
        val_fraction=0.125,
        seed=5,
        quiet=True,
    )
    assert all(
        np.array_equal(data.weights[name], expected.parameters[name]) for name in data.weights
    )


def test_several_texts_and_standard_input(folder):
    (folder / "b.txt").write_text("extra ÄÖÜ")
    done = subprocess.run(
        [*COMMAND, "train", "b.txt", "-", "a.txt", *SMALL, "--quiet"],
        input="☃\r\n".encode() * 3,
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    data = checkpoint.read("model.npz")
    assert data.characters == "".join(sorted(set(TEXT + "extra ÄÖÜ☃")))
    assert data.metadata["training"]["text_characters"] == len(TEXT) + 9 + 6


def test_force_and_resume_and_init_from(folder, capsys):
    assert run("train", "a.txt", "-o", "m.npz", *SMALL, "--force", "--quiet") == 0
    before = contents(folder)
    assert run("train", "a.txt", "-o", "m.npz", *SMALL) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert all(word in err for word in ("m.npz", "--resume", "--force"))
    assert contents(folder) == before
    assert run("train", "a.txt", "-o", "m.npz", "--resume", "--max-steps", "40", "--quiet") == 0
    assert state_of("m.npz").metadata["step"] == 40
    assert run("train", "a.txt", "-o", "m.npz", *SMALL, "--force", "--quiet") == 0
    assert checkpoint.read("m.npz").metadata["step"] == 12
    assert (
        run(
            "train",
            "a.txt",
            "-o",
            "n.npz",
            "--init-from",
            "m.npz",
            "--max-steps",
            "2",
            "--learning-rate",
            "1e-30",
            "--quiet",
        )
        == 0
    )
    one, other = checkpoint.read("m.npz"), checkpoint.read("n.npz")
    assert all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)


def test_sample_prints_prompt_characters_newline(folder, capsys):
    for options in (
        [],
        ["--prompt", "The "],
        ["--temperature", "0"],
        ["--length", "0"],
        ["--length", "1700", "--prompt", "dog.\n"],
    ):
        arguments = ["m.npz", "--length", "40", "--seed", "3", *options]
        assert run("sample", *arguments) == 0
        out, err = capsys.readouterr()
        keys = dict(zip(arguments[1::2], arguments[2::2], strict=True))
        expected = gru_ext.load("m.npz").sample(
            int(keys["--length"]),
            keys.get("--prompt", ""),
            float(keys.get("--temperature", 1)),
            seed=3,
        )
        assert out == expected + "\n"
        assert len(expected) == int(keys["--length"]) + len(keys.get("--prompt", ""))
        assert err == ""


def test_info(folder, capsys):
    assert run("info", "m.npz") == 0
    out, err = capsys.readouterr()
    V = len(set(TEXT))
    assert err == ""
    for told in (
        r"hidden size\D*8\b",
        rf"\b{V}\b",
        r"steps\D*30\b",
        "adam",
        gru_ext.__version__,
        "float32",
        re.escape(repr("".join(sorted(set(TEXT))))),
    ):
        assert re.search(told, out), told


def test_layers_and_dropout_are_told(folder, capsys):
    dropout = ["--dropout", 0.25, "--weight-dropout", 0.125]
    assert run("train", "a.txt", *SMALL, "--layers", 3, *dropout) == 0
    out = capsys.readouterr().out
    assert "\n3 layers of hidden size 8, dropout 0.25, weight dropout 0.125, float32: " in out
    V = len(set(TEXT))
    count = 3 * (8 * V + 8 * 8 + 8) + 2 * 3 * (2 * 8 * 8 + 8) + V * 8 + V
    assert run("info", "model.npz") == 0
    lines = capsys.readouterr().out.splitlines()
    assert {"hidden size: 8", "layers: 3", f"parameters: {count:,}"} <= set(lines)
    (told,) = [line for line in lines if line.startswith("options: ")]
    assert "dropout 0.25, weight_dropout 0.125" in told
    assert f"3 layers of hidden size 8, float32, {count:,} par" in repr(gru_ext.load("model.npz"))
    assert run("train", "a.txt", *SMALL, "--dropout", 0, "--weight-dropout", 0, "--force") == 0
    assert "different\nhidden size 8, float32: " in capsys.readouterr().out
    assert run("info", "model.npz") == 0
    assert "layers: 1" in capsys.readouterr().out.splitlines()


def test_info_of_a_file_of_the_notebook(folder, capsys):
    weights = gru_ext.load("m.npz").parameters
    np.savez("notebook.npz", **weights)
    assert run("info", "notebook.npz") == 0
    out = capsys.readouterr().out
    assert re.search(r"hidden size\D*8\b", out)
    assert re.search(rf"\b{len(set(TEXT))}\b", out)


def test_version_and_help(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"gru-ext {gru_ext.__version__}\n"
    for command in ([], ["train"], ["sample"], ["score"], ["evaluate"], ["info"]):
        assert run(*command, "--help") == 0
        assert "usage: gru-ext" in capsys.readouterr().out
