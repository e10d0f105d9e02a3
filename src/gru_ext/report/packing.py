# SPDX-License-Identifier: MIT
"""What a page keeps, so that it stays below 5 MB; and arrays as base64 of small integers."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_PAGE = 5_000_000
"""Bytes that no page exceeds."""
NOT_PREDICTED = 255
"""The code of the bits of a character that was not predicted."""

# Bytes before base64, which adds a third: 3.2 MB become 4.3 MB.
_TEXT, _ALTERNATIVES, _UNITS = 1_000_000, 300_000, 1_900_000
# The numbers of all activations that are held in memory to rank the units.
_STUDIED = 24_000_000
_MOST_STUDIED, _FEWEST_STUDIED = 20_000, 2_000
_LONGEST_WINDOW, _SHORTEST_WINDOW = 10_000, 1_500
# What the page says of a symbol: 12 bytes that are not base64. A small vocabulary is there as a
# whole; of a large one the symbols that are used, in the worst case all of them once.
_ENTRY, _SMALL_VOCABULARY = 9, 20_000


@dataclass(frozen=True)
class Plan:
    """How much of a text and a model is kept.

    Attributes
    ----------
    text : int
        The characters that are shown.
    alternatives : int
        Those of them, from the first on, that have the five likeliest characters.
    studied : int
        The characters over which the units are ranked.
    window : int
        Those of them, from the first on, of which activations are kept.
    units : int
        The units, of all layers, whose activations are kept.
    """

    text: int
    alternatives: int
    studied: int
    window: int
    units: int


def plan(n: int, V: int, layers: int, H: int) -> Plan:
    """Decide how much of n characters and of layers * H units is kept."""
    size = symbol_dtype(V).itemsize
    entry, table = (0, V * _ENTRY) if is_small(V) else (_ENTRY, 0)
    every = layers * H
    window = min(n, max(_SHORTEST_WINDOW, min(_LONGEST_WINDOW, _UNITS // (3 * every))))
    studied = min(_MOST_STUDIED, max(_FEWEST_STUDIED, _STUDIED // (3 * every)))
    text = min(n, (_TEXT - table) // (size + 2 + entry))
    return Plan(
        text,
        min(text, _ALTERNATIVES // (5 * (size + 2 + entry))),
        min(n, max(window, studied)),
        min(window, text),
        min(every, _UNITS // (3 * window)),
    )


def is_small(V: int) -> bool:
    """Whether a vocabulary is on the page as a whole."""
    return V <= _SMALL_VOCABULARY


def symbol_dtype(V: int) -> np.dtype[np.unsignedinteger[Any]]:
    """The smallest unsigned type for the symbols 0 to V - 1, little-endian."""
    return np.dtype("u1" if V <= 1 << 8 else "<u2" if V <= 1 << 16 else "<u4")


def packed(array: NDArray[Any]) -> dict[str, str]:
    """An array as the page reads it: its type and its bytes in base64."""
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return {
        "type": array.dtype.str.lstrip("<|"),
        "base64": base64.b64encode(array.tobytes()).decode(),
    }


def bit_codes(bits: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Tenths of a bit, at most 254; 255 for NaN."""
    tenths = np.rint(np.clip(np.nan_to_num(bits, nan=0.0), 0, 25.4) * 10)
    codes: NDArray[np.uint8] = np.where(np.isnan(bits), NOT_PREDICTED, tenths).astype(np.uint8)
    return codes


def rank_codes(ranks: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Ranks of at most 255."""
    codes: NDArray[np.uint8] = np.minimum(ranks, 255).astype(np.uint8)
    return codes


def probability_codes(probabilities: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Probabilities in units of 1 / 65535."""
    return np.rint(probabilities.astype(np.float64) * 65535).astype(np.uint16)


def activation_codes(values: NDArray[np.floating], least: float) -> NDArray[np.uint8]:
    """Values from ``least`` (0 or -1) to 1, in 254 steps."""
    scaled = (values.astype(np.float64) - least) / (1 - least)
    return np.rint(np.clip(scaled, 0, 1) * 254).astype(np.uint8)


def separation_codes(values: NDArray[np.floating]) -> NDArray[np.int8]:
    """Values from -1 to 1 in hundredths."""
    codes: NDArray[np.int8] = np.rint(np.clip(values, -1, 1) * 100).astype(np.int8)
    return codes
