# SPDX-License-Identifier: MIT
"""Characters and their symbols: 0 to V - 1, in the order of the code points."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CODE_POINTS = 0x110000
# Characters encoded at a time, so that a long text needs little beside its symbols.
_CHUNK = 1 << 20


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _chunks(text: str) -> Iterator[NDArray[np.uint32]]:
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, not {type(text).__name__}")
    for start in range(0, len(text), _CHUNK):
        yield _code_points(text[start : start + _CHUNK])


class Vocabulary:
    """The characters a model knows.

    Parameters
    ----------
    characters : str
        Each character once; its place is its symbol.

    Raises
    ------
    ValueError
        Where there is none, or one stands twice.
    """

    def __init__(self, characters: str) -> None:
        if not characters:
            raise ValueError("a vocabulary needs at least one character")
        if len(set(characters)) != len(characters):
            raise ValueError("a vocabulary must have each character once")
        self.characters = characters
        self._symbols: NDArray[np.int32] | None = None

    @classmethod
    def from_text(cls, text: str) -> Vocabulary:
        """The vocabulary of all characters of a text, sorted."""
        if not text:
            raise ValueError("the text is empty: it must have at least one character")
        seen = np.zeros(CODE_POINTS, bool)
        for chunk in _chunks(text):
            seen[chunk] = True
        return cls("".join(map(chr, np.flatnonzero(seen))))

    def __len__(self) -> int:
        return len(self.characters)

    def __contains__(self, character: object) -> bool:
        return isinstance(character, str) and character in self.characters

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.characters == other.characters

    def __hash__(self) -> int:
        return hash(self.characters)

    def __repr__(self) -> str:
        return f"Vocabulary({self.characters!r})"

    @property
    def dtype(self) -> np.dtype[np.integer]:
        """The smallest of uint8, uint16 and int32 that holds every symbol."""
        for dtype in (np.uint8, np.uint16):
            if len(self) <= np.iinfo(dtype).max + 1:
                return np.dtype(dtype)
        return np.dtype(np.int32)

    def encode(self, text: str) -> NDArray[np.integer]:
        """Symbols of a text, shape (n,), in :attr:`dtype`.

        Raises
        ------
        ValueError
            Where the text has characters that are not in the vocabulary; it lists them.
        """
        if self._symbols is None:
            # up to the last character; one more place stands for all that come after it
            self._symbols = np.full(ord(max(self.characters)) + 2, -1, np.int32)
            self._symbols[_code_points(self.characters)] = np.arange(len(self))
        symbols = np.empty(len(text), self.dtype)
        start = 0
        for chunk in _chunks(text):
            known = self._symbols[np.minimum(chunk, len(self._symbols) - 1)]
            if known.min() < 0:
                raise ValueError(self._unseen(text))
            symbols[start : start + known.size] = known
            start += known.size
        return symbols

    def _unseen(self, text: str) -> str:
        unseen = sorted(set(text) - set(self.characters))
        listed = ", ".join(repr(c) for c in unseen[:20])
        more = f" and {len(unseen) - 20} more" if len(unseen) > 20 else ""
        return f"characters that the model does not know: {listed}{more}"

    def decode(self, symbols: NDArray[np.integer]) -> str:
        """The text of symbols from 0 to V - 1."""
        data: bytes = _code_points(self.characters)[symbols].astype("<u4").tobytes()
        return data.decode("utf-32-le", "surrogatepass")
