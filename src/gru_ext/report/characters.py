# SPDX-License-Identifier: MIT
"""Characters: their classes, and which are alike to the model."""

from __future__ import annotations

import unicodedata

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.parameters import Parameters
from gru_ext.text.vocabulary import Vocabulary

CLASSES = (
    "lower case",
    "upper case",
    "other letters",
    "digits",
    "punctuation",
    "spaces",
    "newlines",
    "other",
)
"""The classes of characters, in the order in which the page shows them."""


def class_of(c: str) -> int:
    """The class of a character: its index in :data:`CLASSES`."""
    category = unicodedata.category(c)
    if c == "\n":
        name = "newlines"
    elif c.isspace():
        name = "spaces"
    elif category in ("Ll", "Lu"):
        name = "lower case" if category == "Ll" else "upper case"
    elif category[0] in "LM":
        name = "other letters"
    elif category[0] == "N":
        name = "digits"
    else:
        name = "punctuation" if category[0] in "PS" and c != "\ufffd" else "other"
    return CLASSES.index(name)


def classes_of(vocabulary: Vocabulary) -> NDArray[np.int64]:
    """The class of each symbol, shape (V,); bytes above 0x7E are ``other``."""
    byte = vocabulary.units == "bytes"
    other = CLASSES.index("other")
    return np.array(
        [other if byte and c > "~" else class_of(c) for c in vocabulary.characters], np.int64
    )


def frequencies(symbols: NDArray[np.integer], V: int) -> NDArray[np.float64]:
    """The fraction of the symbols that each symbol is, shape (V,)."""
    return np.bincount(symbols, minlength=V) / max(1, len(symbols))


def nearest(
    parameters: Parameters, among: NDArray[np.integer], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The symbols that the model reads most alike.

    A symbol is the vector of its columns of Wz, Wr and Wh of the first layer, minus the mean vector
    of all symbols in ``among``. Two symbols are compared by the cosine of their vectors.

    Parameters
    ----------
    parameters : Parameters
    among : ndarray of symbols, shape (k,)
        The symbols to compare, each once.
    count : int
        How many to return for each; at most k - 1 are.

    Returns
    -------
    neighbours : ndarray of symbols, shape (k, count)
        The most similar symbols of each, nearest first.
    cosines : ndarray of float64, shape (k, count)
    """
    vectors = np.concatenate([parameters[name][:, among] for name in ("Wz", "Wr", "Wh")])
    vectors = vectors.astype(np.float64)
    vectors -= vectors.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.sum(vectors**2, axis=0))
    vectors /= np.where(norms > 0, norms, 1)
    cosines = vectors.T @ vectors
    np.fill_diagonal(cosines, -np.inf)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, : min(count, len(among) - 1)]
    return among[order].astype(np.int64), np.take_along_axis(cosines, order, axis=1)
