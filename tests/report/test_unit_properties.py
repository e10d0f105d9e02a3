# SPDX-License-Identifier: MIT
"""How well units separate properties, by the definitions of the statistics."""

import numpy as np
import pytest

from gru_ext.report.units import (
    FEWEST,
    Feature,
    features_of,
    inside_brackets,
    inside_quotes,
    mean_ranks,
    separation,
    separations,
)


def marks(text):
    return np.array([c == "x" for c in text])


def test_equal_values_share_their_mean_rank():
    assert mean_ranks(np.array([3.0, 1, 3, 0, 3])).tolist() == [4, 2, 4, 1, 4]


@pytest.mark.parametrize("seed", range(3))
def test_the_auc_is_that_of_pairs(seed):
    rng = np.random.default_rng(seed)
    values, yes = rng.integers(0, 6, 80) + 0.5, rng.random(80) < 0.3
    pairs = np.sign(values[yes][:, None] - values[~yes]) / 2 + 0.5
    found = separation(mean_ranks(values), Feature("yes", yes))
    assert (found + 1) / 2 == pytest.approx(pairs.mean())


def test_separation_without_error():
    yes = marks("..x.xx..")
    assert separation(mean_ranks(np.where(yes, 0.9, -0.1)), Feature("yes", yes)) == 1
    assert separation(mean_ranks(np.where(yes, -0.9, 0.1)), Feature("yes", yes)) == -1
    assert separation(mean_ranks(np.ones(8)), Feature("yes", yes)) == 0


def test_numbers_are_compared_by_their_ranks():
    places = np.array([1, 2, 3, 4, 1, 2, 3])
    feature = Feature("place", places, graded=True)
    assert separation(mean_ranks(places**3), feature) == pytest.approx(1)
    assert separation(mean_ranks(-(places**3)), feature) == pytest.approx(-1)
    other = np.random.default_rng(2).integers(0, 4, 7)
    expected = np.corrcoef(mean_ranks(places), mean_ranks(other))[0, 1]
    assert separation(mean_ranks(other), feature) == pytest.approx(expected)
    assert separation(mean_ranks(np.zeros(7)), feature) == 0


def test_a_unit_in_each_row():
    yes = np.arange(60) % 3 == 0
    found = separations(np.stack([yes, ~yes, np.ones(60)], axis=1), [Feature("yes", yes)])
    assert found.tolist() == [[1], [-1], [0]]


def test_quotes():
    text = 'a "b c" d “e” f'
    assert "".join(np.array(list(text))[inside_quotes(text)]) == '"b c“e'
    # an empty line closes a mark that was never closed
    assert inside_quotes('"ab\n\nc "d" e').tolist() == [True] * 4 + [False] * 3 + [True] * 2 + (
        [False] * 3
    )


def test_brackets():
    text = "f(a[1], {2}) + )b("
    assert "".join(np.array(list(text))[inside_brackets(text)]) == "(a[1], {2}("
    assert not inside_brackets("(a\n\nb")[-1]


def test_features():
    text = 'Ab 1.\nC "d" (e)\t' * 20
    features = {feature.name: feature for feature in features_of(text)}
    assert all(feature.usable for feature in features.values())
    for name, characters in {
        "newline": "\n",
        "space": " \t",
        "upper case": "AC",
        "digit": "1",
        "punctuation": '."()',
    }.items():
        where = features[name].values
        assert {c for c, yes in zip(text, where, strict=True) if yes} == set(characters), name
    assert features["position in the line"].values[:8].tolist() == [1, 2, 3, 4, 5, 6, 1, 2]
    assert features["position in the word"].values[:4].tolist() == [1, 2, 0, 1]


def test_what_is_too_rare_is_not_used():
    yes = np.arange(100) < FEWEST
    assert Feature("yes", yes).usable
    assert not Feature("yes", yes[1:]).usable
    assert not Feature("no", ~yes[1:]).usable
    assert not Feature("place", np.array([0, 1, 1]), graded=True).usable
