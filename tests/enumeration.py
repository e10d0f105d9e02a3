# SPDX-License-Identifier: MIT
"""Small models, and all texts that one can generate, with their probabilities."""

import functools
import itertools
import math
import re
from typing import NamedTuple

import numpy as np
import reference

from gru_ext import Model, Vocabulary


def toy(characters="abc", H=5, dtype="float64", layers=1, seed=0, scale=1.5, **about):
    """A model with weights large enough that each character matters."""
    units = about.pop("units", "chars")
    vocabulary = Vocabulary(characters, units)
    model = Model.create(vocabulary, H, dtype, layers=layers)
    weights = reference.random_parameters(len(characters), H, seed, scale=scale, layers=layers)
    model.parameters.assign(weights)
    model.about.update(about)
    return model


class Outcome(NamedTuple):
    """A text that is generated, and why it ends there.

    ``p`` is the probability of its characters, ``end`` that of the characters that end a match,
    and ``sampled`` that of the whole when the rest is left out in each step.
    """

    text: str
    ending: str
    p: float
    end: float
    sampled: float


@functools.cache
def matches_of(regex, characters, length):
    """All texts with at most so many characters that match."""
    texts = ("".join(t) for n in range(length + 1) for t in itertools.product(characters, repeat=n))
    return {text for text in texts if regex is None or re.fullmatch(regex, text)}


def outcomes(model, prompt, length, stop=(), regex=None, horizon=3):
    """All texts that follow a prompt, with at most so many characters.

    The horizon is the number of characters after which every beginning of a match has become one.
    """
    characters = model.vocabulary.characters
    matches = matches_of(regex, characters, length + horizon + 1)
    begun = {text[:n] for text in matches for n in range(len(text) + 1)}
    fitting = {text[:n] for text in matches if len(text) <= length for n in range(len(text) + 1)}

    def follow(text, p, sampled):
        allowed = [c for c in characters if text + c in begun]
        if any(text.endswith(each) for each in stop):
            yield Outcome(text, "stop", p, 1, sampled)
        elif regex is not None and not allowed:
            yield Outcome(text, "regex", p, 1, sampled)
        elif len(text) == length:
            yield Outcome(text, "length", p, 1, sampled)
        else:
            steps = model.next_probabilities(prompt + text)
            left = {c: steps[c] for c in allowed if text + c in fitting}
            end = sum(steps[c] for c in characters if c not in allowed)
            end *= regex is not None and text in matches
            total = sum(left.values()) + end
            if end:
                yield Outcome(text, "regex", p, end, sampled * end / total)
            for c, step in left.items():
                yield from follow(text + c, p * step, sampled * step / total)

    return list(follow("", 1, 1))


def assert_sampled_from(counts, p):
    """Pearson's chi-square test; what is expected less than 5 times is taken as one."""
    counts, p = np.asarray(counts, float), np.asarray(p, float)
    expected = p * counts.sum()
    assert not counts[p == 0].any()
    rare = expected < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    counts, expected = counts[expected > 0], expected[expected > 0]
    statistic = ((counts - expected) ** 2 / expected).sum()
    degrees = len(counts) - 1
    # its mean, and five standard deviations
    assert statistic <= degrees + 5 * math.sqrt(2 * degrees) + 1e-9
