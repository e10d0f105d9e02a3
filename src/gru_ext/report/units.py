# SPDX-License-Identifier: MIT
"""Units: how well each of them separates newlines, quotes, upper case and so on.

A unit that follows a property of the text is the observation of Karpathy, Johnson and Li (2015,
"Visualizing and Understanding Recurrent Networks").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gru_ext.report.surprise import places_after, places_in_words

FEWEST = 20
"""A property needs so many characters that have it, and as many that do not."""
_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True)
class Feature:
    """A property of each character of a text.

    Attributes
    ----------
    name : str
    values : ndarray, shape (n,)
        bool, or numbers where ``graded``.
    graded : bool
        Whether units are compared by Spearman's rank correlation; otherwise by the AUC.
    """

    name: str
    values: NDArray[np.generic]
    graded: bool = False

    @property
    def usable(self) -> bool:
        """Whether the text has enough of both values, or different numbers."""
        if self.graded:
            return len(np.unique(self.values)) > 2
        yes = int(np.count_nonzero(self.values))
        return FEWEST <= yes <= len(self.values) - FEWEST


def features_of(text: str) -> list[Feature]:
    """The properties of the characters of a text, whether they are usable or not.

    The property of a place is that of the character which the model has just read there.
    """
    newline, space, upper, digit, word = (
        np.fromiter(map(test, text), bool, len(text))
        for test in ("\n".__eq__, str.isspace, str.isupper, str.isdigit, str.isalnum)
    )
    return [
        Feature("newline", newline),
        Feature("space", space & ~newline),
        Feature("upper case", upper),
        Feature("digit", digit),
        Feature("punctuation", ~word & ~space),
        Feature("inside quotes", inside_quotes(text)),
        Feature("inside brackets", inside_brackets(text)),
        Feature("position in the line", places_after(newline), graded=True),
        Feature("position in the word", places_in_words(word), graded=True),
    ]


def inside_quotes(text: str) -> NDArray[np.bool_]:
    """Where a text is inside double quotes, from the opening mark up to the closing one's place.

    Straight marks open and close in turns. An empty line closes what is open, so that a mark that
    is missing does not turn the rest of the text around.
    """
    inside, found = False, np.zeros(len(text), bool)
    for i, c in enumerate(text):
        if c in "“«":
            inside = True
        elif c in "”»" or (c == "\n" and text[i - 1 : i] == "\n"):
            inside = False
        elif c == '"':
            inside = not inside
        found[i] = inside
    return found


def inside_brackets(text: str) -> NDArray[np.bool_]:
    """Where a text is inside round, square or curly brackets; an empty line closes all of them."""
    depth, found = 0, np.zeros(len(text), bool)
    for i, c in enumerate(text):
        if c in _OPENING:
            depth += 1
        elif c in _CLOSING:
            depth = max(0, depth - 1)
        elif c == "\n" and text[i - 1 : i] == "\n":
            depth = 0
        found[i] = depth > 0
    return found


def mean_ranks(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """The rank of each value, from 1 on, shape (n,); equal values share their mean rank."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[group.reshape(-1)]
    return ranks


def separation(ranks: NDArray[np.float64], feature: Feature) -> float:
    """How well a unit separates a property, from -1 to 1; 0 is not at all.

    For a property that is there or not, it is 2 AUC - 1, where AUC is the probability that the
    activation at a random character with the property is larger than at one without it (the
    statistic of Mann and Whitney, 1947). For a number it is Spearman's rank correlation.

    Parameters
    ----------
    ranks : ndarray, shape (n,)
        The :func:`mean_ranks` of the activations.
    feature : Feature
    """
    n = len(ranks)
    if feature.graded:
        other = mean_ranks(feature.values) - (n + 1) / 2
        ours = ranks - (n + 1) / 2
        scale = float(np.sqrt(np.sum(ours**2) * np.sum(other**2)))
        return float(np.sum(ours * other)) / scale if scale > 0 else 0.0
    yes = feature.values.astype(bool)
    with_it = int(np.count_nonzero(yes))
    larger = float(ranks[yes].sum()) - with_it * (with_it + 1) / 2
    return 2 * larger / (with_it * (n - with_it)) - 1


def separations(activations: NDArray[np.floating], features: list[Feature]) -> NDArray[np.float64]:
    """The separation of each property by each unit.

    Parameters
    ----------
    activations : ndarray, shape (n, units)
    features : list of Feature
        Usable ones.

    Returns
    -------
    ndarray, shape (units, len(features))
    """
    found = np.zeros((activations.shape[1], len(features)))
    for unit, column in enumerate(np.ascontiguousarray(activations.T)):
        ranks = mean_ranks(column)
        found[unit] = [separation(ranks, feature) for feature in features]
    return found
