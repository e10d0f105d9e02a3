# SPDX-License-Identifier: MIT
"""How data is cut into streams, and the sizes of the network that predicts it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

MOST = {
    "vocabulary": 1000,  # the frequencies of so many symbols have a sum below 2**32
    "hidden_size": 4096,
    "layers": 8,
    "streams": 1024,
    "groups": 64,
    "window": 1024,
}
LEARNING_RATE, LEARNING_RATE_GIVEN = 0.01, 0.0015
"""By default: from random weights, and from those of a model that is given."""
MOST_SLOT_BITS = 20
BYTES_PER_STREAM = 4096
"""Data is not cut into shorter streams than this by default."""


@dataclass(frozen=True)
class Plan:
    """What encoder and decoder must agree on, and the container records.

    Attributes
    ----------
    size : int
        The number of bytes, N.
    vocabulary, hidden_size, layers : int
        V, H and the number of layers.
    streams : int
        Stream s is ``data[s * length:(s + 1) * length]``. All are predicted side by side.
    groups : int
        The streams are divided among so many groups, each of which one thread can do.
    window : int
        The number of bytes of each stream after which the network learns from them.
    learning_rate : float
        0: the network does not learn.

    Raises
    ------
    ValueError
        One of them is out of range.
    """

    size: int
    vocabulary: int
    hidden_size: int
    layers: int
    streams: int
    groups: int
    window: int
    learning_rate: float

    def __post_init__(self) -> None:
        for name, most in MOST.items():
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"`{name}` must be from 1 to {most}, not {getattr(self, name)}")
        if self.groups > self.streams:
            raise ValueError(
                f"`groups` must be up to the number of streams, {self.streams}, not {self.groups}"
            )
        if self.size < 0:
            raise ValueError(f"`size` must not be negative, not {self.size}")
        if not 0 <= self.learning_rate <= 1:
            raise ValueError(f"`learning_rate` must be from 0 to 1, not {self.learning_rate}")

    @property
    def length(self) -> int:
        """The number of bytes of each stream; the last ones may be shorter."""
        return -(-self.size // self.streams)

    @property
    def parts(self) -> list[range]:
        """The streams of each group."""
        ends = [self.streams * i // self.groups for i in range(self.groups + 1)]
        return [range(*part) for part in pairwise(ends)]

    @property
    def slots(self) -> int:
        """Positions that each group remembers, a power of 2."""
        return 1 << min((self.length * len(self.parts[-1])).bit_length(), MOST_SLOT_BITS)

    @property
    def memory(self) -> int:
        """An upper limit of the memory that coding takes, in bytes."""
        V, H, more = self.vocabulary + 32, self.hidden_size + 32, self.layers - 1
        weights = V * (4 * H + 1) + 3 * H * (H + 1) + more * 3 * H * (2 * H + 1)
        row = self.layers * 12 * H + 3 * H + 4 * V
        reals = (4 + 5 * self.groups) * weights + (self.window + 4) * self.streams * row
        return 4 * reals + 8 * self.slots * self.groups + 3 * self.size + (1 << 20)

    @property
    def most_bytes_per_code_byte(self) -> int:
        """A byte of code stands for no more data: no symbol has all of the range."""
        return 8 * ((1 << 22) // self.vocabulary + 1)


def choose_plan(size: int, vocabulary: int, **given: object) -> Plan:
    """A plan for data of that size; what is given takes the place of the defaults."""
    streams = given.get("streams") or min(max(size // BYTES_PER_STREAM, 1), 8)
    chosen = {
        "hidden_size": 256,
        "layers": 1,
        "streams": streams,
        "groups": min(2, streams),
        "window": 16,
        "learning_rate": LEARNING_RATE,
    }
    return Plan(size, vocabulary, **chosen | {k: v for k, v in given.items() if v is not None})
