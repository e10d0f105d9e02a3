# SPDX-License-Identifier: MIT
"""The parts of a run's text: documents, blocks, the tail, a text of one's own."""

import json
import re

import numpy as np
import pytest
from command import run
from training_runs import DOCUMENTS, NAMES, SMALL, TEXT, run_files, same, state_of

import gru_ext
from gru_ext.files import scratch
from gru_ext.model import checkpoint
from gru_ext.text.documents import encode_separator
from gru_ext.text.split import split_text
from gru_ext.text.vocabulary import Vocabulary
from gru_ext.training.state_files import state_path

LONG = "".join(f"{n} apples and {n * 7} pears.\n" for n in range(300))
OPTIONS = SMALL | {"max_steps": 20, "calibrate": False}
OPTIONS |= {"warmup": 200}  # the rates do not depend on the steps


def first_line(capsys):
    """The first line of a run's heading that says how long the text is, however it is wrapped."""
    out = " ".join(capsys.readouterr().out.split())
    return re.search(r"[\d,]+ (character|byte)s? for training.*? different", out)[0]


def validation_of(path):
    return state_of(path).metadata["run"]["validation"]


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        (LONG, {}, r"7,067 characters for training, 763 for validation \(3 blocks\), 21 "),
        (TEXT * 2, {}, r"990 characters for training, 90 for validation \(1 block\), "),
        (TEXT, {}, "540 characters for training, 30 "),
        (LONG, {"val_fraction": 0}, r"[\d,]+ characters for training, \d\d "),
        (LONG, {"split": "tail"}, r"for validation \(the end of the text\), "),
        (NAMES, {}, r"for validation \(2\d of 240 lines\), "),
        (DOCUMENTS * 9, {"document_separator": "<|end|>"}, r"\(\d\d of 324 documents\), "),
        (LONG, {"validation": TEXT[:9] + " pears"}, r"8 for validation \(a text of its own\), "),
        (NAMES, {"validation": ["ida", "bo"]}, r"7 for validation \(2 documents\), "),
        (LONG.encode(), {}, r"7,067 bytes for training, 763 for validation \(3 blocks\), 256 "),
    ],
)
def test_the_first_line_states_the_parts(capsys, text, options, told):
    gru_ext.train(text, hidden_size=4, max_steps=3, **options)
    assert re.search(told, first_line(capsys))


@pytest.mark.parametrize("split", ["blocks", "documents", "tail"])
@pytest.mark.parametrize("units", ["chars", "bytes"])
def test_a_run_trains_on_one_part_and_is_evaluated_on_the_other(tmp_path, split, units):
    options = OPTIONS | {"document_separator": "\n", "seed": 5, "shuffle": False, "units": units}
    model = gru_ext.train(LONG, output=tmp_path / "m.npz", split=split, **options)
    vocabulary = Vocabulary.from_text(LONG, units)
    parts = split_text(
        vocabulary.encode(LONG),
        None,
        split,
        5,
        separator=encode_separator(vocabulary, "\n"),
        newline=vocabulary.characters.index("\n"),
    )
    training = vocabulary.decode(parts.symbols[: parts.trained])
    validation = vocabulary.decode(parts.symbols[parts.trained :])
    assert same(model, gru_ext.train(training, val_fraction=0, **options))
    found = validation_of(tmp_path / "m.npz")
    assert found["characters"] == len(validation)
    options |= {"output": tmp_path / "n.npz", "init_from": model, "quiet": False}
    gru_ext.train(LONG, split=split, callback=lambda at: True, **options | {"max_steps": 1})
    nats = validation_of(tmp_path / "n.npz")["nats"]
    assert nats == gru_ext.load(tmp_path / "n.npz").evaluate(validation).nats_per_char


@pytest.mark.parametrize("split", ["blocks", "documents"])
def test_a_long_text_is_split_as_a_short_one(tmp_path, monkeypatch, split):
    path = tmp_path / "a.txt"
    path.write_text(LONG)
    options = OPTIONS | {"split": split, "document_separator": "\n", "shuffle": False}
    short = gru_ext.train(path, output=tmp_path / "short.npz", **options)
    monkeypatch.setattr(scratch, "IN_MEMORY", 0)
    assert same(short, gru_ext.train(path, output=tmp_path / "long.npz", **options))
    assert validation_of(tmp_path / "short.npz") == validation_of(tmp_path / "long.npz")
    gru_ext.train(path, output=tmp_path / "long.npz", resume=True, max_steps=30, quiet=True)


def test_a_list_of_documents_is_the_text_that_they_make(tmp_path):
    names = NAMES.split()
    for documents in (names, iter(names), np.array(names, object), [*names, ""]):
        assert same(gru_ext.train(documents, **OPTIONS), gru_ext.train(NAMES, **OPTIONS))
    model = gru_ext.train(["one\ntwo", "three"] * 40, **OPTIONS)
    assert model.about["document_separator"] == "\0"
    model = gru_ext.train(names, document_separator="<>", **OPTIONS)
    text = NAMES.replace("\n", "<>")
    assert same(model, gru_ext.train(text, document_separator="<>", **OPTIONS))
    model = gru_ext.train([name.encode() for name in names], **OPTIONS)
    assert same(model, gru_ext.train(NAMES.encode(), **OPTIONS))
    assert "made_from" not in model.about
    path = tmp_path / "m.npz"
    gru_ext.train(names, output=path, document_separator="|", **OPTIONS)
    gru_ext.train(names, output=path, resume=True, max_steps=30, quiet=True)
    assert gru_ext.load(path).about["document_separator"] == "|"


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        (["a", "b"], {"document_separator": ""}, "needs a `document_separator` that is not empty"),
        (["a", "b"], {"classic": True}, "documents and `classic` cannot be combined"),
        ([b"a", b"b"], {"units": "chars"}, "must be a str for a model of characters"),
        (["a\n\0b\n\0b", "b"], {}, "give a `document_separator` that none has"),
        (LONG, {"split": "documents"}, "`split` documents needs two documents or more"),
        (LONG, {"validation": ["a", "b"]}, "`validation` is a list of documents"),
        (LONG, {"validation": "☃ŷ"}, "`validation` must have at least 2 characters .*, not 0"),
        (LONG, {"validation": "a.txt"}, r"is the text itself, .* pathlib\.Path"),
        (LONG, {"validation": LONG, "val_fraction": 0.1}, "`validation` and `val_fraction` cannot"),
    ],
)
def test_what_is_refused(tmp_path, text, options, told):
    with pytest.raises((TypeError, ValueError), match=told):
        gru_ext.train(text, output=tmp_path / "m.npz", max_steps=20, **SMALL | options)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def texts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text(LONG)
    (tmp_path / "val.txt").write_text(TEXT)
    (tmp_path / "empty.txt").write_text("")
    return tmp_path


def test_a_validation_text_of_ones_own(texts, caplog):
    known = "".join(c for c in TEXT if c in LONG)
    model = gru_ext.train(LONG, validation=texts / "val.txt", output="m.npz", **OPTIONS)
    left_out = len(TEXT) - len(known)
    told = f"{left_out} characters of the validation text left out, which the model does not know"
    assert caplog.messages == [told]
    assert model.vocabulary == Vocabulary.from_text(LONG)
    assert validation_of("m.npz")["characters"] == len(known)
    assert same(model, gru_ext.train(LONG, val_fraction=0, **OPTIONS))
    assert model.about["made_from"] == {"texts": [], "validation": ["val.txt"]}
    options = OPTIONS | {"eval_every": 10, "metrics": "m.jsonl", "output": "n.npz"}
    gru_ext.train(LONG, validation=[TEXT[:40], "pears"], document_separator="\n", **options)
    assert validation_of("n.npz")["characters"] == 47 - sum(c not in LONG for c in TEXT[:40])


def test_a_validation_text_is_given_again_on_a_resume(texts):
    options = OPTIONS | {"output": "parts.npz", "max_steps": 7}
    gru_ext.train(LONG, validation=known_text(), output="whole.npz", **OPTIONS)
    gru_ext.train(LONG, validation=known_text(), **options)
    for validation, told in (
        (None, "another validation part than this one of 0 .*: give its `validation` again"),
        (known_text()[1:], "another validation part than this one of 299 characters$"),
    ):
        with pytest.raises(ValueError, match=told):
            gru_ext.train(
                LONG, validation=validation, output="parts.npz", resume=True, max_steps=20
            )
    more = {"output": "parts.npz", "resume": True, "max_steps": 20, "quiet": True}
    gru_ext.train(LONG, validation=known_text(), **more)
    assert run_files("parts.npz") == run_files("whole.npz")
    gru_ext.train(LONG, output="whole.npz", force=True, **OPTIONS)
    with pytest.raises(
        ValueError, match=r"whole\.state\.npz was trained with a text of [\d,]+ char"
    ):
        gru_ext.train(LONG, validation=LONG, output="whole.npz", resume=True, max_steps=30)


def known_text():
    return LONG[100:400]


def test_the_validation_text_of_the_command_line(texts, capsys, caplog):
    options = ["--hidden-size", 8, "--max-steps", 9]
    files = ["--validation", "val.txt", "--validation", "empty.txt", "--validation", "a.txt"]
    assert run("train", "a.txt", *options, *files) == 0
    assert "(val.txt, empty.txt, a.txt), " in first_line(capsys)
    assert run("info", "model.npz", "--json") == 0
    command = json.loads(capsys.readouterr().out)["command"]
    assert command.split() == [
        *["gru-ext", "train", "a.txt", "--validation=val.txt", "--validation=empty.txt"],
        *["--validation=a.txt", "--hidden-size", "8", "--max-steps", "9"],
    ]
    for bad, told in ((["missing.txt"], "No such file"), ([""], "must not be empty")):
        assert run("train", "a.txt", *options, "--validation", *bad, "--force") == 2
        assert told in capsys.readouterr().err


def as_older(path):
    """Make of a run's files that of a version without splits, averages and early stopping."""
    data = state_of(path)
    later = "split", "shuffle", "patience", "average_over", "weight_dropout", "state_reset", "keep"
    for name in (*later, "warmup"):
        data.metadata["options"].pop(name, None)
    del data.metadata["training"]["shuffle"]
    if data.metadata["options"].get("val_fraction") == 0:
        del data.metadata["options"]["val_fraction"]
    checkpoint.write(path, data)
    state_path(path).unlink()


@pytest.mark.parametrize(
    ("text", "val_fraction"), [(LONG, 0), (LONG, 0.2), (LONG * 3, None), (NAMES, 0.2)]
)
def test_older_files_are_resumed_with_the_tail(tmp_path, text, val_fraction):
    options = OPTIONS | {"split": "tail", "shuffle": False, "val_fraction": val_fraction}
    options |= {"dropout": 0.0, "weight_dropout": 0.0, "average_over": 0.0}
    if text == NAMES:
        options["document_separator"] = "\n"
    gru_ext.train(text, output=tmp_path / "whole.npz", **options)
    gru_ext.train(text, output=tmp_path / "parts.npz", **options | {"max_steps": 9})
    as_older(tmp_path / "parts.npz")
    for name in ("split", "shuffle"):
        wrong = {"split": "blocks"} if name == "split" else {"shuffle": True}
        with pytest.raises(ValueError, match=rf"parts\.npz was trained with {name} "):
            gru_ext.train(text, output=tmp_path / "parts.npz", resume=True, **wrong)
    gru_ext.train(text, output=tmp_path / "parts.npz", resume=True, max_steps=20, quiet=True)
    whole, parts = (run_files(tmp_path / f"{name}.npz")[1] for name in ("whole", "parts"))
    whole.pop("gru_ext"), parts.pop("gru_ext")
    assert whole == parts


def test_another_split_is_refused_on_a_resume(tmp_path):
    path = tmp_path / "m.npz"
    gru_ext.train(LONG, output=path, **OPTIONS)
    assert checkpoint.read(path).metadata["options"]["split"] == "blocks"
    with pytest.raises(ValueError, match=r"m\.state\.npz was trained with split blocks, not tail"):
        gru_ext.train(LONG, output=path, resume=True, max_steps=30, split="tail")
