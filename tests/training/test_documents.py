# SPDX-License-Identifier: MIT
"""A document separator: the hidden state starts anew with each document, everywhere."""

import json
import math

import numpy as np
import pytest
from command import run
from model_files import archive_of, array
from training_runs import DOCUMENTS, NAMES, SMALL, TEXT, same, state_of

import gru_ext
from gru_ext import CheckpointError
from gru_ext.files import scratch
from gru_ext.model import sampling


@pytest.mark.parametrize(("text", "separator"), [(NAMES, "\n"), (DOCUMENTS, "<|end|>")])
@pytest.mark.parametrize(
    ("units", "layers", "dropout"), [("chars", 1, 0.0), ("bytes", 1, 0.0), ("chars", 3, 0.2)]
)
def test_threads_resume_and_mapping_change_no_bit(
    tmp_path, monkeypatch, text, separator, units, layers, dropout
):
    options = SMALL | {"batch_size": 5, "seq_length": 7, "units": units, "val_fraction": 0.2}
    options |= {"document_separator": separator, "layers": layers, "dropout": dropout}
    options |= {"shuffle": True, "warmup": 100}  # the rates do not depend on the number of steps
    whole, parts, path = tmp_path / "whole.npz", tmp_path / "parts.npz", tmp_path / "a.txt"
    path.write_bytes(text.encode())
    one = gru_ext.train([path], output=whole, max_steps=50, threads=1, **options)
    assert same(one, gru_ext.train(text, max_steps=50, threads=3, **options))
    other = options | {"document_separator": "", "shuffle": False}
    assert not same(one, gru_ext.train(text, max_steps=50, **other))
    monkeypatch.setattr(scratch, "IN_MEMORY", 0)
    gru_ext.train([path], output=parts, max_steps=17, **options)
    assert same(
        one, gru_ext.train([path], output=parts, max_steps=50, resume=True, threads=2, quiet=True)
    )
    assert state_of(whole).metadata == state_of(parts).metadata
    assert gru_ext.load(parts).evaluate(text) == one.evaluate(text)


@pytest.mark.parametrize(("text", "separator"), [(NAMES, "\n"), (DOCUMENTS, "<|end|>")])
@pytest.mark.parametrize("layers", [1, 2])
def test_documents_are_measured_one_by_one(text, separator, layers):
    options = SMALL | {"max_steps": 60, "layers": layers}
    model = gru_ext.train(text, document_separator=separator, **options)
    plain = gru_ext.Model(model.vocabulary, model.parameters)
    documents = text.split(separator)[:-1]
    total, before = 0.0, ""
    for document in documents:  # each from the end of the separator before it on
        part = plain.evaluate(before + document + separator)
        total += part.nats_per_char * part.characters
        before = separator[-1]
    result = model.evaluate(separator.join([*documents, ""]))
    assert math.isclose(result.nats_per_char * result.characters, total, rel_tol=1e-5)


@pytest.fixture(scope="module", params=[(NAMES, "\n", 1), (DOCUMENTS, "<|end|>", 2)])
def learned(request):
    """A model that knows its documents, and their separator."""
    text, separator, layers = request.param
    options = {"hidden_size": 32, "layers": layers, "max_steps": 1200, "quiet": True}
    return gru_ext.train(text, document_separator=separator, **options), separator


def test_samples_start_anew_with_each_document(monkeypatch, learned):
    model, separator = learned
    likeliest = model.sample(2300, separator, temperature=0).split(separator)[1:-1]
    assert len(likeliest) > 5
    assert len(set(likeliest)) == 1  # nothing is left of the one before
    drawn = model.sample(2300, seed=4)
    for size in (1, 5, 1000):
        monkeypatch.setattr(sampling, "_PART", size)
        assert model.sample(2300, seed=4) == drawn
    # what stands before the last separator of a prompt changes nothing
    for prompt in (separator, "a" + separator, "e" * 300 + separator, separator * 3):
        assert (
            model.sample(50, prompt + "o", seed=5)[len(prompt) :]
            == (model.sample(50, separator + "o", seed=5)[len(separator) :])
        )


def test_a_separator_begins_in_the_prompt_and_ends_in_the_sample(learned):
    model, separator = learned
    begun = separator + ("anna" if separator == "\n" else "the <fox>.<|e")
    whole = separator + ("anna" if separator == "\n" else "the <fox>.") + separator
    sample = model.sample(300, begun, temperature=0)
    assert sample.startswith(whole)
    assert model.sample(300 + len(begun) - len(whole), whole, temperature=0) == sample


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"document_separator": "☃"}, "document separator has characters.*'☃'"),
        ({"document_separator": "xq"}, "'xq' is not in the text"),
        ({"document_separator": "é", "min_count": 2}, "document separator has characters.*'é'"),
        ({"document_separator": "\n", "classic": True}, "cannot be combined"),
    ],
)
def test_separators_that_are_none(tmp_path, options, told):
    with pytest.raises(ValueError, match=told):
        gru_ext.train(TEXT + "é", output=tmp_path / "m.npz", max_steps=2, **SMALL | options)
    with pytest.raises(TypeError, match="`document_separator` must be a str"):
        gru_ext.train(TEXT, document_separator=b"\n", max_steps=2, **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_the_separator_stays_that_of_the_model(tmp_path):
    path = tmp_path / "m.npz"
    gru_ext.train(NAMES, output=path, max_steps=5, document_separator="\n", **SMALL)
    for other in ("a", "\na"):
        told = r"m\.state\.npz was trained with document separator '\\n'"
        with pytest.raises(ValueError, match=told):
            gru_ext.train(
                NAMES, output=path, resume=True, max_steps=9, document_separator=other, quiet=True
            )
    model = gru_ext.train(NAMES, init_from=path, max_steps=2, quiet=True)
    assert model.about["document_separator"] == "\n"
    model = gru_ext.train(NAMES, init_from=path, document_separator="a", max_steps=2, quiet=True)
    assert model.separator.tolist() == [model.vocabulary.characters.index("a")]
    gru_ext.train(NAMES, output=path, max_steps=5, force=True, document_separator="", **SMALL)
    with pytest.raises(ValueError, match="document separator None, not 'a'"):
        gru_ext.train(
            NAMES, output=path, resume=True, max_steps=9, document_separator="a", quiet=True
        )


@pytest.mark.parametrize("separator", [3, "", "☃", ["a"]])
def test_files_whose_separator_makes_no_sense(tmp_path, members, separator):
    _, text = members["gru_ext"].split(b"\n", 1)
    metadata = json.loads(text) | {"document_separator": separator}
    data = np.frombuffer(json.dumps(metadata).encode(), np.uint8)
    (tmp_path / "m.npz").write_bytes(archive_of(members | {"gru_ext": array(data)}))
    with pytest.raises(CheckpointError, match=r"document.separator"):
        gru_ext.load(tmp_path / "m.npz")


def test_the_command_line(folder, capsys):
    options = ["--hidden-size", 8, "--max-steps", 9, "--quiet"]
    assert run("train", "a.txt", "--document-separator", r"dog.\n", *options) == 0
    assert gru_ext.load("model.npz").about["document_separator"] == "dog.\n"
    assert run("info", "model.npz") == 0
    assert r"document separator: 'dog.\n'" in capsys.readouterr().out
    assert run("sample", "model.npz", "--length", 20, "--seed", 1) == 0
    out = capsys.readouterr().out
    assert out == gru_ext.load("model.npz").sample(20, seed=1) + "\n"
    (folder / "b.txt").write_text("a\\tb" * 90)
    assert run("train", "b.txt", "--document-separator", r"\\t", *options, "--force") == 0
    assert gru_ext.load("model.npz").about["document_separator"] == r"\t"
