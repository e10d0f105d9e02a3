# SPDX-License-Identifier: MIT
"""The sampler, written like its definitions, for one stream; and automata for the tests."""

import math

import numpy as np

from gru_ext.core.windows import Workspace, forward_window
from gru_ext.model.parameters import Parameters

NONE, STOP, REGEX, LENGTH = range(4)


class KernelSoftmax:
    """softmax(logits / temperature) as the kernel computes it, from a model without weights."""

    def __init__(self, V, dtype):
        self.parameters = Parameters(V, 1, dtype)
        self.workspace = Workspace(V, 1, 1, 1, dtype)

    def __call__(self, logits, temperature):
        inverse = 1 / temperature if temperature > 1e-6 else 1e6
        dtype = self.parameters.dtype.type
        with np.errstate(over="ignore"):
            self.parameters["by"][:, 0] = np.asarray(logits, dtype) * dtype(inverse)
        forward_window(self.parameters.flat, np.zeros((1, 1), np.int32), None, self.workspace)
        return self.workspace.probabilities[0, 0].astype(np.float64)


def penalties(history, V, dry, dry_base, dry_length, dry_range, dry_breakers=()):
    """The penalty of each symbol: DRY, from all places of the history."""
    history = history[-dry_range:]
    penalty = np.zeros(V)
    for c in range(V):
        longest = 0
        for j in range(len(history) - 1):
            length = 0
            while (
                length <= j
                and history[j - length] == history[-1 - length]
                and history[j - length] not in dry_breakers
            ):
                length += 1
            if history[j + 1] == c:
                longest = max(longest, length)
        if longest >= dry_length and c not in dry_breakers:
            # 1e6 ** 50 is finite
            penalty[c] = min(dry * dry_base ** min(longest - dry_length, 50), 1e30)
    return penalty


def kept(p, top_k=0, top_p=1.0, min_p=0.0, typical_p=1.0):
    """p, with zero for the symbols that the filters remove."""

    def fewest(p, key, mass):
        # symbols in ascending order of key, until their sum reaches mass
        order = np.lexsort((np.arange(len(p)), key))
        reached = np.flatnonzero(p[order].cumsum() >= mass)
        removed = order[reached[0] + 1 :] if reached.size else order[:0]
        p[removed] = 0
        return p / p.sum()

    p = p / p.sum()
    if top_k:
        p[np.lexsort((np.arange(len(p)), -p))[top_k:]] = 0
        p /= p.sum()
    if top_p < 1:
        p = fewest(p, -p, top_p)
    if min_p:
        p = np.where(p >= min_p * p.max(), p, 0)
        p /= p.sum()
    if typical_p < 1:
        surprise = np.full(len(p), math.inf)
        surprise[p > 0] = -np.log(p[p > 0])
        entropy = (p[p > 0] * surprise[p > 0]).sum()
        p = fewest(p, np.abs(surprise - entropy), typical_p)
    return p


def sample(p, uniform):
    above = p.cumsum()
    found = np.flatnonzero(above > uniform * above[-1])
    return int(found[0]) if found.size else len(p) - 1


class Reference:
    """One stream: choose(logits, uniforms) as the sampler's, for logits (n, V)."""

    def __init__(self, V, dtype, *, temperature=1.0, surprise=None, surprise_rate=0.1, bias=None,
                 dry=0.0, dry_base=1.15, dry_length=20, dry_range=1024, dry_breakers=(),
                 regex=None, stop=None, length=math.inf, **filters):  # fmt: skip
        self.V, self.dtype, self.softmax = V, dtype, KernelSoftmax(V, dtype)
        self.temperature, self.filters = temperature, filters
        self.target, self.rate = surprise, surprise_rate
        self.mu = surprise and 2 * surprise
        self.bias = np.zeros(V) if bias is None else bias
        self.dry = (dry, dry_base, dry_length, dry_range, dry_breakers)
        self.regex, self.stop, self.length = regex, stop, length
        self.at, self.stop_at = 0, 0
        self.history, self.count = [], 0
        self.surprises = []

    def choose(self, logits, uniforms):
        symbols, ended = np.full(len(logits), -1), NONE
        for i, (y, u) in enumerate(zip(logits, uniforms, strict=True)):
            symbol = self.next(y, u)
            if symbol < 0:
                return symbols, REGEX
            symbols[i] = symbol
            ended = self.observe(symbol)
            if ended:
                break
        return symbols, ended

    def next(self, y, u):
        y = y + self.bias.astype(self.dtype)
        if self.dry[0]:
            y -= penalties(self.history, self.V, *self.dry).astype(self.dtype)
        if self.regex:
            following, accepting, to_accept = (np.asarray(a) for a in self.regex)
            to = following[self.at]
            fits = to_accept[to] <= self.length - self.count - 1
            masked = ~fits & (to >= 0) if accepting[self.at] else ~fits | (to < 0)
            y = np.where(masked, self.dtype(-math.inf), y)
            if masked.all():
                return -1
        if self.temperature <= 1e-6:
            symbol = int(y.argmax())
        else:
            p = self.softmax(y, self.temperature)
            left = kept(p, **self.filters)
            if self.target:
                best = p.argmax()
                left = np.where(p >= 2.0**-self.mu, p, 0)
                left[best] = p[best]
            symbol = sample(left, u)
        if self.regex and to[symbol] < 0:
            return -1
        if self.target and self.temperature > 1e-6:
            self.surprises.append(-math.log2(p[symbol]))
            self.mu -= self.rate * (self.surprises[-1] - self.target)
        return symbol

    def observe(self, symbol):
        self.history.append(symbol)
        self.count += 1
        if self.regex:
            self.at = self.regex[0][self.at][symbol]
        if self.stop:
            self.stop_at = self.stop[0][self.stop_at][symbol]
            if self.stop[1][self.stop_at]:
                return STOP
        if self.regex and self.regex[1][self.at] and max(self.regex[0][self.at]) < 0:
            return REGEX
        return LENGTH if self.count == self.length else NONE


def regex_tables(transitions, accepting, V):
    """Tables of a regex from {state: {symbol: state}}."""
    S = len(transitions)
    following = np.full((S, V), -1, np.int32)
    for state, row in transitions.items():
        for symbol, to in row.items():
            following[state, symbol] = to
    accepts = np.isin(np.arange(S), accepting)
    to_accept = np.where(accepts, 0, np.iinfo(np.int32).max)
    for _ in range(S):
        for state, row in transitions.items():
            for to in row.values():
                to_accept[state] = min(to_accept[state], to_accept[to] + 1)
    return following, accepts, to_accept.astype(np.int32)


def stop_tables(strings, V):
    """Tables that accept where the symbols read end with one of the strings."""
    prefixes = sorted(
        {s[:n] for s in strings for n in range(len(s) + 1)}, key=lambda s: (len(s), s)
    )

    def longest_suffix(symbols):
        return next(symbols[i:] for i in range(len(symbols) + 1) if symbols[i:] in prefixes)

    following = [[prefixes.index(longest_suffix((*s, v))) for v in range(V)] for s in prefixes]
    accepting = [any(s[i:] in strings for i in range(len(s) + 1)) for s in prefixes]
    return np.array(following, np.int32), np.array(accepting)
