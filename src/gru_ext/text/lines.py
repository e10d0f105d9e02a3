# SPDX-License-Identifier: MIT
"""A list of short lines, such as names, words or towns, is recognised while it is read."""

from __future__ import annotations

from collections.abc import Iterator

_FEWEST_LINES = 50
_LONGEST_LINE, _LONGEST_MEAN = 80, 24
_READ = 1 << 20
# Marks of sentences, tables, addresses and source code, also of Chinese and Japanese.
_MARKS = set('.,;:!?(){}[]<>=/\\|"\t' + "。、，；：！？（）…")  # noqa: RUF001
# One line in so many may have a mark, or have no letter.
_ONE_IN = 20


class ListOfLines:
    """Whether a text is a list: many short lines without sentences, numbers or indentation.

    It is decided from the first million characters. What is like prose, verse, a play, a log, a
    table or source code is none. Lines of bytes are taken as Latin-1.
    """

    def __init__(self) -> None:
        self._possible = True
        self._rest = ""
        self._lines = self._characters = self._marked = self._without_letter = 0
        self._blank = False

    def watch(self, pieces: Iterator[str | bytes]) -> Iterator[str | bytes]:
        """Yield the pieces of the text as they are, and look at the first of them."""
        read = 0
        for piece in pieces:
            if self._possible and read < _READ:
                self._add(piece if isinstance(piece, str) else piece.decode("latin-1"))
                read += len(piece)
            yield piece
        if read < _READ:
            self._add("\n")  # the last line may have no end

    @property
    def found(self) -> bool:
        """Whether the text that was watched is a list."""
        return (
            self._possible
            and self._lines >= _FEWEST_LINES
            and self._characters <= _LONGEST_MEAN * self._lines
            and self._marked * _ONE_IN < self._lines
            and self._without_letter * _ONE_IN < self._lines
        )

    def _add(self, piece: str) -> None:
        *lines, self._rest = (self._rest + piece).split("\n")
        short = len(self._rest) <= _LONGEST_LINE
        self._possible = self._possible and short and all(map(self._is_entry, lines))

    def _is_entry(self, line: str) -> bool:
        """Count a line; return whether a list may have it at this place."""
        if not line:
            self._blank = self._lines > 0
            return True  # at the end of the text
        if self._blank or line[0].isspace() or len(line) > _LONGEST_LINE:
            return False
        self._lines += 1
        self._characters += len(line)
        self._marked += not _MARKS.isdisjoint(line)
        self._without_letter += not any(map(str.isalpha, line))
        return True
