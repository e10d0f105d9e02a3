# SPDX-License-Identifier: MIT
"""The commands export and import."""

import re
import subprocess
import sys

import numpy as np
import pytest
from command import COMMAND, contents, run
from exported import drawn, skip_without

import gru_ext
from gru_ext import export

CHECKED = (
    r"checked with {} [\d.]+\S*: over 1,000 steps, log-probabilities differ by at most "
    r"[\d.e-]+ and bits per character by [\d.e-]+\n"
)
EXPORTS = [
    ("a.onnx", "onnxruntime"),
    ("a.onnx --whole", "onnxruntime"),
    ("a.pt", "torch"),
    ("a.safetensors", "safetensors"),
]


@pytest.mark.parametrize(("words", "runtime"), EXPORTS)
def test_there_and_back(folder, capsys, words, runtime):
    name = words.split()[0]
    skip_without(runtime, *export.FORMATS[export.formats.chosen(name)].needs)
    assert run("export", "m.npz", "-o", *words.split()) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(rf"wrote {name}\n" + CHECKED.format(runtime), out)
    assert err == ""
    assert run("import", name, "-o", "again.npz") == 0
    assert capsys.readouterr().out == "wrote again.npz: 30 characters, hidden size 8, float32\n"
    assert gru_ext.load("again.npz") == gru_ext.load("m.npz")


def test_the_text_of_the_check(folder, capsys):
    skip_without("safetensors")
    assert run("export", "m.npz", "-o", "a.safetensors", "--text", "a.txt") == 0
    assert "over 539 steps" in capsys.readouterr().out
    (folder / "snow.txt").write_text("☃☃", encoding="utf-8")
    for words, error in (
        ("--text snow.txt", "'☃'"),
        ("--text none.txt", "none.txt"),
        ("--text snow.txt --encoding ascii", "snow.txt"),
    ):
        assert run("export", "m.npz", "-o", "b.safetensors", *words.split()) == 2
        assert error in capsys.readouterr().err
        assert not (folder / "b.safetensors").exists()


def test_weights_alone(folder, capsys):
    assert run("export", "m.npz", "-o", "w.npz", "--dtype", "float16") == 0
    assert re.fullmatch("wrote w.npz\n" + CHECKED.format("numpy"), capsys.readouterr().out)
    with np.load("w.npz") as file:
        assert file["Wz"].dtype == np.float16


def test_a_folder(folder, capsys):
    assert run("export", "m.npz", "-o", "hub", "--to", "hub") == 0
    assert (folder / "hub" / "config.json").exists()
    assert run("export", "m.npz", "-o", "hub", "--to", "hub") == 2
    assert "hub exists: replace it with --force" in capsys.readouterr().err
    assert run("export", "m.npz", "-o", "hub", "--to", "hub", "--force") == 0
    assert run("import", "hub/model.safetensors", "-o", "again.npz") == 0


def test_a_difference_is_status_1(folder, capsys, monkeypatch):
    skip_without("safetensors")
    from gru_ext.export import safetensors_file

    numpy_logits = safetensors_file.numpy_logits
    monkeypatch.setattr(
        safetensors_file,
        "numpy_logits",
        lambda weights: numpy_logits(weights | {"Uz": weights["Ur"], "Ur": weights["Uz"]}),
    )
    assert run("export", "m.npz", "-o", "a.safetensors") == 1
    out, err = capsys.readouterr()
    assert out == "wrote a.safetensors\n"
    assert re.fullmatch(
        r"gru-ext: a\.safetensors does not predict what the model does: with safetensors [\d.]+, "
        r"over 1,000 steps, .*, and rounding explains at most [\d.e-]+; do not use it\n",
        err,
    )


def test_a_runtime_that_is_not_installed(folder, capsys, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == "safetensors" else find(n, *a)
    )
    assert run("export", "m.npz", "-o", "a.safetensors") == 0
    assert capsys.readouterr().out == (
        "wrote a.safetensors\n"
        'not checked: safetensors is not installed (python -m pip install "gru-ext[safetensors]")\n'
    )


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("export m.npz -o w.npz", "w.npz exists: replace it with --force, or name another"),
        ("export m.npz -o a.png", "a.png must end in .onnx, "),
        ("export m.npz -o a.npz --whole", "--whole is an option of the format onnx, not npz"),
        ("export m.npz -o a.npz --stateful", "--stateful is an option of the format keras"),
        ("export m.npz -o a.npz --dtype int8", "--dtype must be float16, float32 or float64"),
        ("export m.npz -o a.npz --to nonsense", "nonsense"),
        ("export m.npz -o a.npz --to keras", "must end in .keras"),
        ("export none.npz -o a.npz", "none.npz"),
        ("export a.txt -o a.npz", "a.txt is not a model file"),
        ("export m.npz -o none/a.npz", "none/a.npz"),
        ("export m.npz -o none/a --to hub", "none/a"),
        ("export m.npz -o a.txt --to hub --force", "a.txt: it is not a folder"),
        ("export m.npz", "-o"),
        ("import none.onnx -o b.npz", "none.onnx"),
        ("import . -o b.npz", "."),
        ("import m.npz -o w.npz", "w.npz exists: replace it with --force"),
        ("import m.npz -o m.npz --force", "m.npz is the file that is read: name another with --o"),
        ("export m.npz -o ./m.npz --force", "m.npz is the file that is read: name another with"),
        ("import w.npz -o b.npz", "w.npz holds weights without a vocabulary"),
        ("import w.npz -o b.npz --vocabulary bytes", "for 30 characters, not for 256"),
        ("import w.npz -o b.npz --vocabulary a.txt", "must have each character once"),
        ("import w.npz -o b.npz --vocabulary none.txt", "none.txt"),
        ("import w.npz", "-o"),
    ],
)
def test_refusals(folder, capsys, words, error):
    assert run("export", "m.npz", "-o", "w.npz", "--to", "npz") == 0
    before = contents(folder)
    capsys.readouterr()
    assert run(*words.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert error in err
    assert err.count("\n") == 1
    assert contents(folder) == before


@pytest.mark.parametrize("name", ["a.txt", "empty"])
def test_files_of_no_format(folder, capsys, name):
    skip_without("onnx")
    (folder / "empty").touch()
    assert run("import", name, "-o", "b.npz") == 2
    assert f"{name} is not a model file" in capsys.readouterr().err


def test_a_vocabulary_in_a_file(folder, capsys):
    model = gru_ext.load("m.npz")
    (folder / "characters.txt").write_text(model.vocabulary.characters, encoding="utf-8")
    assert run("export", "m.npz", "-o", "w.npz", "--to", "npz") == 0
    assert run("import", "w.npz", "-o", "b.npz", "--vocabulary", "characters.txt") == 0
    assert gru_ext.load("b.npz") == model


def test_a_vocabulary_of_bytes(folder, capsys):
    drawn("bytes", layers=2).save("b.npz")
    assert run("export", "b.npz", "-o", "w.npz", "--to", "npz", "--text", "a.txt") == 0
    assert run("import", "w.npz", "-o", "c.npz", "--vocabulary", "bytes") == 0
    assert "c.npz: 256 bytes, 2 layers of hidden size 6, float32\n" in capsys.readouterr().out
    assert gru_ext.load("c.npz") == gru_ext.load("b.npz")


def test_the_help_loads_no_other_library(folder):
    program = """
import contextlib, sys
before = set(sys.modules)
from gru_ext.cli.main import main
with contextlib.suppress(SystemExit):
    main(["export", "--help"])
assert not {"numpy", "onnx", "torch", "keras", "jax", "pathlib"} & (set(sys.modules) - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "safetensors: weights, vocabulary" in " ".join(done.stdout.split())


@pytest.mark.parametrize("words", [["--help"], ["info", "m.npz"], ["import", "--help"]])
def test_other_commands_do_not_load_the_formats(folder, words):
    program = f"""
import contextlib, sys
from gru_ext.cli.main import main
with contextlib.suppress(SystemExit):
    main({words})
assert not [name for name in sys.modules if name.startswith("gru_ext.export")]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_a_file_of_keras(folder):
    skip_without("keras", "h5py")
    done = subprocess.run(
        [*COMMAND, "export", "m.npz", "-o", "a.keras", "--stateful", "--text", "a.txt"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "checked with keras" in done.stdout
    assert run("import", "a.keras", "-o", "again.npz") == 0
    assert gru_ext.load("again.npz") == gru_ext.load("m.npz")
