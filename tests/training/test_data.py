# SPDX-License-Identifier: MIT
"""The text of a run: paths and texts, files and what is between them, another text on a resume."""

import pytest
from command import SMALL as FLAGS
from command import run
from training_runs import NAMES, SMALL, TEXT, same

import gru_ext
from gru_ext.model import checkpoint


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "input.txt").write_text(TEXT)
    (tmp_path / "names.txt").write_text(NAMES)
    (tmp_path / "empty.txt").write_text("")
    return tmp_path


@pytest.mark.parametrize("text", ["input.txt", "missing.txt", b"input.txt", "texts/input"])
def test_a_path_given_as_a_text(files, text):
    model = gru_ext.train(TEXT.encode() if isinstance(text, bytes) else TEXT, max_steps=1, **SMALL)
    for use in (lambda: gru_ext.train(text, quiet=True), lambda: model.evaluate(text)):
        with pytest.raises(ValueError, match=r"is the text itself, .*: .*pathlib\.Path\("):
            use()


def test_the_command_line_says_nothing_of_lists(files, capsys):
    assert run("train", "anna") == 2
    assert capsys.readouterr().err == "gru-ext: anna: No such file or directory\n"
    assert run("train", "") == 2
    assert "the path of a text must not be empty" in capsys.readouterr().err


def test_text_between_files(files):
    both = [files / "input.txt", files / "empty.txt", files / "names.txt"]
    options = {"max_steps": 3, "val_fraction": 0, **SMALL}
    assert same(gru_ext.train(both, **options), gru_ext.train(TEXT + NAMES, **options))
    joined = gru_ext.train(both, join="<|end|>\n", document_separator="<|end|>", **options)
    whole = gru_ext.train(f"{TEXT}<|end|>\n{NAMES}", document_separator="<|end|>", **options)
    assert same(joined, whole)
    assert same(gru_ext.train(both, join="", **options), gru_ext.train(TEXT + NAMES, **options))
    one, other = (
        joined.evaluate(both, join="<|end|>\n"),
        joined.evaluate(f"{TEXT}<|end|>\n{NAMES}"),
    )
    assert one == other


def test_a_resume_joins_as_before(files, capsys):
    arguments = ["train", "input.txt", "names.txt", "-o", "m.npz", *FLAGS[:2], "--quiet"]
    assert run(*arguments, "--join", r"\0\n", "--max-steps", 3) == 0
    model = gru_ext.load("m.npz")
    assert model.about["options"]["join"] == "\0\n"
    assert "\0" in model.vocabulary
    assert run(*arguments, "--resume", "--max-steps", 4) == 0
    assert run(*arguments, "--resume", "--max-steps", 5, "--join", r"\n") == 2
    assert "with join '" in capsys.readouterr().err.replace('"', "'")
    assert run("evaluate", "m.npz", "input.txt", "names.txt", "--join", r"\0", "--json") == 0
    assert f'"characters": {len(TEXT + NAMES)}' in capsys.readouterr().out


def test_runs_without_it_record_no_join(files):
    gru_ext.train(TEXT, max_steps=1, output="m.npz", **SMALL)
    assert "join" not in checkpoint.read("m.npz").metadata["options"]


def test_one_empty_file_is_reported(files, capsys):
    assert run("train", "empty.txt", "input.txt", *FLAGS, "--quiet") == 0
    assert capsys.readouterr() == ("", "gru-ext: empty.txt is empty\n")


@pytest.mark.parametrize("word", [r"\0", r"\f", r"\r", r"\x1c", r"\u2028", r"\n\n"])
def test_separators_have_escapes(files, word):
    separator = word.encode().decode("unicode_escape")
    (files / "documents").write_bytes((f"one{separator}two{separator}" * 40).encode())
    if word != r"\r":  # which is read as a line end
        options = ["-o", "m.npz", *FLAGS, "--document-separator", word, "--quiet"]
        assert run("train", "documents", *options) == 0
        assert gru_ext.load("m.npz").about["document_separator"] == separator
    options = ["-o", "b.npz", *FLAGS, "--document-separator", word, "--quiet", "--units", "bytes"]
    assert run("train", "documents", *options) == 0


def test_a_resume_on_another_text_names_init_from(files):
    path = files / "m.npz"
    gru_ext.train(TEXT, max_steps=2, output=path, **SMALL)
    told = (
        r"m\.state\.npz was trained on another text, without .*'☃'; to train on .*, use `init_from`"
    )
    with pytest.raises(ValueError, match=told):
        gru_ext.train(TEXT + "☃", resume=True, max_steps=3, output=path, **SMALL)
    with pytest.raises(ValueError, match="use `init_from`"):
        gru_ext.train(TEXT + TEXT, resume=True, max_steps=3, output=path, **SMALL)
    assert "☃" in gru_ext.train(TEXT + "☃", init_from=path, max_steps=3, **SMALL).vocabulary


def test_a_mark_is_a_letter_for_classic_alone(files):
    (files / "input.txt").write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert run("train", "input.txt", *FLAGS, "--quiet") == 0
    assert "\ufeff" not in gru_ext.load("model.npz").vocabulary
    assert run("train", "input.txt", "--classic", "--max-steps", 2, "--quiet") == 0
    assert "\ufeff" in gru_ext.load("gru_weights.data").vocabulary
