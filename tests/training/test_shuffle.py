# SPDX-License-Identifier: MIT
"""The order of documents, drawn for each epoch: none is lost, and any step sees the same text."""

from collections import Counter

import numpy as np
import pytest
from command import run
from training_runs import DOCUMENTS, NAMES, SMALL, TEXT, interrupt_after, run_files, same

import gru_ext
from gru_ext import Model, Trainer, Vocabulary
from gru_ext.core.memory import Memory
from gru_ext.files import scratch
from gru_ext.model import checkpoint
from gru_ext.training import shuffle
from gru_ext.training.shuffle import ShuffledDocuments
from gru_ext.training.snapshot import Snapshot
from gru_ext.training.state_files import read_state


def shuffled(text, separator, seed=0, epoch=0):
    symbols = np.frombuffer(text.encode(), np.uint8)
    arranged = symbols.copy()
    wanted = np.frombuffer(separator.encode(), np.uint8)
    ShuffledDocuments(symbols, arranged, wanted, seed, 1, 5).arrange(epoch)
    return arranged.tobytes().decode()


@pytest.mark.parametrize("part", [1, 7, 1 << 20])
@pytest.mark.parametrize("separator", ["\n", "<|end|>", "\n\n"])
@pytest.mark.parametrize("end", [True, False])
def test_documents_change_their_places_alone(monkeypatch, part, separator, end):
    monkeypatch.setattr(shuffle, "_PART", part)
    documents = [f"{i}{'x' * (i % 9)}" for i in range(99)]
    text = separator.join(documents) + separator * end
    orders = set()
    for epoch in range(4):
        found = shuffled(text, separator, 3, epoch)
        assert found == shuffled(text, separator, 3, epoch)
        assert found.endswith(separator) == end
        split_up = found.removesuffix(separator).split(separator)
        assert Counter(split_up) == Counter(documents)
        if not end:
            assert split_up[-1] == documents[-1]
        orders.add(tuple(split_up))
    assert len(orders) == 4
    assert (
        tuple(shuffled(text, separator, 4).removesuffix(separator).split(separator)) not in orders
    )


def test_every_place_is_as_likely_for_a_document():
    places = Counter(shuffled("a\nb\nc\n", "\n", 0, epoch) for epoch in range(600))
    assert len(places) == 6
    assert min(places.values()) > 60


@pytest.mark.parametrize("text", ["a", "a\n", "\n", "ab"])
def test_a_text_of_one_document_stays_as_it_is(text):
    assert shuffled(text, "\n", epoch=5) == text


VOCABULARY = Vocabulary.from_text(NAMES + DOCUMENTS)


def trainer_of(text, separator, B=3, T=7, symbols=None, shuffle=True, **options):
    model = Model.create(VOCABULARY, 5)
    model.about["document_separator"] = separator
    symbols = VOCABULARY.encode(text) if symbols is None else symbols
    return Trainer(model, symbols, seq_length=T, batch_size=B, shuffle=shuffle, seed=2, **options)


def state_of(trainer):
    beside = [arrays.flat for arrays in trainer.beside.values()]
    arrays = [trainer.model.parameters.flat, trainer.hidden, *beside]
    return [array.tobytes() for array in arrays], trainer.counters


@pytest.mark.parametrize(("text", "separator"), [(NAMES, "\n"), (DOCUMENTS, "<|end|>")])
@pytest.mark.parametrize(("B", "T"), [(1, 100), (3, 7), (5, 200), (8, 83), (1, 600)])
def test_an_epoch_is_that_of_a_trainer_of_the_arranged_text(text, separator, B, T):
    trainer = trainer_of(text, separator, B, min(T, (len(text) - 1) // B))
    steps = trainer.windows_per_epoch
    symbols = VOCABULARY.encode(text)
    arranged, separator_symbols = symbols.copy(), trainer.model.separator
    order = ShuffledDocuments(symbols, arranged, separator_symbols, 2, B, trainer.seq_length)
    for epoch in range(3):
        order.arrange(epoch)
        plain = trainer_of(text, separator, B, trainer.seq_length, arranged.copy(), shuffle=False)
        plain.model.parameters.assign(trainer.model.parameters)
        for name, arrays in trainer.beside.items():
            plain.beside[name].assign(arrays)
        plain.counters = trainer.steps_done, 0, trainer.smooth_loss
        trainer.advance(steps)
        plain.advance(steps)
        assert state_of(trainer) == state_of(plain)
    assert trainer.text_digest() == trainer_of(text, separator, shuffle=False).text_digest()


@pytest.mark.parametrize("chunk", [1, 2, 5, 53, 400])
@pytest.mark.parametrize("threads", [1, 2])
def test_chunks_and_threads_change_no_bit(chunk, threads):
    whole = trainer_of(NAMES, "\n")
    losses = whole.advance(400)
    assert 5 * whole.windows_per_epoch < 400
    other = trainer_of(NAMES, "\n", threads=threads)
    found = [other.advance(min(chunk, 400 - at)) for at in range(0, 400, chunk)]
    assert np.concatenate(found).tobytes() == losses.tobytes()
    assert state_of(other) == state_of(whole)


@pytest.mark.parametrize("at", [1, 20, 57, 58, 59, 116, 130])
def test_a_state_is_restored_and_resumed_in_any_epoch(tmp_path, at):
    trainer = trainer_of(NAMES, "\n")
    trainer.advance(at)
    kept, saved = Snapshot(trainer), trainer.checkpoint()
    checkpoint.write(tmp_path / "t.npz", saved)
    trainer.advance(200)
    wanted = state_of(trainer)
    kept.restore()
    trainer.advance(200)
    assert state_of(trainer) == wanted
    other = trainer_of(NAMES, "\n")
    other.advance(300)
    other.resume(checkpoint.read(tmp_path / "t.npz"))
    other.advance(200)
    assert state_of(other) == wanted


def test_a_trainer_that_does_not_shuffle_cannot_resume_one_that_does():
    saved = trainer_of(NAMES, "\n").checkpoint()
    with pytest.raises(gru_ext.CheckpointError, match="trained with shuffle True, not False"):
        trainer_of(NAMES, "\n", shuffle=False).resume(saved)


def test_any_counters_are_those_of_some_epoch():
    """They are not those of a run, but nothing fails."""
    trainer = trainer_of(NAMES, "\n")
    for counters in ((0, 50, 3.0), (3, 200, 3.0), (2**40, 7, 3.0)):
        trainer.counters = counters
        trainer.advance(trainer.windows_per_epoch + 2)


def test_there_must_be_documents():
    with pytest.raises(ValueError, match="`shuffle` is for documents"):
        gru_ext.train(TEXT, shuffle=True, max_steps=2, **SMALL)
    with pytest.raises(TypeError, match="`shuffle` must be True or False, not 1"):
        trainer_of(NAMES, "\n", shuffle=1)
    for symbols in ("abc", [[1, 2], [3, 4]], 3, [], VOCABULARY.encode("")):
        with pytest.raises((TypeError, ValueError), match="symbols"):
            trainer_of(NAMES, "\n", symbols=symbols)


@pytest.mark.parametrize("stop_at", [3, 35, 70, 71, 99])
def test_a_run_that_is_interrupted_equals_an_uninterrupted_one(tmp_path, stop_at):
    options = SMALL | {"max_steps": 120, "seq_length": 6, "batch_size": 5, "metrics": None}
    gru_ext.train(NAMES, output=tmp_path / "whole.npz", **options)
    assert read_state(tmp_path / "whole.npz")[1].metadata["training"]["shuffle"]
    parts = tmp_path / "parts.npz"
    with interrupt_after(stop_at), pytest.raises(gru_ext.TrainingInterrupted):
        gru_ext.train(NAMES, output=parts, **options)
    gru_ext.train(NAMES, output=parts, resume=True, quiet=True)
    assert run_files(parts) == run_files(tmp_path / "whole.npz")


def test_the_command_line_and_the_default(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.txt").write_text(NAMES)
    options = ["names.txt", "--hidden-size", 8, "--max-steps", 9, "--quiet"]
    for flags, shuffles in (([], True), (["--shuffle"], True), (["--no-shuffle"], False)):
        assert run("train", *options, *flags, "-o", "m.npz", "--force") == 0
        model = gru_ext.load("m.npz")
        assert model.about["options"]["shuffle"] is shuffles
        assert same(model, gru_ext.train(NAMES, max_steps=9, shuffle=shuffles, **SMALL))
    assert run("train", *options, "--resume", "-o", "m.npz", "--shuffle") == 2
    assert "was trained with shuffle False, not True" in capsys.readouterr().err


def test_long_texts_are_shuffled_on_request_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "IN_MEMORY", 100)
    options = SMALL | {"max_steps": 9, "batch_size": 4, "seq_length": 9}
    path = tmp_path / "names.txt"
    path.write_text(NAMES)
    for text in (NAMES, path):
        assert gru_ext.train(text, **options).about["options"]["shuffle"] is False
    model = gru_ext.train(path, shuffle=True, **options)
    assert same(model, gru_ext.train(NAMES, shuffle=True, **options))
    monkeypatch.setattr("gru_ext.training.memory.process_memory", lambda: Memory(10**6, 10**6))
    with pytest.raises(ValueError, match=r"needs about [\d.]+ .*without `shuffle`"):
        gru_ext.train("anna\n" * 300_000, shuffle=True, **options)
    gru_ext.train("anna\n" * 300_000, shuffle=False, **options)
