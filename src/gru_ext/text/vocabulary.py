# SPDX-License-Identifier: MIT
"""Characters, or bytes, and their symbols: 0 to V - 1, in the order of the code points."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.text.units import PIECE, UNITS, utf8

CODE_POINTS = 0x110000
UNKNOWN = "\ufffd"

Decoder = Callable[[NDArray[np.integer], bool], str]


def codes_of(text: str | bytes) -> NDArray[np.unsignedinteger]:
    """Code points of a str, values of bytes."""
    if isinstance(text, bytes):
        return np.frombuffer(text, np.uint8)
    if text.isascii():
        return np.frombuffer(text.encode(), np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _pieces(text: str | bytes) -> Iterator[NDArray[np.unsignedinteger]]:
    for start in range(0, len(text), PIECE):
        yield codes_of(text[start : start + PIECE])


class Counts:
    """How often each character or byte was seen.

    Attributes
    ----------
    units : {"chars", "bytes"}
    counts : ndarray, int64
        By code point or value; as long as the largest needs.
    """

    def __init__(self, units: str = "chars") -> None:
        self.units = units
        self.counts = np.zeros(256, np.int64)

    def add(self, text: str | bytes) -> None:
        """Count a piece of text: bytes where they are the units, else a str."""
        for codes in _pieces(text):
            seen = np.bincount(codes)
            if len(seen) > len(self.counts):
                self.counts = np.pad(self.counts, (0, len(seen) - len(self.counts)))
            self.counts[: len(seen)] += seen

    @property
    def total(self) -> int:
        """Length of what was counted."""
        return int(self.counts.sum())


class Vocabulary:
    """The characters, or bytes, a model knows.

    Parameters
    ----------
    characters : str
        Each character once; its place is its symbol. A byte stands as the character of its value.
    units : {"chars", "bytes"}
    unknown : bool
        Whether U+FFFD, which must be among them, stands for every character that is not.

    Raises
    ------
    ValueError
        Where there is none, one stands twice, or one is no byte.
    """

    KEYS = ("vocabulary", "units", "unknown")
    """What :meth:`metadata` may hold."""

    def __init__(self, characters: str, units: str = "chars", unknown: bool = False) -> None:
        if units not in UNITS:
            raise ValueError(f"units must be {' or '.join(UNITS)}, not {units!r}")
        if not characters:
            raise ValueError("a vocabulary needs at least one character")
        if len(set(characters)) != len(characters):
            raise ValueError("a vocabulary must have each character once")
        if units == "bytes" and max(characters) > "\xff":
            raise ValueError("a vocabulary of bytes must have characters up to U+00FF alone")
        if unknown and UNKNOWN not in characters:
            raise ValueError("a vocabulary with an unknown must have U+FFFD, which stands for it")
        self.characters = characters
        self.units = units
        self.unknown = unknown
        self._table: NDArray[np.int32] | None = None

    @classmethod
    def from_text(cls, text: str | bytes, units: str = "chars", min_count: int = 1) -> Vocabulary:
        """The vocabulary of all characters of a text, sorted; of bytes all 256.

        With a ``min_count`` from 2 on, characters seen less often share one unknown, U+FFFD.
        """
        if not text:
            raise ValueError("the text is empty: it must have at least one character")
        counts = Counts(units)
        if units == "chars":
            counts.add(_checked(text))
        return cls.from_counts(counts, min_count)

    @classmethod
    def from_counts(cls, counts: Counts, min_count: int = 1) -> Vocabulary:
        """As :meth:`from_text`, of characters that were counted before."""
        if min_count < 1:
            raise ValueError(f"min count must be 1 or more, not {min_count}")
        if counts.units == "bytes":
            if min_count > 1:
                raise ValueError(
                    "a min count is for characters: a vocabulary of bytes has all 256 of them"
                )
            return cls("".join(map(chr, range(256))), "bytes")
        often = np.flatnonzero(counts.counts >= min_count)
        if not len(often):
            raise ValueError(
                f"no character is seen {min_count} times: give a min count of at most "
                f"{counts.counts.max()}"
            )
        characters = {*map(chr, often)} | ({UNKNOWN} if min_count > 1 else set())
        return cls("".join(sorted(characters)), unknown=min_count > 1)

    def widened(self, counts: Counts) -> Vocabulary:
        """With the characters that were counted and have no symbol, all sorted; or itself.

        One of bytes has them all, and one with an unknown has that for them.
        """
        seen = np.flatnonzero(counts.counts)
        new = seen[self._lookup(seen) < 0] if self.units == "chars" else seen[:0]
        if not len(new):
            return self
        return Vocabulary("".join(sorted({*self.characters, *map(chr, new)})))

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> Vocabulary | None:
        """The vocabulary that a model file's metadata describe, if they do."""
        if metadata.get("vocabulary") is None:
            return None
        units = metadata.get("units", "chars")
        return cls(metadata["vocabulary"], units, metadata.get("unknown") is not None)

    def metadata(self) -> dict[str, Any]:
        """What :meth:`from_metadata` reads."""
        described = {"vocabulary": self.characters}
        if self.units != "chars":
            described["units"] = self.units
        if self.unknown:
            described["unknown"] = UNKNOWN
        return described

    def __len__(self) -> int:
        return len(self.characters)

    def __contains__(self, character: object) -> bool:
        return isinstance(character, str) and character in self.characters

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.metadata() == other.metadata()

    def __hash__(self) -> int:
        return hash((self.characters, self.units, self.unknown))

    def __repr__(self) -> str:
        units = "" if self.units == "chars" else f", {self.units!r}"
        return f"Vocabulary({self.characters!r}{units}{', unknown=True' * self.unknown})"

    @property
    def dtype(self) -> np.dtype[np.integer]:
        """The smallest of uint8, uint16 and int32 that holds every symbol."""
        for dtype in (np.uint8, np.uint16):
            if len(self) <= np.iinfo(dtype).max + 1:
                return np.dtype(dtype)
        return np.dtype(np.int32)

    def encode(self, text: str | bytes) -> NDArray[np.integer]:
        """Symbols of a text, shape (n,), in :attr:`dtype`.

        Parameters
        ----------
        text : str or bytes
            Bytes for a vocabulary of bytes alone, which takes the UTF-8 of a str.

        Raises
        ------
        ValueError
            Where the text has characters that are not in the vocabulary, and it has no unknown to
            stand for them; it lists them.
        """
        if self.units == "bytes":
            if isinstance(text, str):
                text = utf8(text)
            elif not isinstance(text, bytes):
                raise TypeError(f"text must be a str or bytes, not {type(text).__name__}")
        else:
            text = _checked(text)
        symbols = np.empty(len(text), self.dtype)
        start = 0
        for codes in _pieces(text):
            known = self._lookup(codes)
            if known.min() < 0:
                self.check(*_pieces(text))
            symbols[start : start + known.size] = known
            start += known.size
        return symbols

    def _lookup(self, codes: NDArray[np.integer]) -> NDArray[np.int32]:
        """Their symbols; -1 for what has none."""
        if self._table is None:
            # up to the last character; one more place stands for all that come after it
            last = max(255, *map(ord, self.characters))
            other = self.characters.index(UNKNOWN) if self.unknown else -1
            self._table = np.full(last + 2, other, np.int32)
            self._table[codes_of(self.characters)] = np.arange(len(self))
        if codes.dtype != np.uint8:
            codes = np.minimum(codes, len(self._table) - 1)
        known: NDArray[np.int32] = self._table[codes]
        return known

    def check(self, *codes: NDArray[np.integer]) -> None:
        """Raise the ValueError of :meth:`encode` where one of these codes has no symbol."""
        unseen: list[int] = sorted(
            {code for some in codes for code in np.unique(some[self._lookup(some) < 0]).tolist()}
        )
        if unseen:
            as_bytes = self.units == "bytes"
            listed = ", ".join(f"{c:#04x}" if as_bytes else repr(chr(c)) for c in unseen[:20])
            more = f" and {len(unseen) - 20} more" if len(unseen) > 20 else ""
            what = "bytes" if as_bytes else "characters"
            raise ValueError(f"{what} that the model does not know: {listed}{more}")

    def encode_separator(self, text: str) -> NDArray[np.integer]:
        """Symbols of what stands between documents, none of which may be the unknown by chance."""
        if not isinstance(text, str):
            raise TypeError(f"document separator must be a str, not {type(text).__name__}")
        if not text:
            raise ValueError("document separator must have at least one character")
        try:
            return Vocabulary(self.characters, self.units).encode(text)
        except ValueError as error:
            raise ValueError(f"document separator has {error}") from None

    def decode(self, symbols: NDArray[np.integer]) -> str:
        """The text of symbols from 0 to V - 1; of bytes that are no UTF-8, U+FFFD."""
        return self.decoder()(symbols, True)

    def decoder(self) -> Decoder:
        """A function of some symbols, and whether they are the last, that gives their text.

        Bytes that are the first part of a character wait for the rest of it.
        """
        if self.units == "bytes":
            partial = codecs.getincrementaldecoder("utf-8")("replace")
            return lambda symbols, last: partial.decode(self.to_bytes(symbols), last)
        points = np.frombuffer(self.characters.encode("utf-32-le", "surrogatepass"), "<u4")
        return lambda symbols, last: (
            points[symbols].astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
        )

    def to_bytes(self, symbols: NDArray[np.integer]) -> bytes:
        """The bytes of symbols, of a vocabulary of bytes."""
        if self.units != "bytes":
            raise TypeError("this vocabulary is of characters, which have no bytes of their own")
        values = np.frombuffer(self.characters.encode("latin-1"), np.uint8)
        found: bytes = values[symbols].tobytes()
        return found


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, not {type(text).__name__}")
    return text
