# SPDX-License-Identifier: MIT
"""What a report reads: predictions, states and gates, against the oracle; and which passage."""

import numpy as np
import pytest
import reference
from training_runs import DOCUMENTS, TEXT

import gru_ext
from gru_ext.report.calibration import calibration_counts
from gru_ext.report.gates import gates
from gru_ext.report.passage import Split, read_passage, recorded_split
from gru_ext.report.reading import read_states, read_symbols, sample
from gru_ext.text.corpus import digest
from gru_ext.text.documents import document_starts
from gru_ext.text.reader import TextReader


def drawn(text, dtype=np.float64, layers=1, separator=None):
    """A model with large random weights, its symbols, and what the oracle says of them."""
    vocabulary = gru_ext.Vocabulary.from_text(text)
    model = gru_ext.Model.create(vocabulary, 6, dtype, layers=layers)
    model.parameters.assign(reference.random_parameters(len(vocabulary), 6, 3, 1.5, layers))
    if separator is not None:
        model.about["document_separator"] = separator
    symbols = vocabulary.encode(text)
    resets = np.zeros(len(symbols), bool)
    if separator is not None:
        resets = document_starts(symbols, vocabulary.encode(separator))
        assert resets.any()
    weights = {name: view.astype(np.float64) for name, view in model.parameters.items()}
    out = reference.forward(
        weights,
        symbols[:-1, None],
        symbols[1:, None],
        np.zeros((layers, 1, 6)),
        resets[:-1, None],
    )
    return model, symbols, resets, out


def test_predictions(dtype, assert_close):
    model, symbols, _, out = drawn(TEXT * 3, dtype)
    reading = read_symbols(model, symbols, 40)
    bits = out["loss"][:, 0] / np.log(2)
    assert_close(reading.bits[1:], bits)
    assert np.isnan(reading.bits[0])
    p = np.array(out["p"])[:, :, 0]
    targets = symbols[1:]
    expected = 1 + (p > p[np.arange(len(p)), targets][:, None]).sum(axis=1)
    assert reading.ranks[0] == 0
    assert np.mean(reading.ranks[1:] == expected) > (0.999 if dtype == np.float64 else 0.99)
    assert reading.expected == pytest.approx(-np.sum(p * np.log2(p)) / len(p), rel=1e-5)
    assert reading.best.shape == reading.best_probabilities.shape == (40, 5)
    order = np.argsort(-p[:39], axis=1, kind="stable")[:, :5]
    likeliest = np.take_along_axis(p[:39], order, 1)
    np.testing.assert_allclose(reading.best_probabilities[1:], likeliest, atol=1e-6)
    if dtype == np.float64:
        np.testing.assert_array_equal(reading.best[1:], order)
        np.testing.assert_allclose(reading.calibration, calibration_counts(p, targets))
        top = p.argmax(axis=1)
        correct = np.where(top == targets, 0, -1)
        expected = calibration_counts(p.max(axis=1)[:, None], correct)
        np.testing.assert_allclose(reading.confidence, expected)


def test_the_windows_make_no_difference(monkeypatch):
    model, symbols, _, _ = drawn(DOCUMENTS, separator="<|end|>")
    whole = read_symbols(model, symbols, 30)
    monkeypatch.setattr("gru_ext.report.reading._LONGEST_WINDOW", 16)
    parts = read_symbols(model, symbols, 30)
    np.testing.assert_allclose(parts.bits, whole.bits)
    np.testing.assert_array_equal(parts.best, whole.best)
    np.testing.assert_allclose(parts.best_probabilities, whole.best_probabilities)


def test_predictions_that_are_not_finite():
    model, symbols, _, _ = drawn(TEXT, np.float32)
    model.parameters["Wy"][...] *= 1e38
    with pytest.raises(ValueError, match="predicts no finite probabilities"):
        read_symbols(model, symbols, 5)


def test_progress_counts_every_character():
    model, symbols, _, _ = drawn(TEXT)
    calls = []
    reading = read_symbols(model, symbols, 0, lambda *each: calls.append(each))
    assert sum(count for count, _ in calls) == len(symbols) - 1
    assert calls[-1][1] == pytest.approx(np.mean(reading.bits[1:]))
    assert reading.best.shape == (0, 5)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("separator", [None, "<|end|>"])
def test_states_and_gates(layers, separator, dtype, assert_close):
    model, symbols, resets, out = drawn(DOCUMENTS, dtype, layers, separator)
    states, found_resets = read_states(model, symbols)
    np.testing.assert_array_equal(found_resets, resets)
    z, r = gates(model.parameters, symbols, states, resets)
    for layer, a in enumerate(out["stack"]):
        assert_close(states[:-1, layer], np.array(a["h"])[1:, :, 0], "h")
        assert_close(z[:-1, layer], np.array(a["z"])[:, :, 0], "z")
        assert_close(r[:-1, layer], np.array(a["r"])[:, :, 0], "r")


@pytest.mark.parametrize("units", ["chars", "bytes"])
def test_samples(units):
    vocabulary = gru_ext.Vocabulary.from_text("grüße\n" * 9, units)
    model = gru_ext.Model.create(vocabulary, 4)
    found = sample(model, 200, 1.0, 7)
    assert len(found) == 200
    assert len(np.unique(found)) > 4
    assert found.tolist() == sample(model, 200, 1.0, 7).tolist()
    assert found.tolist() != sample(model, 200, 1.0, 8).tolist()


# ------------------------------------------------------------------ passages

RUN = {"hidden_size": 4, "max_steps": 3, "val_fraction": 0.2, "split": "tail", "quiet": True}
LONG = "".join(f"{n} apples and {n * 7} pears.\n" for n in range(300))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("passage") / "m.npz"
    gru_ext.train(LONG, output=path, **RUN)
    return gru_ext.load(path)


def passage_of(model, text, most=1_000_000, split=None):
    split = recorded_split(model.about) if split is None else split
    return read_passage(TextReader(text), model.vocabulary, most, split)


def decoded(model, passage):
    return model.vocabulary.decode(passage.symbols)


@pytest.mark.parametrize("piece", [7, 1 << 18])
@pytest.mark.parametrize("most", [50, 1_000_000])
def test_the_validation_part(model, most, piece, monkeypatch):
    monkeypatch.setattr("gru_ext.text.units.PIECE", piece)
    size = round(len(LONG) * 0.2)
    passage = passage_of(model, LONG, most)
    assert decoded(model, passage) == LONG[-size:][:most]
    assert (passage.part, passage.characters, passage.skipped) == ("validation", size, 0)


@pytest.mark.parametrize(
    "options",
    [
        {"split": "blocks", "seed": 3},
        {"split": "blocks", "document_separator": "pears.\n"},
        {"split": "documents", "document_separator": "\n", "shuffle": False},
        {"split": None, "val_fraction": None, "document_separator": "\n"},
    ],
)
def test_a_validation_part_from_all_over_the_text(tmp_path, options):
    gru_ext.train(LONG, output=tmp_path / "m.npz", **RUN | options)
    model = gru_ext.load(tmp_path / "m.npz")
    passage = passage_of(model, LONG)
    run = model.about["run"]["validation"]
    assert (passage.part, passage.characters) == ("validation", run["characters"])
    assert digest(passage.symbols) == run["text_sha256"]
    assert decoded(model, passage) != LONG[-run["characters"] :]
    assert decoded(model, passage_of(model, LONG, 50)) == decoded(model, passage)[:50]
    other = passage_of(model, LONG[:-40])
    assert (other.part, decoded(model, other)) == ("start", LONG[:-40])


def test_another_text_gives_its_start(model):
    other = LONG.replace("7", "8")
    passage = passage_of(model, other, 100)
    assert decoded(model, passage) == other[:100]
    assert (passage.part, passage.characters) == ("start", len(other))
    last = "5" if LONG[-3] != "5" else "6"
    assert passage_of(model, LONG[:-3] + last + LONG[-2:]).part == "trained"


def test_the_training_text_itself(model):
    passage = passage_of(model, LONG[: -round(len(LONG) * 0.2)], 100)
    assert (decoded(model, passage), passage.part) == (LONG[:100], "trained")


def test_a_model_that_records_nothing(model):
    assert recorded_split({}) is None
    assert recorded_split({"training": {"text_sha256": 1, "text_characters": 3}}) is None
    assert recorded_split({"training": {"text_sha256": "a", "text_characters": 3}}) == Split(3, "a")
    passage = passage_of(model, LONG, 100, Split(0, ""))
    assert passage.part == "start"


def test_unknown_characters_are_left_out(model):
    text = LONG[:40].replace("a", "ä€a")
    passage = passage_of(model, text)
    assert decoded(model, passage) == LONG[:40]
    assert passage.skipped == 2 * LONG[:40].count("a")
    with pytest.raises(ValueError, match="at least 2 characters that the model knows: it has 1, "):
        passage_of(model, "äöü1ß")
