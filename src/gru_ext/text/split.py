# SPDX-License-Identifier: MIT
"""The validation part of a text: which part it is, and how it is moved behind the training part.

The symbols are rearranged: first those of the training part, then those of the validation part,
each in the order of the text. So both are slices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.messages import counted
from gru_ext.files import StrPath
from gru_ext.text.corpus import slices, store_mapped
from gru_ext.text.documents import count_documents, document_ends, document_starts
from gru_ext.text.draws import BLOCKS, DOCUMENTS, draw, draw_order

# Enough to tell models apart that differ by some thousandths of a bit.
_LARGEST = 1_000_000
# A smaller validation part, in characters and in documents, is not taken by default.
_SMALLEST, _FEWEST_DOCUMENTS = 100, 5
# The blocks are spread over the text. They have so many characters, or else there are fewer; their
# ends are moved to the next line end that is not further away.
_MOST_BLOCKS, _SHORTEST_BLOCK, _NEAR = 16, 256, 256

Ranges = NDArray[np.int64]
"""Places [begin, end) of a text in order, none of which overlap; shape (2, k)."""


@dataclass(frozen=True)
class Parts:
    """A text whose validation part is at its end.

    Attributes
    ----------
    symbols : ndarray, shape (n,)
    trained : int
        The symbols of the training part, which comes first.
    method : str
        How the validation part was chosen: ``blocks``, ``documents`` or ``tail``.
    described : str
        What the validation part is, such as ``16 blocks``; empty where there is none.
    """

    symbols: NDArray[np.integer]
    trained: int
    method: str
    described: str = ""


def validation_size(characters: int, fraction: float | None) -> int:
    """The number of characters of a text that are its validation part, before it is rounded.

    By default it is a tenth, and at most a million; short texts have none.
    """
    if fraction is None:
        tenth = round(characters * 0.1)
        return min(tenth, _LARGEST) if tenth >= _SMALLEST else 0
    size = round(characters * fraction)
    if fraction > 0 and size < 2:
        raise ValueError(
            f"a `val_fraction` of {fraction} of {counted(characters, 'character')} leaves no "
            f"validation part: leave it out or give a longer text"
        )
    return size


def split_text(
    symbols: NDArray[np.integer],
    fraction: float | None,
    method: str | None,
    seed: int,
    *,
    separator: NDArray[np.integer] | None = None,
    newline: int | None = None,
    least: int = 0,
    folder: StrPath | None = None,
) -> Parts:
    """Choose the validation part of a text and move it to the end.

    The result follows from the arguments alone: the same everywhere and with every NumPy.

    Parameters
    ----------
    symbols : ndarray, shape (n,)
        The text. It is rearranged in place where it can be written to; else a copy is written to
        a temporary file.
    fraction : float, optional
        The fraction of the text that is the validation part. By default it is a tenth, at most a
        million symbols, or nothing where that is too little.
    method : {"blocks", "documents", "tail"}, optional
        ``blocks``: one block in each of up to 16 equal intervals, at a drawn place. ``documents``:
        whole documents that are drawn until there are enough, but not all. ``tail``: the end of
        the text. By default ``documents`` where these do not exceed twice the fraction, else
        ``blocks``.
    seed : int
        The seed of what is drawn.
    separator : ndarray of symbols, optional
        What stands between documents.
    newline : int, optional
        The symbol of a line end.
    least : int
        The symbols that the training part must keep where the fraction is not given.
    folder : path-like, optional
        The folder for the temporary file.

    Raises
    ------
    ValueError
        Nothing is left for validation, or there are no documents to draw.
    OSError
        There is no room for the temporary file.
    """
    n, size, ends = len(symbols), validation_size(len(symbols), fraction), None
    if separator is not None and method in (None, "documents"):
        ends = document_ends(symbols, separator)
        if fraction is None and len(ends) >= 10 * _FEWEST_DOCUMENTS:
            size = size or round(n * 0.1)
    if method == "documents" and (ends is None or len(ends) < 2):
        raise ValueError(
            "`split` documents needs two documents or more: give their `document_separator`"
        )
    chosen = method or ("blocks" if ends is None or len(ends) < 2 else "documents")
    if size == 0:
        return Parts(symbols, n, chosen)
    ranges = np.array([[n - size], [n]])
    if ends is not None and chosen == "documents":
        ranges = _documents(ends, size, seed)
        if method is None and _size(ranges) > 2 * size:
            chosen = "blocks"
    if chosen == "blocks":
        ranges = _blocks(symbols, size, seed, separator, newline)
    taken = _size(ranges)
    if fraction is None and n - taken < least:
        return Parts(symbols, n, chosen)
    if taken < 2:
        raise ValueError("the `split` leaves no validation part: give a larger `val_fraction`")
    if chosen != "tail":
        symbols = _rearranged(symbols, ranges, folder)
    described = "the end of the text"
    if chosen == "blocks":
        described = counted(ranges.shape[1], "block")
    elif chosen == "documents" and separator is not None:
        validated = count_documents(symbols[n - taken :], separator)
        every = validated + count_documents(symbols[: n - taken], separator)
        noun = "line" if newline is not None and separator.tolist() == [newline] else "document"
        described = f"{validated:,} of {counted(every, noun)}"
    return Parts(symbols, n - taken, chosen, described)


def _size(ranges: Ranges) -> int:
    return int((ranges[1] - ranges[0]).sum())


def _documents(ends: NDArray[np.int64], size: int, seed: int) -> Ranges:
    """Draw documents until they have so many symbols; one at least, and not all."""
    begins = np.append(0, ends[:-1])
    order = draw_order(seed, DOCUMENTS, 0, len(ends))
    enough = int(np.searchsorted(np.cumsum((ends - begins)[order]), size)) + 1
    drawn = np.sort(order[: min(enough, len(ends) - 1)])
    return np.stack([begins[drawn], ends[drawn]])


def _blocks(
    symbols: NDArray[np.integer],
    size: int,
    seed: int,
    separator: NDArray[np.integer] | None,
    newline: int | None,
) -> Ranges:
    """Draw a block in each of some equal intervals; together they have about ``size`` symbols."""
    n, count = len(symbols), max(1, min(_MOST_BLOCKS, size // _SHORTEST_BLOCK))
    ranges = []
    last = 0
    for i, number in enumerate(draw(seed, BLOCKS, 0, count).tolist()):
        low, high = i * n // count, (i + 1) * n // count
        length = min(size * (i + 1) // count - size * i // count, high - low)
        begin = low + (number * (high - low - length + 1) >> 64)
        near = min(_NEAR, length // 4)
        end = _line_end(symbols, begin + length, min(near, high - begin - length), newline)
        begin = _line_end(symbols, begin, near, newline)
        begin, end = (_after_separator(symbols, at, separator) for at in (begin, end))
        begin = max(begin, last)
        if begin < end:
            ranges.append((begin, end))
            last = end
    return np.array(ranges, np.int64).reshape(-1, 2).T


def _line_end(symbols: NDArray[np.integer], at: int, near: int, newline: int | None) -> int:
    """The first place from ``at`` on, and near it, at which a line ends; else ``at``."""
    if newline is None or at == 0:
        return at
    found = np.flatnonzero(symbols[at - 1 : at + near] == newline)
    return at + int(found[0]) if len(found) else at


def _after_separator(
    symbols: NDArray[np.integer], at: int, separator: NDArray[np.integer] | None
) -> int:
    """The end of the separator in the middle of which a place is; else the place."""
    if separator is None:
        return at
    start = max(0, at - len(separator) + 1)
    around = symbols[start : at + len(separator) - 1]
    found = np.flatnonzero(document_starts(around, separator))
    return start + int(found[0]) + 1 if len(found) else at


def _rearranged(
    symbols: NDArray[np.integer], ranges: Ranges, folder: StrPath | None
) -> NDArray[np.integer]:
    """Move the symbols in these ranges behind all others."""
    if not symbols.flags.writeable:
        parts = (p for inside in (False, True) for p in _selected(symbols, ranges, inside))
        return store_mapped(parts, symbols.dtype, folder)
    moved = np.concatenate(list(_selected(symbols, ranges, True)))
    end = 0
    for part in _selected(symbols, ranges, False):  # what it replaces is read already
        symbols[end : end + len(part)] = part
        end += len(part)
    symbols[end:] = moved
    return symbols


def _selected(
    symbols: NDArray[np.integer], ranges: Ranges, inside: bool
) -> Iterator[NDArray[np.integer]]:
    """Yield the symbols that are in one of the ranges, or in none of them."""
    start = 0
    for part in slices(symbols):
        stop = start + len(part)
        (begun, more), (ended, fewer) = (np.searchsorted(p, (start, stop)) for p in ranges)
        if begun == more and ended == fewer:  # nothing begins or ends in this slice
            if (begun > ended) == inside:
                yield part
        else:
            steps = np.zeros(len(part), np.int8)
            steps[0] = begun - ended
            steps[ranges[0, begun:more] - start] += 1
            steps[ranges[1, ended:fewer] - start] -= 1
            yield part[(np.cumsum(steps, dtype=np.int8) > 0) == inside]
        start = stop
