# SPDX-License-Identifier: MIT
"""The vocabulary: it counts pieces of a text, encodes them, and decodes symbols.

Symbols are 0 to V - 1, in the order of the code points.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_ext.arguments.messages import character, is_mark, listed
from gru_ext.text.mistaken import check_text_is_no_path
from gru_ext.text.units import Units, check_units, check_whole, pieces_of, utf8

UNKNOWN = "\ufffd"

Decoder = Callable[[NDArray[np.integer], bool], str]


def _codes(piece: str | bytes, start: int = 0) -> NDArray[np.unsignedinteger]:
    """Code points of a str, values of bytes; shape (n,). The piece begins at ``start``."""
    if isinstance(piece, bytes):
        return np.frombuffer(piece, np.uint8)
    if piece.isascii():
        return np.frombuffer(piece.encode(), np.uint8)
    try:
        return np.frombuffer(piece.encode("utf-32-le"), "<u4")
    except UnicodeEncodeError:
        check_whole(piece, start)  # which names the place
        raise


class Counts:
    """How often each character or byte occurs in a text.

    Parameters
    ----------
    pieces : iterable of str or bytes
        The pieces are read once: strings where the units are characters, else bytes.
    units : {"chars", "bytes"}

    Attributes
    ----------
    units : {"chars", "bytes"}
    by_code : ndarray of int64, shape (n,)
        The count of each code point or byte value, up to the largest that occurs.
    """

    def __init__(self, pieces: Iterable[str | bytes], units: Units = "chars") -> None:
        check_units(units)
        self.units = units
        self.by_code = np.zeros(256, np.int64)
        start = 0
        for piece in pieces:
            counted = np.bincount(_codes(piece, start))
            start += len(piece)
            if len(counted) > len(self.by_code):
                self.by_code = np.pad(self.by_code, (0, len(counted) - len(self.by_code)))
            self.by_code[: len(counted)] += counted

    @property
    def length(self) -> int:
        """The number of characters or bytes of the text."""
        return int(self.by_code.sum())

    def codes(self, min_count: int = 1) -> NDArray[np.integer]:
        """The codes that occur at least so often, in order."""
        return np.flatnonzero(self.by_code >= min_count)


class Vocabulary:
    """The characters, or bytes, a model knows.

    Parameters
    ----------
    characters : str
        Each character stands here once; its place is its symbol. A byte is written as the
        character with the byte's value.
    units : {"chars", "bytes"}
    unknown : bool
        Whether U+FFFD, which must be one of the characters, is the unknown token (``<unk>``): the
        symbol of every character that is not in the vocabulary.

    Raises
    ------
    ValueError
        There is no character, one occurs twice, or one is not a byte.
    """

    KEYS = ("vocabulary", "units", "unknown")
    """The keys that :meth:`metadata` may have."""

    def __init__(self, characters: str, units: Units = "chars", unknown: bool = False) -> None:
        check_units(units)
        if not characters:
            raise ValueError("a vocabulary needs at least one character")
        if len(set(characters)) != len(characters):
            raise ValueError("a vocabulary must have each character once")
        if units == "bytes" and max(characters) > "\xff":
            raise ValueError("a vocabulary of bytes must have no character above U+00FF")
        if unknown and UNKNOWN not in characters:
            raise ValueError("a vocabulary with an unknown token must have U+FFFD, its character")
        self.characters = characters
        self.units = units
        self.unknown = unknown
        self._table: NDArray[np.int32] | None = None

    @classmethod
    def from_text(cls, text: str | bytes, units: Units = "chars", min_count: int = 1) -> Vocabulary:
        """Make the vocabulary of a text: all its characters, sorted, or all 256 bytes.

        With a ``min_count`` from 2 on, characters that occur less often become the unknown token,
        U+FFFD.
        """
        if not text:
            raise ValueError("the text is empty: it must have at least one character")
        if isinstance(text, str | bytes):
            check_text_is_no_path(text)
        pieces = pieces_of(_checked(text), units) if units == "chars" else ()
        return cls.from_counts(Counts(pieces, units), min_count)

    @classmethod
    def from_counts(cls, counts: Counts, min_count: int = 1) -> Vocabulary:
        """Make the vocabulary of a text whose characters are counted, as :meth:`from_text`."""
        if min_count < 1:
            raise ValueError(f"min count must be 1 or more, not {min_count}")
        if counts.units == "bytes":
            if min_count > 1:
                raise ValueError(
                    "a min count is for characters: a vocabulary of bytes has all 256 of them"
                )
            return cls("".join(map(chr, range(256))), "bytes")
        frequent = counts.codes(min_count)
        if not len(frequent):
            raise ValueError(
                f"no character occurs {min_count} times: give a min count of at most "
                f"{counts.by_code.max()}"
            )
        characters = {*map(chr, frequent)} | ({UNKNOWN} if min_count > 1 else set())
        return cls("".join(sorted(characters)), unknown=min_count > 1)

    def extended(self, counts: Counts) -> Vocabulary:
        """Return a vocabulary that also has the counted characters, all sorted.

        A vocabulary of bytes has all bytes, and one with an unknown token encodes every character:
        they are returned as they are.
        """
        new = self._unseen(counts) if self.units == "chars" else []
        if not new:
            return self
        return Vocabulary("".join(sorted({*self.characters, *map(chr, new)})))

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> Vocabulary | None:
        """Make the vocabulary that a model file's metadata describe; None where they have none."""
        if metadata.get("vocabulary") is None:
            return None
        units = metadata.get("units", "chars")
        return cls(metadata["vocabulary"], units, metadata.get("unknown") is not None)

    def metadata(self) -> dict[str, Any]:
        """Return what :meth:`from_metadata` reads."""
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

    def encode(self, text: str | bytes, partial: bool = False) -> NDArray[np.integer]:
        """Encode a text, or a piece of it, as symbols of shape (n,) in :attr:`dtype`.

        Parameters
        ----------
        text : str or bytes
            Bytes are for a vocabulary of bytes alone, which encodes the UTF-8 of a str.
        partial : bool
            Whether characters without a symbol become -1 instead of an error; the symbols are
            then int32.

        Raises
        ------
        ValueError
            The text has characters that are not in the vocabulary, and there is no unknown token.
            The message lists them. Or the text has half of a surrogate pair.
        """
        if self.units == "chars":
            text = _checked(text)
        elif isinstance(text, str):
            text = utf8(text)
        elif not isinstance(text, bytes):
            raise TypeError(f"text must be a str or bytes, not {type(text).__name__}")
        symbols = np.empty(len(text), np.int32 if partial else self.dtype)
        start = 0
        for piece in pieces_of(text, self.units):
            found = self._lookup(_codes(piece, start))
            if not partial and found.min() < 0:
                self.check(Counts(pieces_of(text, self.units), self.units))
            symbols[start : start + len(found)] = found
            start += len(found)
        return symbols

    def check(self, counts: Counts) -> None:
        """Raise the ValueError of :meth:`encode` where a counted character has no symbol."""
        unseen = self._unseen(counts)
        if unseen:
            as_bytes = self.units == "bytes"
            names = [f"{c:#04x}" if as_bytes else character(chr(c)) for c in unseen]
            what = "bytes" if as_bytes else "characters"
            other = "" if as_bytes else self._other_form(list(map(chr, unseen)))
            raise ValueError(f"{what} that the model does not know: {listed(names, 20)}{other}")

    def _other_form(self, unseen: list[str]) -> str:
        """How the model knows one of these characters, if it is composed or decomposed."""
        known = set(self.characters)
        for form in ("NFC", "NFD"):
            for c in unseen:
                other = unicodedata.normalize(form, c)
                if other != c and known.issuperset(other):
                    return _in_form(c, form, " ".join(map(character, other)))
        marks = set(filter(is_mark, unseen))
        for c in self.characters if marks else ():
            found = marks.intersection(unicodedata.normalize("NFD", c))
            if found:
                return _in_form(min(found), "NFC", f"part of {character(c)}")
        return ""

    def has(self, codes: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether code points, or byte values, of shape (n,) have a symbol."""
        return self._lookup(codes) >= 0

    def _unseen(self, counts: Counts) -> list[int]:
        """The codes that are counted and have no symbol, in order."""
        codes = counts.codes()
        unseen: list[int] = codes[~self.has(codes)].tolist()
        return unseen

    def _lookup(self, codes: NDArray[np.integer]) -> NDArray[np.int32]:
        """The symbols of codes of shape (n,), shape (n,); -1 where there is none."""
        if self._table is None:
            # up to the last character; one more place stands for all code points above it
            last = max(255, *map(ord, self.characters))
            other = self.characters.index(UNKNOWN) if self.unknown else -1
            table = np.full(last + 2, other, np.int32)
            table[self._points()] = np.arange(len(self))
            self._table = table  # when it is complete: other threads may read it
        if codes.dtype != np.uint8:
            codes = np.minimum(codes, len(self._table) - 1)
        symbols: NDArray[np.int32] = self._table[codes]
        return symbols

    def table(self) -> NDArray[np.int32]:
        """The symbols of the code points 0 to n - 1 of a str, shape (n,); -1 where there is none.

        Code points whose symbols depend on more than this table, such as those above it and, in a
        vocabulary of bytes, those beyond ASCII, are not in it.
        """
        return self.all_codes()[: 128 if self.units == "bytes" else 0xD800]

    def all_codes(self) -> NDArray[np.int32]:
        """The symbols of all code points, or byte values, shape (n,); -1 where there is none.

        The last element is that of all code points from n - 1 on.
        """
        self._lookup(np.zeros(1, np.uint8))
        assert self._table is not None
        return self._table

    def _points(self) -> NDArray[np.unsignedinteger]:
        """The code points of the characters, shape (V,); files may have halves of pairs."""
        return np.frombuffer(self.characters.encode("utf-32-le", "surrogatepass"), "<u4")

    def decode(self, symbols: NDArray[np.integer]) -> str:
        """Decode symbols from 0 to V - 1; bytes that are not UTF-8 become U+FFFD."""
        return self.decoder()(symbols, True)

    def decoder(self) -> Decoder:
        """Return a function of some symbols, and of whether they are the last, that decodes them.

        It keeps the bytes of an incomplete character until the rest of it comes.
        """
        if self.units == "bytes":
            partial = codecs.getincrementaldecoder("utf-8")("replace")
            return lambda symbols, last: partial.decode(self.to_bytes(symbols), last)
        points = self._points()
        return lambda symbols, last: (
            points[symbols].astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
        )

    def to_bytes(self, symbols: NDArray[np.integer]) -> bytes:
        """Return the bytes of symbols; for a vocabulary of bytes alone."""
        if self.units != "bytes":
            raise TypeError("a vocabulary of characters has no bytes")
        values = np.frombuffer(self.characters.encode("latin-1"), np.uint8)
        found: bytes = values[symbols].tobytes()
        return found


def _in_form(c: str, form: str, known: str) -> str:
    return f"; it knows {character(c)} as {known}: normalise the text to {form}"


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, not {type(text).__name__}")
    return text
