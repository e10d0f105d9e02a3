# SPDX-License-Identifier: MIT
"""Beam search: the most likely texts that follow a prompt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_ext.model.sampling import LENGTH, Sample, encoded_prompt, read_first
from gru_ext.model.sampling_options import BeamOptions
from gru_ext.model.sampling_plan import Constraints
from gru_ext.model.stream import Stream

if TYPE_CHECKING:
    from gru_ext.model.automata import Automaton
    from gru_ext.model.stored import StoredModel


@dataclass(frozen=True)
class _Beam:
    """The texts that are extended, best first: at most W, of the same length."""

    scores: NDArray[np.float64]
    """log2 of the probability, with the biases, (B,)."""
    bits: NDArray[np.float64]
    """-log2 of the probability under the model, (B,)."""
    stop: NDArray[np.int32]
    """States of the stop automaton, (B,)."""
    regex: NDArray[np.int32]
    """States of the regex, (B,)."""


class _Ended(NamedTuple):
    """A text that has ended, of so many symbols; the last one is in a row of that step."""

    score: float
    bits: float
    length: int
    row: int
    ending: str


def beam_search(
    model: StoredModel, length: int, prompts: Sequence[str | bytes], options: BeamOptions
) -> list[list[Sample]]:
    """Search after each prompt (:meth:`Model.beam_search`)."""
    length = LENGTH.check("length", length)
    plan = Constraints(options, model.vocabulary, length)
    return [_Search(model, plan, options).run(prompt) for prompt in prompts]


class _Search:
    """One search.

    Attributes
    ----------
    steps : list of (parents, symbols)
        For each step the rows of the beam before it that were extended, (B,), and by which symbol,
        (B,). A text is read backwards from its last row.
    ended : list of _Ended
        The best n, best first.
    """

    def __init__(self, model: StoredModel, plan: Constraints, options: BeamOptions) -> None:
        self.model, self.plan = model, plan
        self.width, self.power = options.beam_width, options.length_normalization
        self.most = options.n or self.width
        self.steps: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
        self.ended: list[_Ended] = []

    def run(self, prompt: str | bytes) -> list[Sample]:
        model, W = self.model, self.width
        first = read_first(model, encoded_prompt(model, prompt), None)
        reader, stream = (
            Stream(model.parameters, B, model.separator, model.vocabulary) for B in (1, W)
        )
        reader.read(first[:, None])
        stream.assign([reader] * W, [0] * W)
        other = stream.copy()
        zeros = np.zeros(1, np.int32)
        beam = _Beam(np.zeros(1), np.zeros(1), zeros, zeros)
        while len(self.steps) < self.plan.length:
            beam = self._extend(beam, stream.log_probabilities().reshape(W, -1))
            B = len(beam.scores)
            if self._is_decided(beam):
                break
            # streams from B on are not used, and repeat the first
            parents, symbols = np.zeros((2, W), np.int32)
            parents[:B], symbols[:B] = (each[:B] for each in self.steps[-1])
            other.assign([stream] * W, parents.tolist())
            stream, other = other, stream
            stream.read(symbols[None])
        if not self.plan.length:
            self.ended.append(_Ended(0.0, 0.0, 0, 0, "length"))
        return [self._sample(prompt, each) for each in self.ended]

    def _extend(self, beam: _Beam, log_p: NDArray[np.float64]) -> _Beam:
        """Extend a beam of B texts by one symbol, whose log p (W, V) is given in nats."""
        regex, stop, n = self.plan.regex, self.plan.stop, len(self.steps) + 1
        B, V = len(beam.scores), log_p.shape[1]
        log_p = log_p[:B] / math.log(2)
        gains = np.full((B, V + 1), -np.inf)  # the last one: a match ends
        gains[:, :V] = log_p + self.plan.bias / math.log(2)
        if regex is not None:
            _match(regex, beam.regex, self.plan.length - n, gains)
        candidates = (beam.scores[:, None] + gains).ravel()
        chosen = _best(candidates, self.width)
        scores = candidates[chosen]
        parents, symbols = np.divmod(chosen, V + 1)
        new = [
            self._ended(scores[i], beam.bits[parents[i]], n - 1, parents[i], "regex")
            for i in np.flatnonzero(symbols == V)
        ]

        more = symbols < V
        scores, parents, symbols = scores[more], parents[more], symbols[more]
        bits = beam.bits[parents] - log_p[parents, symbols]
        stop_states, regex_states = beam.stop[parents], beam.regex[parents]
        endings = np.full(len(symbols), "length" if n == self.plan.length else "", "U6")
        if regex is not None:
            regex_states = regex.next[regex_states, symbols]
            endings[(regex.next[regex_states] < 0).all(axis=1)] = "regex"
        if stop is not None:
            stop_states = stop.next[stop_states, symbols]
            endings[stop.accepting[stop_states]] = "stop"
        order = np.argsort(endings != "", kind="stable")
        self.steps.append((parents[order], symbols[order]))
        B = int((endings == "").sum())
        new += [
            self._ended(scores[i], bits[i], n, row, str(endings[i]))
            for row, i in enumerate(order[B:], B)
        ]
        self.ended = sorted([*self.ended, *new], key=lambda each: -each.score)[: self.most]
        going = order[:B]
        return _Beam(scores[going], bits[going], stop_states[going], regex_states[going])

    def _ended(self, score: float, bits: float, length: int, row: int, ending: str) -> _Ended:
        normalized = float(score) / max(1, length) ** self.power
        return _Ended(normalized, float(bits), length, int(row), ending)

    def _is_decided(self, beam: _Beam) -> bool:
        """Whether no text of the beam can become one of the best n."""
        if not len(beam.scores):
            return True
        if len(self.ended) < self.most or self.plan.bias.max() > 0:
            return False
        # a score only falls, and the largest divisor is that of the greatest length
        return bool(beam.scores[0] / self.plan.length**self.power <= self.ended[-1].score)

    def _sample(self, prompt: str | bytes, ended: _Ended) -> Sample:
        found, row = np.empty(ended.length, np.intp), ended.row
        for i in reversed(range(ended.length)):
            parents, symbols = self.steps[i]
            found[i], row = symbols[row], parents[row]
        text = self.plan.text(found, ended.ending, isinstance(prompt, bytes))
        return Sample(prompt, text, ended.bits, ended.ending, ended.length)


def _match(
    regex: Automaton, states: NDArray[np.int32], left: int, gains: NDArray[np.float64]
) -> None:
    """Apply a regex to what is added to the score by each symbol and by the end, (B, V + 1).

    After the symbol there may be ``left`` more. A match ends with the probability of all symbols
    that the regex does not allow next.
    """
    V = gains.shape[1] - 1
    following = regex.next[states]
    forbidden = following < 0
    ends = np.logaddexp2.reduce(np.where(forbidden, gains[:, :V], -np.inf), axis=1)
    gains[:, V] = np.where(regex.accepting[states], ends, -np.inf)
    gains[:, :V][forbidden | (regex.to_accept[following] > left)] = -np.inf


def _best(values: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """The places of the largest finite values, the largest first; of equal ones the first."""
    found = np.flatnonzero(values > -np.inf)
    if len(found) > most:
        least = np.partition(values[found], -most)[-most]
        above = found[values[found] > least]
        equal = found[values[found] == least]
        found = np.concatenate([above, equal[: most - len(above)]])
    order: NDArray[np.intp] = found[np.argsort(-values[found], kind="stable")]
    return order
