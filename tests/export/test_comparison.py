# SPDX-License-Identifier: MIT
"""The check of an export: what it finds, and what it allows."""

import numpy as np
import pytest
from exported import MODELS, TEXT, drawn

from gru_ext import export
from gru_ext.export.recurrence import numpy_logits


@pytest.mark.parametrize("model", MODELS, ids=lambda each: f"{each[0]}-{each[1]}-{each[2]}")
def test_the_same_weights_pass(model):
    model = drawn(*model)
    found = export.check(model, numpy_logits(model.parameters), TEXT)
    assert found.passed
    bits = model.score(TEXT).bits_per_char
    other = numpy_logits(model.parameters)
    # the whole check, done again by hand
    if model.separator is None:
        logits = other(model.vocabulary.encode(TEXT)[:-1].astype(np.int32))
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        theirs = -np.log2(p[np.arange(len(p)), model.vocabulary.encode(TEXT)[1:]]).mean()
        np.testing.assert_allclose(found.bits_per_char, abs(theirs - bits), atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", [1, 2])
def test_every_parameter_counts(layers, dtype):
    """A change of a thousandth in the weights, or an exchange of two gates, is found."""
    model = drawn("chars", layers, dtype)
    for name, view in model.parameters.items():
        changed = dict(model.parameters) | {name: view * (1 + 2e-3)}
        assert not export.check(model, numpy_logits(changed), TEXT).passed, name
    exchanged = dict(model.parameters)
    exchanged["Uz"], exchanged["Ur"] = exchanged["Ur"], exchanged["Uz"]
    found = export.check(model, numpy_logits(exchanged), TEXT)
    assert not found.passed
    assert found.log_probability > 0.1
    assert found.bits_per_char > 0.01


def test_the_state_is_reset_at_documents():
    model = drawn(separator="|")
    starts = []

    def logits(symbols):
        starts.append(model.vocabulary.decode(symbols))
        return numpy_logits(model.parameters)(symbols)

    assert export.check(model, logits, "one day.|the fox|a").passed
    assert starts == ["one day.", "|the fox", "|"]
    del model.about["document_separator"]
    starts.clear()
    assert export.check(model, logits, "one day.|the fox|a").passed
    assert starts == ["one day.|the fox|"]


def test_a_text_is_read_up_to_1000_steps():
    found = export.check(drawn(), numpy_logits(drawn().parameters), TEXT * 20)
    assert found.steps == 1000


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_not_finite_fail(value):
    model = drawn()
    V = len(model.vocabulary)
    found = export.check(model, lambda symbols: np.full((len(symbols), V), value), TEXT)
    assert not found.passed


@pytest.mark.parametrize(
    ("text", "error"), [("", "2 characters"), ("o", "2 characters"), ("o☃", "does not know: '☃'")]
)
def test_texts_that_cannot_be_read(text, error):
    with pytest.raises(ValueError, match=error):
        export.check(drawn(), numpy_logits(drawn().parameters), text)


def test_logits_of_another_shape():
    with pytest.raises(ValueError, match=r"must have shape \(4, "):
        export.check(drawn(), lambda symbols: np.zeros((len(symbols), 3)), TEXT[:5])
